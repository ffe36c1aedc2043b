// SPDX-License-Identifier: Apache-2.0

package signed_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/smallstep/pkcs7"

	"github.com/reeve-sensor/reeve/sensor/inventory/signed"
	"github.com/reeve-sensor/reeve/sensor/inventory/signed/signtest"
)

func roots(t *testing.T, trusted ...*signtest.Signer) *signed.Roots {
	t.Helper()
	files := fstest.MapFS{}
	for i, s := range trusted {
		files[string(rune('a'+i))+".pem"] = &fstest.MapFile{Data: s.PEM(), Mode: 0o644}
	}
	r, err := signed.Load(nil, files)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func check(t *testing.T, raw []byte, r *signed.Roots, now time.Time) signed.Verdict {
	t.Helper()
	v, err := signed.Check(bytes.NewReader(raw), int64(len(raw)), r, now)
	if err != nil {
		t.Fatal(err)
	}
	if (v.State == signed.Verified) != (v.Publisher != signed.Publisher{}) || (v.State == signed.Verified) != (v.Why == "") {
		t.Errorf("%+v", v)
	}
	return v
}

var files = map[string]string{"manifest.json": `{"name":"notes"}`, "server/index.js": "1"}

// commented sets the length of an archive's comment.
func commented(archive []byte, n int) []byte {
	out := bytes.Clone(archive)
	binary.LittleEndian.PutUint16(out[len(out)-2:], uint16(n))
	return out
}

// prepared is signed as by tools that make room for the block before: its length is the comment's, and is signed.
func prepared(s *signtest.Signer, size int) []byte {
	archive := commented(signtest.Pack(files), size)
	der := s.Sign(archive)
	return append(archive, signtest.Block(der, size-len(signtest.Block(der, 0)))...)
}

// later is signed as by tools that count the block as the comment after they signed.
func later(s *signtest.Signer) []byte {
	block := signtest.Block(s.Sign(signtest.Pack(files)), 0)
	return append(commented(signtest.Pack(files), len(block)), block...)
}

func TestWhoSigned(t *testing.T) {
	root := signtest.Authority("Root")
	acme := root.Below("Issuer").Publisher("Acme Ltd")
	borrowed := signtest.Authority("Root").Publisher("Acme Ltd")
	for name, tc := range map[string]struct {
		raw  []byte
		now  time.Time
		want signed.State
	}{
		"a publisher":          {acme.Extension(files), signtest.Now, signed.Verified},
		"room made before":     {prepared(acme, 16384), signtest.Now, signed.Verified},
		"counted as a comment": {later(acme), signtest.Now, signed.Verified},
		"nobody":               {signtest.Pack(files), signtest.Now, signed.None},
		"by itself":            {signtest.Alone("Acme Ltd").Extension(files), signtest.Now, signed.SelfSigned},
		"a root of that name":  {borrowed.Extension(files), signtest.Now, signed.UnknownRoot},
		"too late":             {acme.Extension(files), signtest.After, signed.Expired},
		"too early":            {acme.Extension(files), time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC), signed.Expired},
		"made when not valid": {root.Publisher("Acme Ltd", func(c *x509.Certificate) { c.NotBefore = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC) }).Extension(files),
			time.Date(2099, 6, 1, 0, 0, 0, 0, time.UTC), signed.Expired},
		"for servers": {root.Publisher("acme.example", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }).Extension(files), signtest.Now, signed.WrongUse},
		"for nothing": {root.Publisher("Acme Ltd", func(c *x509.Certificate) { c.ExtKeyUsage = nil }).Extension(files), signtest.Now, signed.WrongUse},
		"for anything": {root.Publisher("Acme Ltd", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }).Extension(files),
			signtest.Now, signed.WrongUse},
		"not for signatures": {root.Publisher("Acme Ltd", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }).Extension(files), signtest.Now, signed.WrongUse},
		"a name unseen":      {root.Publisher("Acme\u202e Ltd").Extension(files), signtest.Now, signed.Malformed},
		"no name":            {root.Publisher("").Extension(files), signtest.Now, signed.Malformed},
		"its organization":   {root.Publisher("", func(c *x509.Certificate) { c.Subject = pkix.Name{Organization: []string{"Acme Ltd"}} }).Extension(files), signtest.Now, signed.Verified},
	} {
		v := check(t, tc.raw, roots(t, root), tc.now)
		if v.State != tc.want {
			t.Errorf("%s: %+v, want %s", name, v, tc.want)
		}
		if want := (signed.Publisher{Name: "Acme Ltd", Root: root.Fingerprint()}); v.State == signed.Verified && v.Publisher != want {
			t.Errorf("%s: %+v, want %+v", name, v.Publisher, want)
		}
	}
	if v := check(t, acme.Extension(files), nil, signtest.Now); v.State != signed.UnknownRoot || v.Claims != "Acme Ltd" {
		t.Errorf("trusting nobody: %+v", v)
	}
	// Two roots that the site trusts, of one name: whose it is, the fingerprint says.
	other := signtest.Authority("Root")
	both := roots(t, root, other)
	if a, b := check(t, acme.Extension(files), both, signtest.Now), check(t, other.Publisher("Acme Ltd").Extension(files), both, signtest.Now); a.Publisher.Name != b.Publisher.Name || a.Publisher.Root == b.Publisher.Root {
		t.Errorf("%+v %+v", a, b)
	}
	alone := signtest.Alone("Acme Ltd")
	if v := check(t, alone.Extension(files), roots(t, alone), signtest.Now); v.State != signed.Verified || v.Publisher.Root != alone.Fingerprint() {
		t.Errorf("one that the site trusts itself: %+v", v)
	}
}

// What one reader of archives takes for another archive than the next is nobody's.
func TestHostileSignatures(t *testing.T) {
	root := signtest.Authority("Root")
	acme := root.Publisher("Acme Ltd")
	archive := signtest.Pack(files)
	der := acme.Sign(archive)
	whole := append(bytes.Clone(archive), signtest.Block(der, 0)...)
	evil := signtest.Pack(map[string]string{"manifest.json": "{}"})
	record := evil[len(evil)-22:]
	long := func(n int) []byte {
		raw := bytes.Clone(whole)
		binary.LittleEndian.PutUint32(raw[len(archive)+len("MCPB_SIG_V1"):], uint32(n))
		return raw
	}
	for name, tc := range map[string]struct {
		raw  []byte
		want signed.State
		why  string
	}{
		"signed twice":                 {append(bytes.Clone(whole), signtest.Block(acme.Sign(whole), 0)...), signed.Malformed, "twice"},
		"twice, with zeros":            {slices.Concat(whole, []byte{0, 0}, signtest.Block(der, 0)), signed.Malformed, "twice"},
		"a length of nothing":          {long(0), signed.Malformed, "a signature of 0 bytes"},
		"a length beyond the end":      {long(1 << 31), signed.Malformed, "a signature of"},
		"a length one too large":       {long(len(der) + 1), signed.Malformed, "a signature of"},
		"a length one too small":       {long(len(der) - 1), signed.Malformed, "something follows"},
		"a record in the signature":    {slices.Concat(archive, signtest.Block(append(bytes.Clone(der), record...), 0)), signed.Malformed, "an archive ends within"},
		"an archive in the padding":    {slices.Concat(archive, signtest.Block(der, 0)[:len(der)+15], evil, []byte("MCPB_SIG_END")), signed.Malformed, "something follows"},
		"an archive behind":            {append(bytes.Clone(whole), evil...), signed.Malformed, "something follows"},
		"a byte behind":                {append(bytes.Clone(whole), 'x'), signed.Malformed, "something follows"},
		"no beginning":                 {append(bytes.Clone(archive), "MCPB_SIG_END"...), signed.Malformed, "no signature begins"},
		"cut short":                    {append(bytes.Clone(archive), "MCPB_SIG_V1MCPB_SIG_END"...), signed.Malformed, "cut short"},
		"no archive":                   {signtest.Block(acme.Sign(nil), 0), signed.Malformed, "no archive"},
		"an archive with a comment":    {append(append(commented(archive, 1), 'c'), signtest.Block(acme.Sign(append(commented(archive, 1), 'c')), 0)...), signed.Malformed, "no archive ends"},
		"a comment of another length":  {append(commented(archive, 5), signtest.Block(acme.Sign(commented(archive, 5)), 0)...), signed.Malformed, "comment has 5"},
		"over other bytes":             {append(bytes.Clone(evil), signtest.Block(der, 0)...), signed.Altered, "does not fit"},
		"no DER":                       {append(bytes.Clone(archive), signtest.Block([]byte("signature"), 0)...), signed.Malformed, "reading the signature"},
		"a signature of 100 MB":        {append(bytes.Clone(archive), signtest.Block(make([]byte, 100<<20), 0)...), signed.Malformed, "no signature begins"},
		"DER that says that it is":     {append(bytes.Clone(archive), signtest.Block([]byte("\x30\x84\x06\x40\x00\x00\x06\x09"), 0)...), signed.Malformed, "reading the signature"},
		"a byte behind the signature":  {append(bytes.Clone(archive), signtest.Block(append(bytes.Clone(der), 1), 0)...), signed.Malformed, "bytes behind"},
		"nested as deep as it goes":    {append(bytes.Clone(archive), signtest.Block(nested(16000), 0)...), signed.Malformed, "reading the signature"},
		"content of its own":           {append(bytes.Clone(archive), signtest.Block(attached(t, acme, []byte("other")), 0)...), signed.Malformed, "content of its own"},
		"by SHA-1":                     {append(bytes.Clone(archive), signtest.Block(acme.Sign(archive, sha1), 0)...), signed.Malformed, "not taken"},
		"certificates without signers": {append(bytes.Clone(archive), signtest.Block(degenerate(t, acme), 0)...), signed.Malformed, "0 signers"},
	} {
		if v := check(t, tc.raw, roots(t, root), signtest.Now); v.State != tc.want || !strings.Contains(v.Why, tc.why) {
			t.Errorf("%s: %+v", name, v)
		}
	}
	for i := range archive { // each byte of the archive is under the signature, but for those that say where it ends
		raw := bytes.Clone(whole)
		raw[i] ^= 1
		if v := check(t, raw, roots(t, root), signtest.Now); v.State == signed.Verified {
			t.Errorf("byte %d of the archive changed: %+v", i, v)
		}
	}
	for i := len(archive); i < len(whole); i++ {
		raw := bytes.Clone(whole)
		raw[i] ^= 1
		if v := check(t, raw, roots(t, root), signtest.Now); v.State == signed.Verified && v.Publisher.Name != "Acme Ltd" {
			t.Errorf("byte %d of the signature changed: %+v", i, v)
		}
	}
}

// nested is a list in a list, and so on.
func nested(depth int) []byte {
	var out []byte
	for length := 4 * depth; length > 0; length -= 4 {
		out = append(out, 0x30, 0x82, byte((length-4)>>8), byte(length-4))
	}
	return out
}

func sha1(d *pkcs7.SignedData) { d.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA1) }

func degenerate(t *testing.T, s *signtest.Signer) []byte {
	t.Helper()
	der, err := pkcs7.DegenerateCertificate(s.Certificate.Raw)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// attached is a signature with the content in it.
func attached(t *testing.T, s *signtest.Signer, content []byte) []byte {
	t.Helper()
	der := s.Attached(content)
	if !bytes.Contains(der, content) {
		t.Fatal("the content is not in it")
	}
	return der
}

// Files that the published mcpb made; its signatures are over attributes in another order than the standard's.
func TestWhatMCPBSigns(t *testing.T) {
	certificate, err := os.ReadFile("testdata/root.pem")
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := signed.Load(nil, fstest.MapFS{"root.pem": {Data: certificate}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		state signed.State
		name  string
	}{
		"mcpb-2.1.2-self-signed.mcpb": {signed.SelfSigned, "MCPB Self-Signed Certificate"},
		"mcpb-2.1.2-chain.mcpb":       {signed.Verified, "Acme Notes Ltd"},
	} {
		raw, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if v := check(t, raw, trusted, signtest.Now); v.State != want.state || v.Claims != want.name || v.State == signed.Verified && v.Publisher.Root != trusted.Mark() {
			t.Errorf("%s: %+v", name, v)
		}
		raw[60] ^= 1
		if v := check(t, raw, trusted, signtest.Now); v.State != signed.Altered {
			t.Errorf("%s, changed: %+v", name, v)
		}
	}
}

func TestRootsOfTheSite(t *testing.T) {
	root := signtest.Authority("Root")
	r, err := signed.Load(nil, fstest.MapFS{
		"a.pem": {Data: root.PEM()}, "b.crt": {Data: []byte("no certificate")}, "c.txt": {Data: []byte("not looked at")}, "d.pem": {Data: make([]byte, 2<<20)},
	})
	if err == nil || !strings.Contains(err.Error(), "b.crt: no certificate") || !strings.Contains(err.Error(), "d.pem: ") || strings.Contains(err.Error(), "c.txt") {
		t.Errorf("%v", err)
	}
	if r.Mark() != root.Fingerprint() {
		t.Errorf("%s", r.Mark())
	}
	if v := check(t, root.Publisher("Acme Ltd").Extension(files), r, signtest.Now); v.State != signed.Verified {
		t.Errorf("beside what cannot be read: %+v", v)
	}
}

func FuzzCheck(f *testing.F) {
	root := signtest.Authority("Root")
	acme := root.Publisher("Acme Ltd")
	trusted, err := signed.Load(nil, fstest.MapFS{"a.pem": {Data: root.PEM()}})
	if err != nil {
		f.Fatal(err)
	}
	archive := signtest.Pack(files)
	for _, raw := range [][]byte{acme.Extension(files), prepared(acme, 4096), later(acme), archive, signtest.Alone("x").Extension(files), signtest.Block(nil, 3)} {
		f.Add(raw)
	}
	for _, name := range []string{"mcpb-2.1.2-self-signed.mcpb", "mcpb-2.1.2-chain.mcpb"} {
		raw, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := signed.Check(bytes.NewReader(raw), int64(len(raw)), trusted, signtest.Now)
		if err != nil {
			t.Fatal(err)
		}
		if v.State == "" || v.State != signed.Verified && (v.Publisher != signed.Publisher{} || v.Why == "") {
			t.Errorf("%+v", v)
		}
		if v.State == signed.Verified && !bytes.HasPrefix(raw, archive[:len(archive)-2]) {
			t.Errorf("other bytes are Acme's: %q", raw)
		}
	})
}
