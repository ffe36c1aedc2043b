// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/testdata/need"
)

// What is sent is what the daemon would read there itself, and a folder that tells nothing is no empty one.
func TestWhatIsSentIsWhatIsRead(t *testing.T) {
	dir := t.TempDir()
	closed := filepath.Join(dir, "closed")
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Mkdir(closed, 0)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"20.toml", "10.toml", ".10.toml", "10.toml~"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("version = 1\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := readFiles([]string{dir})
	if err != nil || len(files) != 2 || filepath.Base(files[0].Name) != "10.toml" || filepath.Base(files[1].Name) != "20.toml" {
		t.Errorf("%v, %v", files, err)
	}
	need.AsNobody(t, func() {
		if _, err := readFiles([]string{closed}); err == nil || !strings.HasSuffix(err.Error(), "permission denied") {
			t.Errorf("closed: %v", err)
		}
	})
}
