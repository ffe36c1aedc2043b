// SPDX-License-Identifier: Apache-2.0

// This file asks who signed a packed extension, and what is in one whose publisher is verified: what is unpacked somewhere is that
// publisher's where it has just the same files.

package discover

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/signed"
)

// signature fills in what is known of an extension's signature. A publisher is named where that is verified, and nowhere else.
func (w *part) signature(it *inventory.Item, r io.ReaderAt, size int64) (signed.Verdict, error) {
	var now time.Time // the standard library takes its own where it is told none
	if w.Now != nil {
		now = w.Now()
	}
	v, err := signed.Check(r, size, w.Publishers, now)
	if err != nil {
		return v, err
	}
	it.Signature = &inventory.Signature{State: string(v.State), Claims: clean(v.Claims), Why: v.Why}
	if v.State == signed.Verified {
		it.Identity.Publisher, it.Identity.Root, it.Facts.Until = v.Publisher.Name, v.Publisher.Root, v.Until
	}
	return v, nil
}

// members sums the files of an archive, as brought sums those of a folder; nil where the two could not be compared.
func members(z *zip.Reader) []inventory.Part {
	left := packedRoom.bytes
	var out []inventory.Part
	seen := map[string]bool{}
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		if !fs.ValidPath(f.Name) || !f.Mode().IsRegular() || seen[f.Name] || len(out) >= packedRoom.files {
			return nil
		}
		seen[f.Name] = true
		sum, n, err := sumMember(f, left)
		if err != nil || n > left {
			return nil
		}
		left -= n
		out = append(out, inventory.Part{Name: f.Name, Value: sum})
	}
	if out = folded(out); len(out) > filesMax {
		return nil
	}
	return out
}

func sumMember(f *zip.File, most int64) (string, int64, error) {
	r, err := f.Open()
	if err != nil {
		return "", 0, err
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, most+1))
	return hex.EncodeToString(h.Sum(nil)), n, err
}
