// SPDX-License-Identifier: Apache-2.0

package clients

// Whom the machine's people trust: an authority of the test's own, in each of the forms that libraries read. It is made on the
// host, and alone: emulated, update-ca-certificates takes five minutes, and each client a second to read all others.

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
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

// trust makes the authority the machine's only one, in a layer: the bundle, the folder of OpenSSL, the store of Java.
func trust(t *testing.T, folder, layer string) {
	t.Helper()
	certs := layer + "/etc/ssl/certs"
	cert := filepath.Join(folder, authorityCert)
	text, err := os.ReadFile(cert)
	must(t, err)
	write(t, layer+ownAuthority, string(text))
	write(t, certs+"/ca-certificates.crt", string(text))
	hash := run(t, "openssl", "x509", "-noout", "-hash", "-in", cert)
	must(t, os.Symlink(ownAuthority, filepath.Join(certs, strings.TrimSpace(hash)+".0")))
	must(t, os.MkdirAll(certs+"/java", 0o755))
	run(t, "keytool", "-importcert", "-noprompt", "-alias", "reeve", "-file", cert, "-storetype", "JKS", "-keystore", certs+"/java/cacerts", "-storepass", "changeit")
}
