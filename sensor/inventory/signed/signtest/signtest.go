// SPDX-License-Identifier: Apache-2.0

// Package signtest makes extensions and signs them, for tests: authorities, certificates below them, and signatures just as they should
// be or not. What it cannot make panics.
package signtest

import (
	"archive/zip"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"maps"
	"math/big"
	"slices"
	"time"

	"github.com/smallstep/pkcs7"
)

// From when until when everything here is valid, a time between, and one after. Signatures say that they were made by the clock.
var (
	from  = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	until = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	Now   = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	After = until.Add(time.Hour)
)

// Signer is a certificate with its key.
type Signer struct {
	Certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	by          *Signer
}

func must[T any](v T, err error) T {
	if err != nil {
		panic("signtest: " + err.Error())
	}
	return v
}

// issue makes a certificate below by; nil is by itself.
func issue(name string, by *Signer, change ...func(*x509.Certificate)) *Signer {
	c := &x509.Certificate{
		SerialNumber: must(rand.Int(rand.Reader, big.NewInt(1<<62))), Subject: pkix.Name{CommonName: name},
		NotBefore: from, NotAfter: until, BasicConstraintsValid: true,
	}
	for _, f := range change {
		f(c)
	}
	s := &Signer{key: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), by: by}
	parent, key := c, s.key
	if by != nil {
		parent, key = by.Certificate, by.key
	}
	s.Certificate = must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, c, parent, s.key.Public(), key))))
	return s
}

func authority(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }

func code(c *x509.Certificate) {
	c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
}

// Authority is a root.
func Authority(name string) *Signer { return issue(name, nil, authority) }

// Below is an authority of an authority.
func (s *Signer) Below(name string) *Signer { return issue(name, s, authority) }

// Publisher is who may sign code, after what change makes of the certificate.
func (s *Signer) Publisher(name string, change ...func(*x509.Certificate)) *Signer {
	return issue(name, s, append([]func(*x509.Certificate){code}, change...)...)
}

// Alone is who may sign code by nobody's leave.
func Alone(name string) *Signer { return issue(name, nil, code) }

// Fingerprint is the SHA-256 of the certificate.
func (s *Signer) Fingerprint() string {
	sum := sha256.Sum256(s.Certificate.Raw)
	return hex.EncodeToString(sum[:])
}

// PEM is the certificate as a file has it.
func (s *Signer) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate.Raw})
}

// Sign is a detached signature over content, after change, with the certificates up to the root, which is not among them.
func (s *Signer) Sign(content []byte, change ...func(*pkcs7.SignedData)) []byte {
	d := s.sign(content, change...)
	d.Detach()
	return must(d.Finish())
}

// Attached is a signature with the content in it.
func (s *Signer) Attached(content []byte) []byte { return must(s.sign(content).Finish()) }

func (s *Signer) sign(content []byte, change ...func(*pkcs7.SignedData)) *pkcs7.SignedData {
	d := must(pkcs7.NewSignedData(content))
	d.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	for _, f := range change {
		f(d)
	}
	if err := d.AddSigner(s.Certificate, s.key, pkcs7.SignerInfoConfig{}); err != nil {
		panic("signtest: " + err.Error())
	}
	for by := s.by; by != nil && by.by != nil; by = by.by {
		d.AddCertificate(by.Certificate)
	}
	return d
}

// Pack is an archive.
func Pack(files map[string]string) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		must(must(z.Create(name)).Write([]byte(files[name])))
	}
	if err := z.Close(); err != nil {
		panic("signtest: " + err.Error())
	}
	return out.Bytes()
}

// Block is a signature as it follows an archive, with so many zeros behind it.
func Block(signature []byte, zeros int) []byte {
	out := binary.LittleEndian.AppendUint32([]byte("MCPB_SIG_V1"), uint32(len(signature)))
	return slices.Concat(out, signature, make([]byte, zeros), []byte("MCPB_SIG_END"))
}

// Extension is a signed archive of files.
func (s *Signer) Extension(files map[string]string) []byte {
	archive := Pack(files)
	return append(archive, Block(s.Sign(archive), 0)...)
}
