// SPDX-License-Identifier: Apache-2.0

// This file opens zip. An extractor may read either of its two lists, so both are looked at.

package unpack

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
)

func openZip(ctx context.Context, w *Walker, f File, depth int) error {
	r, err := zip.NewReader(bytes.NewReader(f.Data), int64(len(f.Data)))
	if err != nil {
		return fmt.Errorf("opening as zip: %w", err)
	}
	names := namer{w: w, archive: f.Name, seen: map[string]bool{}}
	for _, m := range r.File {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		name := names.check(m.Name)
		if m.Mode().IsDir() {
			continue
		}
		if m.Flags&1 != 0 {
			w.tell(RuleEncrypted, name, "encrypted: nobody can look into it before it is opened")
			continue
		}
		body, err := m.Open()
		if err != nil {
			w.refuse(name, fmt.Errorf("opening the member: %w", err))
			continue
		}
		if m.Mode()&fs.ModeSymlink != 0 {
			target, err := w.acc.take(body, int64(m.CompressedSize64))
			body.Close()
			if err != nil {
				w.refuse(name, err)
				continue
			}
			names.link(m.Name, path.Dir(m.Name), string(target))
			continue
		}
		more := w.member(ctx, File{Name: name, Mode: m.Mode()}, body, int64(m.CompressedSize64), depth)
		body.Close()
		if !more {
			return ctx.Err()
		}
	}
	w.unlisted(f, r)
	return nil
}

// openPolyglot opens a file that is a zip at its end and something else at its beginning.
func openPolyglot(ctx context.Context, w *Walker, f File, depth int) error {
	r, err := zip.NewReader(bytes.NewReader(f.Data), int64(len(f.Data)))
	if err != nil || len(r.File) == 0 {
		return nil // the signature stood there by chance
	}
	w.Tell(finding.Finding{Rule: RuleHidden, File: f.Name, Place: finding.Code, Detail: "a zip archive behind the content of another format"})
	return openZip(ctx, w, f, depth)
}

// unlisted finds members that the list at the end does not have: some extractors read from the front.
func (w *Walker) unlisted(f File, r *zip.Reader) {
	type span struct{ from, to int64 }
	var bodies []span
	for _, m := range r.File {
		at, err := m.DataOffset()
		if err != nil {
			continue
		}
		bodies = append(bodies, span{at, at + int64(m.CompressedSize64)})
	}
	slices.SortFunc(bodies, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	signature := []byte("PK\x03\x04")
	covered, n := int64(0), 0 // up to where the members that begin before a place go, and how many they are
	for at := 0; ; at += 4 {
		next := bytes.Index(f.Data[at:], signature)
		if next < 0 {
			return
		}
		at += next
		if at+30 > len(f.Data) {
			return
		}
		body := int64(at) + 30 + int64(binary.LittleEndian.Uint16(f.Data[at+26:])) + int64(binary.LittleEndian.Uint16(f.Data[at+28:]))
		for ; n < len(bodies) && bodies[n].from <= int64(at); n++ {
			covered = max(covered, bodies[n].to)
		}
		_, listed := slices.BinarySearchFunc(bodies, body, func(s span, from int64) int { return cmp.Compare(s.from, from) })
		if !listed && int64(at) >= covered {
			w.Tell(finding.Finding{Rule: RuleHidden, File: f.Name, Place: finding.Code, Detail: "a member that the archive's list does not name"})
			return
		}
	}
}
