// SPDX-License-Identifier: Apache-2.0

// This file holds readers against files that the real programs wrote (testdata/recorded, by record.sh) and, for programs
// that cannot be had, against files made after their documentation (testdata/documented).

package discover

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

var update = flag.Bool("update", false, "rewrite the goldens")

func catalogue(t testing.TB) *inventory.Catalogue {
	t.Helper()
	c, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// host makes a root with a home of alice, and the marketplace where the recording had it.
func host(t testing.TB, home string) fstest.MapFS {
	t.Helper()
	root := fstest.MapFS{}
	for from, to := range map[string]string{home: "home/alice", "testdata/market": "opt/market"} {
		err := filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			mode := fs.FileMode(0o644)
			if info, err := d.Info(); err == nil {
				mode = info.Mode().Perm() &^ 0o022
			}
			below, err := filepath.Rel(from, name)
			below = filepath.ToSlash(below)
			if rest, ok := strings.CutPrefix(below, "root/"); ok {
				root[rest] = &fstest.MapFile{Data: raw, Mode: mode}
				return nil
			}
			root[path.Join(to, below)] = &fstest.MapFile{Data: raw, Mode: mode}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// everything is a whole pass over alice's home.
func everything(p *Pass) []inventory.Item {
	alice := Home{"alice", "/home/alice"}
	first, search := p.Home(alice), p.Search(alice)
	items := append(first.Items, search.Items...)
	seen := map[string]bool{}
	for _, dir := range append(first.Projects, search.Projects...) {
		if !seen[dir] {
			seen[dir] = true
			items = append(items, p.Project(alice, dir).Items...)
		}
	}
	items = append(items, p.System().Items...)
	inventory.Sort(items)
	return items
}

// secrets are the values in the recorded and documented files that may not come out.
var secrets = []string{"hunter2", "sk-test-aaaa", "postgres://u", "s3cr3t"}

func TestGoldens(t *testing.T) {
	homes, err := filepath.Glob("testdata/*/*")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, home := range homes {
		if kind := filepath.Base(filepath.Dir(home)); kind != "recorded" && kind != "documented" {
			continue
		}
		n++
		t.Run(filepath.Base(home), func(t *testing.T) {
			items := everything(&Pass{FS: host(t, home), Catalogue: catalogue(t), Options: Defaults})
			var out bytes.Buffer
			e := json.NewEncoder(&out)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			if err := e.Encode(items); err != nil {
				t.Fatal(err)
			}
			for _, secret := range secrets {
				if strings.Contains(out.String(), secret) {
					t.Errorf("%s came out", secret)
				}
			}
			golden := filepath.Join("testdata/golden", filepath.Base(home)+".json")
			if *update {
				if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil || !bytes.Equal(want, out.Bytes()) {
				t.Errorf("%v; go test -update writes it, git diff shows what changed; got\n%s", err, out.String())
			}
		})
	}
	if n < 19 {
		t.Errorf("%d goldens", n)
	}
}
