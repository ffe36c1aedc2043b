// SPDX-License-Identifier: Apache-2.0

package copies

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// Every byte counts, wherever it stands.
func TestSameIsEveryByte(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, text, 0o644))
		return path
	}
	text := bytes.Repeat([]byte("0123456789abcdef"), (2*piece+512)/16)
	program := put("program", text)
	for name, at := range map[string]int{"none": -1, "first": 0, "at-a-border": piece - 1, "behind-it": piece, "last": len(text) - 1} {
		t.Run(name, func(t *testing.T) {
			other := bytes.Clone(text)
			if at >= 0 {
				other[at]++
			}
			f, err := os.Open(put("other", other))
			must(t, err)
			defer f.Close()
			same, err := Same(f, program)
			if err != nil || same != (at < 0) {
				t.Errorf("same: %t, %v", same, err)
			}
		})
	}
	f, err := os.Open(program)
	must(t, err)
	defer f.Close()
	twin := put("twin", text)
	if got, err := (Originals{int64(len(text)): {filepath.Join(dir, "gone"), program, twin}}).Of(f); got != twin || err != nil {
		t.Errorf("copy of %q, %v: the file itself and one that is gone are passed over", got, err)
	}
}
