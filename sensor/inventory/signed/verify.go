// SPDX-License-Identifier: Apache-2.0

// This file verifies: the signature against the archive, then its certificate up to a root.

package signed

import (
	"bytes"
	"crypto"
	_ "crypto/sha256" // digests that are taken
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/smallstep/pkcs7"
)

// State is what is known of an extension's signature.
type State string

// The states.
const (
	Verified    State = "verified"
	None        State = "not-signed"
	Malformed   State = "malformed"    // no signature that can be read without doubt
	Altered     State = "altered"      // it does not fit the content
	SelfSigned  State = "self-signed"  // anybody may say so
	UnknownRoot State = "unknown-root" // it leads to nobody whom machine or site trusts
	Expired     State = "expired"      // or not valid yet
	WrongUse    State = "wrong-use"    // its certificate is not for code
)

// Publisher is who signed, where that was verified. A name alone is not one: whoever has a root of their own gives any.
type Publisher struct {
	Name string `json:"name"` // of the certificate
	Root string `json:"root"` // SHA-256 of the certificate that the chain ends with
}

// Verdict is what is known of one file.
type Verdict struct {
	State     State
	Publisher Publisher // where State is Verified
	Claims    string    // the name in the certificate, whatever State is
	Why       string    // it is not verified
	Until     time.Time // Publisher is that, by the certificates
}

// Check says who signed a file. The error is that of reading it.
func Check(r io.ReaderAt, size int64, trusted *Roots, now time.Time) (Verdict, error) {
	b, err := readBlock(r, size)
	switch {
	case err != nil:
		return Verdict{State: Malformed, Why: err.Error()}, nil
	case b == nil:
		return Verdict{State: None, Why: "it has no signature"}, nil
	}
	v := Verdict{}
	p, leaf, err := parse(b.signature)
	if err != nil {
		v.State, v.Why = Malformed, err.Error()
		return v, nil
	}
	v.Claims = nameOf(leaf)
	wrong, err := covers(p, leaf, b.contents(r))
	switch _, untimely := errors.AsType[*pkcs7.SigningTimeNotValidError](wrong); {
	case err != nil:
		return v, err
	case untimely:
		v.State, v.Why = Expired, "it says that it was made when its certificate was not valid"
	case wrong != nil:
		v.State, v.Why = Altered, "the signature does not fit the content"
	default:
		v.judge(leaf, p.Certificates, trusted, now)
	}
	return v, nil
}

// Digests that are taken, and how they are signed: neither SHA-1 nor what the standard library does not verify.
var (
	digests = []asn1.ObjectIdentifier{pkcs7.OIDDigestAlgorithmSHA256, pkcs7.OIDDigestAlgorithmSHA384, pkcs7.OIDDigestAlgorithmSHA512}
	ciphers = []asn1.ObjectIdentifier{
		pkcs7.OIDEncryptionAlgorithmRSA, pkcs7.OIDEncryptionAlgorithmRSASHA256, pkcs7.OIDEncryptionAlgorithmRSASHA384, pkcs7.OIDEncryptionAlgorithmRSASHA512,
		pkcs7.OIDDigestAlgorithmECDSASHA256, pkcs7.OIDDigestAlgorithmECDSASHA384, pkcs7.OIDDigestAlgorithmECDSASHA512,
		pkcs7.OIDEncryptionAlgorithmECDSAP256, pkcs7.OIDEncryptionAlgorithmECDSAP384, pkcs7.OIDEncryptionAlgorithmECDSAP521,
	}
)

const certificatesMax = 16 // of one signature

// parse reads a detached signature of one signer over signed attributes.
func parse(der []byte) (p *pkcs7.PKCS7, leaf *x509.Certificate, err error) {
	var whole asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &whole); err != nil || len(rest) > 0 { // the library takes BER, with anything behind it
		return nil, nil, fmt.Errorf("reading the signature: no DER, or %d bytes behind it", len(rest))
	}
	if p, err = pkcs7.Parse(der); err != nil {
		return nil, nil, fmt.Errorf("reading the signature: %w", err)
	}
	if len(p.Signers) != 1 || len(p.Certificates) > certificatesMax {
		return nil, nil, fmt.Errorf("%d signers, %d certificates", len(p.Signers), len(p.Certificates))
	}
	if len(p.Content) > 0 {
		return nil, nil, errors.New("the signature brings content of its own")
	}
	s := &p.Signers[0]
	among := func(list []asn1.ObjectIdentifier, oid asn1.ObjectIdentifier) bool {
		return slices.ContainsFunc(list, oid.Equal)
	}
	if !among(digests, s.DigestAlgorithm.Algorithm) || !among(ciphers, s.DigestEncryptionAlgorithm.Algorithm) {
		return nil, nil, fmt.Errorf("signed by %s of %s, which is not taken", s.DigestEncryptionAlgorithm.Algorithm, s.DigestAlgorithm.Algorithm)
	}
	var digest []byte
	if err := p.UnmarshalSignedAttribute(pkcs7.OIDAttributeMessageDigest, &digest); err != nil {
		return nil, nil, errors.New("no digest is signed")
	}
	if leaf = p.GetOnlySigner(); leaf == nil {
		return nil, nil, errors.New("the signer's certificate is not in it")
	}
	return p, leaf, nil
}

// covers says why the signature is one over none of the contents; nil where it is. The error is that of reading them.
func covers(p *pkcs7.PKCS7, leaf *x509.Certificate, contents []func() io.Reader) (wrong, err error) {
	for _, open := range contents {
		h := &streamed{content: open()}
		p.Hasher = h
		wrong = p.Verify()
		if h.err != nil {
			return nil, h.err
		}
		if _, other := errors.AsType[*pkcs7.MessageDigestMismatchError](wrong); other {
			continue
		}
		if _, untimely := errors.AsType[*pkcs7.SigningTimeNotValidError](wrong); wrong == nil || untimely {
			return wrong, nil
		}
		return asWritten(p, leaf, h.sum), nil
	}
	return wrong, nil
}

// asWritten verifies a signature over attributes in the order in which they stand. mcpb signs them so, with node-forge; the standard,
// and the library, put them into an order before (RFC 5652, 5.4).
func asWritten(p *pkcs7.PKCS7, leaf *x509.Certificate, sum []byte) error {
	var digest []byte
	if err := p.UnmarshalSignedAttribute(pkcs7.OIDAttributeMessageDigest, &digest); err != nil || len(sum) == 0 || !bytes.Equal(digest, sum) {
		return errors.New("another digest is signed")
	}
	s := &p.Signers[0]
	var set []byte
	for _, a := range s.AuthenticatedAttributes {
		raw, err := asn1.Marshal(a)
		if err != nil {
			return err
		}
		set = append(set, raw...)
	}
	raw, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: set})
	if err != nil {
		return err
	}
	return leaf.CheckSignature(algorithms[leaf.PublicKeyAlgorithm][s.DigestAlgorithm.Algorithm.String()], raw, s.EncryptedDigest)
}

// algorithms are those of signatures by key and digest.
var algorithms = map[x509.PublicKeyAlgorithm]map[string]x509.SignatureAlgorithm{
	x509.RSA: {
		pkcs7.OIDDigestAlgorithmSHA256.String(): x509.SHA256WithRSA, pkcs7.OIDDigestAlgorithmSHA384.String(): x509.SHA384WithRSA,
		pkcs7.OIDDigestAlgorithmSHA512.String(): x509.SHA512WithRSA,
	},
	x509.ECDSA: {
		pkcs7.OIDDigestAlgorithmSHA256.String(): x509.ECDSAWithSHA256, pkcs7.OIDDigestAlgorithmSHA384.String(): x509.ECDSAWithSHA384,
		pkcs7.OIDDigestAlgorithmSHA512.String(): x509.ECDSAWithSHA512,
	},
}

// streamed sums the content where it lies: an extension need not be in memory.
type streamed struct {
	content io.Reader
	sum     []byte
	err     error
}

// Hash implements pkcs7.Hasher. The library's own reader has nothing: the signature is a detached one.
func (s *streamed) Hash(kind crypto.Hash, _ io.Reader) ([]byte, error) {
	h := kind.New()
	_, s.err = io.Copy(h, s.content)
	s.sum = h.Sum(nil)
	return s.sum, s.err
}

// judge follows the certificate to a root.
func (v *Verdict) judge(leaf *x509.Certificate, others []*x509.Certificate, trusted *Roots, now time.Time) {
	between := x509.NewCertPool()
	for _, c := range others {
		between.AddCert(c)
	}
	chains, err := leaf.Verify(x509.VerifyOptions{
		Roots: trusted.certificates(), Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	})
	switch {
	case err != nil:
		v.State, v.Why = refusal(leaf, err)
	case !forCode(leaf):
		v.State, v.Why = WrongUse, "its certificate does not say that it is for code"
	case v.Claims == "":
		v.State, v.Why = Malformed, "its certificate has no name that can be told from others"
	default:
		root, until := last(chains)
		v.State, v.Publisher, v.Until = Verified, Publisher{v.Claims, root}, until
	}
}

// forCode asks for what verifying a chain takes for granted where a certificate says nothing.
func forCode(leaf *x509.Certificate) bool {
	return slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageCodeSigning) && (leaf.KeyUsage == 0 || leaf.KeyUsage&x509.KeyUsageDigitalSignature != 0)
}

func refusal(leaf *x509.Certificate, err error) (State, string) {
	invalid, _ := errors.AsType[x509.CertificateInvalidError](err)
	self := bytes.Equal(leaf.RawIssuer, leaf.RawSubject)
	switch {
	case invalid.Cert != nil && invalid.Reason == x509.Expired:
		return Expired, "a certificate of it is not valid today"
	case invalid.Cert != nil && invalid.Reason == x509.IncompatibleUsage:
		return WrongUse, "a certificate of it is not for code"
	case self:
		return SelfSigned, "it is signed by nobody but itself"
	}
	return UnknownRoot, "it leads to no root that machine or site trusts"
}

// last is the root of the chains, where there are several always the same one, and until when the chain to it is valid.
func last(chains [][]*x509.Certificate) (root string, until time.Time) {
	for _, chain := range chains {
		ends := chain[0].NotAfter
		for _, c := range chain {
			if c.NotAfter.Before(ends) {
				ends = c.NotAfter
			}
		}
		if sum := fingerprint(chain[len(chain)-1]); root == "" || sum < root || sum == root && ends.After(until) {
			root, until = sum, ends
		}
	}
	return root, until
}

func fingerprint(c *x509.Certificate) string {
	h := crypto.SHA256.New()
	h.Write(c.Raw)
	return hex.EncodeToString(h.Sum(nil))
}

const nameMost = 200

// nameOf is whom a certificate names; "" where people could not tell that name from another.
func nameOf(c *x509.Certificate) string {
	name := c.Subject.CommonName
	if name == "" && len(c.Subject.Organization) == 1 {
		name = c.Subject.Organization[0]
	}
	plain := !strings.ContainsFunc(name, func(r rune) bool { return !printable(r) })
	if len(name) > nameMost || name != strings.TrimSpace(name) || !plain {
		return ""
	}
	return name
}
