// SPDX-License-Identifier: Apache-2.0

package durable

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteReplaces(t *testing.T) {
	name := filepath.Join(t.TempDir(), "kept.json")
	for _, text := range []string{"long enough to be cut short", "short"} {
		if err := Write(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != text {
			t.Errorf("it holds %q, %v, want %q", got, err, text)
		}
	}
	if info, err := os.Stat(name); err != nil || info.Mode() != 0o600 {
		t.Errorf("its mode is %v, %v: only its owner is to read it", info.Mode(), err)
	}
	alone(t, name)
}

// What cannot be put in place leaves nothing behind, and the old as it was.
func TestWriteLeavesNothingBehind(t *testing.T) {
	name := filepath.Join(t.TempDir(), "kept.json")
	if err := os.Mkdir(name, 0o700); err != nil { // a file cannot take a folder's place
		t.Fatal(err)
	}
	if err := Write(name, []byte("new")); err == nil || !strings.Contains(err.Error(), "keeping "+name) {
		t.Errorf("the error is %v: want one that names the file", err)
	}
	alone(t, name)
}

func alone(t *testing.T, name string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside it are %v, %v", entries, err)
	}
}
