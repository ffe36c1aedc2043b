// SPDX-License-Identifier: Apache-2.0

package clients

// Whom the machine's people trust, as a site's administrators see to it: an authority of the test's own beside the others, in each
// of the forms that libraries read. It is made on the host: emulated, update-ca-certificates takes five minutes.

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Names of what newAuthority makes.
const (
	authorityCert = "authority.crt"
	authorityKey  = "authority.key"
)

// newAuthority makes certificate and key, in a folder.
func newAuthority(t *testing.T, folder string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Reeve's clients"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 0, 7),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	for name, block := range map[string]*pem.Block{authorityCert: {Type: "CERTIFICATE", Bytes: cert}, authorityKey: {Type: "PRIVATE KEY", Bytes: secret}} {
		must(t, os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600))
	}
}

// trust adds the authority to the machine's, in a layer: the bundle, the folder of OpenSSL, the store of Java.
func trust(t *testing.T, folder, layer string) {
	t.Helper()
	const certs = "/etc/ssl/certs"
	cert := filepath.Join(folder, authorityCert)
	text, err := os.ReadFile(cert)
	must(t, err)
	write(t, layer+ownAuthority, string(text))
	bundle, err := os.ReadFile(certs + "/ca-certificates.crt")
	must(t, err)
	write(t, layer+certs+"/ca-certificates.crt", string(bundle)+string(text))
	hash := run(t, "openssl", "x509", "-noout", "-hash", "-in", cert)
	must(t, os.Symlink(ownAuthority, filepath.Join(layer+certs, strings.TrimSpace(hash)+".0")))
	store, err := os.ReadFile(certs + "/java/cacerts")
	must(t, err)
	write(t, layer+certs+"/java/cacerts", string(store))
	out, err := exec.Command("keytool", "-importcert", "-noprompt", "-alias", "reeve", "-file", cert, "-keystore", layer+certs+"/java/cacerts", "-storepass", "changeit").CombinedOutput()
	if err != nil {
		t.Fatalf("keytool: %v\n%s", err, out)
	}
}
