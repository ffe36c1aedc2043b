// SPDX-License-Identifier: Apache-2.0

// This file is whom signatures may lead to: the machine's roots, and those that the site puts into a folder.

package signed

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode"
)

// Roots are trusted. Nil and the zero value trust nobody.
type Roots struct {
	pool *x509.CertPool
	site []string // fingerprints
}

// NewRoots trusts those of a pool, which nobody changes any more.
func NewRoots(pool *x509.CertPool) *Roots { return &Roots{pool: pool} }

// certificates are never nil: that would be the machine's.
func (r *Roots) certificates() *x509.CertPool {
	if r == nil || r.pool == nil {
		return x509.NewCertPool()
	}
	return r.pool
}

// Mark changes when the site trusts others.
func (r *Roots) Mark() string {
	if r == nil {
		return ""
	}
	return strings.Join(slices.Sorted(slices.Values(r.site)), " ")
}

// fileMax bounds a file of certificates.
const fileMax = 1 << 20

// Load adds the certificates of a folder's files *.pem and *.crt to the machine's. What cannot be read is an error beside the roots
// that could; a folder that is not there adds none.
func Load(machine *x509.CertPool, site fs.FS) (*Roots, error) {
	r := &Roots{pool: x509.NewCertPool()}
	if machine != nil {
		r.pool = machine.Clone()
	}
	entries, err := fs.ReadDir(site, ".")
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	errs := []error{err}
	for _, e := range entries {
		if ext := path.Ext(e.Name()); ext != ".pem" && ext != ".crt" {
			continue
		}
		if err := r.add(site, e.Name()); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", e.Name(), err))
		}
	}
	return r, errors.Join(errs...)
}

func (r *Roots) add(site fs.FS, name string) error {
	info, err := fs.Stat(site, name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > fileMax {
		return fmt.Errorf("no regular file of at most %d bytes", fileMax)
	}
	raw, err := fs.ReadFile(site, name)
	if err != nil {
		return err
	}
	some := false
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return err
		}
		r.pool.AddCert(c)
		r.site = append(r.site, fingerprint(c))
		some = true
	}
	if !some {
		return errors.New("no certificate in it (PEM)")
	}
	return nil
}

// printable are characters of which a name may consist: those that are seen.
func printable(r rune) bool { return r != unicode.ReplacementChar && unicode.IsPrint(r) }
