// SPDX-License-Identifier: Apache-2.0

// Policies in, problems or images out. An archive's *.toml files are the policy; -update rewrites the other files.

package enforce_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/enforce"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// archive is a txtar: a comment, then files.
type archive struct {
	comment string
	names   []string
	files   map[string]string
}

func readArchive(t *testing.T, path string) archive {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	a := archive{files: map[string]string{}}
	name := ""
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(rest, " --\n") {
			name = strings.TrimSuffix(rest, " --\n")
			a.names = append(a.names, name)
			a.files[name] = ""
			continue
		}
		if name == "" {
			a.comment += line
			continue
		}
		a.files[name] += line
	}
	return a
}

func (a archive) write(t *testing.T, path string) {
	t.Helper()
	var b strings.Builder
	b.WriteString(a.comment)
	for _, n := range a.names {
		fmt.Fprintf(&b, "-- %s --\n%s", n, a.files[n])
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// fakeGroups knows staff, and a directory that does not answer.
type fakeGroups struct{}

func (fakeGroups) HasGroup(name string) (bool, error) {
	if name == "remote" {
		return false, fmt.Errorf("sssd does not answer")
	}
	return name == "staff", nil
}

// answer is what a golden holds: problems with hints, then notes; or the image.
func answer(a archive) (name, text string) {
	files := map[string]string{}
	for n, s := range a.files {
		if strings.HasSuffix(n, ".toml") {
			files[n] = s
		}
	}
	p, _ := enforce.Parse(files, enforce.Options{Homes: []string{"/data/u/ana"}}) // what is wrong, Check tells
	var b strings.Builder
	ps := enforce.Check(p, enforce.CheckOptions{Groups: fakeGroups{}, Agents: agents, Starts: []enforce.Start{claude}, Plugins: []enforce.Plugin{{Name: "contain", Actions: []string{"freeze", "kill"}}, {Name: "syslog", Actions: []string{""}}, {Name: "pager"}}})
	for _, q := range ps {
		kind := ""
		if q.Warning {
			kind = "warning: "
		}
		fmt.Fprintf(&b, "%s%s\n", kind, q.Error())
		if q.Hint != "" {
			fmt.Fprintf(&b, "  hint: %s\n", q.Hint)
		}
	}
	if _, ok := a.files["problems"]; ok || len(ps.Errors()) > 0 {
		return "problems", b.String()
	}
	im, err := enforce.Compile(p, agents, 7, enforce.Options{Homes: []string{"/data/u/ana"}})
	if err != nil {
		return "problems", err.Error() + "\n"
	}
	for _, n := range enforce.Notes(p) {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	return "image", b.String() + im.String()
}

func TestGoldens(t *testing.T) {
	paths, err := filepath.Glob("testdata/policy/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal(err, paths)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a := readArchive(t, path)
			name, text := answer(a)
			if want, ok := a.files[name]; ok && want == text {
				return
			}
			if !*update {
				t.Fatalf("%s:\n%s\nwant:\n%s", name, text, a.files[name])
			}
			if _, ok := a.files[name]; !ok {
				a.names = append(a.names, name)
			}
			a.files[name] = text
			a.write(t, path)
		})
	}
}
