// SPDX-License-Identifier: Apache-2.0

// Reading policies from disk: order, what is skipped, what cannot be read; and what no file may do, which is to panic.

package enforce_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/testdata/need"
)

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoadReadsFoldersInNameOrder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"20.toml":     "[[role]]\nname = \"second\"\ngroups = [\"g\"]\n",
		"10.toml":     "version = 1\n[[role]]\nname = \"first\"\ngroups = [\"g\"]\n[sets]\nlist = { file = \"list.txt\" }\n[[rule]]\nid = \"x\"\non = [\"file.read\"]\nmatch = [\"@list\"]\naction = \"deny\"\n",
		"list.txt":    "# places\n/secret/**\n\n**/*.key\n",
		".hidden":     "no toml",
		".30.toml":    "no toml",
		"README":      "no toml",
		"40.toml.bak": "no toml",
	})
	p, err := enforce.Load([]string{dir}, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.RoleOf("ana", []string{"g"}); got != "first" {
		t.Errorf("role %s", got)
	}
	if got := enforce.Explain(p, enforce.Query{Op: enforce.OpFileRead, Object: "/home/ana/a.key"}).Line(); got != "deny x" {
		t.Error(got)
	}
}

func TestLoadWithoutFilesIsTheDefaultPreset(t *testing.T) {
	for _, paths := range [][]string{nil, {t.TempDir()}} {
		p, err := enforce.Load(paths, enforce.Options{})
		if err != nil || p.Base != enforce.DefaultPreset || p.Rule("ssh-keys") == nil {
			t.Errorf("%v: %v, base %q", paths, err, p.Base)
		}
	}
}

func TestLoadTellsWhatItCannotRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"10.toml": "version = 1\n"})
	if err := os.Symlink("/nonexistent", filepath.Join(dir, "20.toml")); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "policy.d")
	_, err := enforce.Load([]string{dir, missing}, enforce.Options{})
	var ps enforce.Problems
	if !errors.As(err, &ps) || len(ps) != 2 {
		t.Fatalf("%v", err)
	}
	if ps[0].File != filepath.Join(dir, "20.toml") || ps[1].File != missing || ps[1].Hint == "" {
		t.Errorf("%v", ps)
	}
}

func TestLoadTellsOfAFolderWithoutPermission(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "policy.d")
	if err := errors.Join(os.Chmod(filepath.Dir(filepath.Dir(dir)), 0o755), os.Mkdir(dir, 0)); err != nil {
		t.Fatal(err)
	}
	need.AsNobody(t, func() {
		_, err := enforce.Load([]string{dir}, enforce.Options{})
		if err == nil || !strings.HasSuffix(err.Error(), "policy.d: reading the policy: permission denied") {
			t.Error(err)
		}
		if ps, ok := errors.AsType[enforce.Problems](err); !ok || strings.Contains(ps[0].Hint, "--") || ps[0].Hint == "" {
			t.Errorf("%v: a hint that holds for every command is wanted", ps) // not all of them have the same flags
		}
	})
}

func TestRoleOfPrefersUsersThenGroupsThenDefault(t *testing.T) {
	p, err := enforce.Parse(map[string]string{"a.toml": `
[[role]]
name = "staff"
groups = ["staff"]
[[role]]
name = "ops"
groups = ["ops", "staff"]
users = ["ana"]
[[role]]
name = "late"
users = ["ana"]
`}, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		user   string
		groups []string
		want   string
	}{
		"named-user-before-groups":  {"ana", []string{"staff"}, "ops"},
		"first-group-in-file-order": {"bob", []string{"ops", "staff"}, "staff"},
		"second-role-by-group":      {"bob", []string{"ops"}, "ops"},
		"nobody":                    {"eve", []string{"users"}, "default"},
		"no-groups":                 {"eve", nil, "default"},
	} {
		if got := p.RoleOf(tc.user, tc.groups); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestSiteReplacesAndRemovesPresetRules(t *testing.T) {
	p, err := enforce.Parse(map[string]string{"a.toml": `
[[rule]]
id = "dotenv"
on = ["file.read"]
match = ["**/.env"]
action = "deny"
[[rule]]
id = "privilege"
enabled = false
`}, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		op     enforce.Op
		object string
		want   string
	}{
		{enforce.OpFileRead, "/x/.env", "deny dotenv"},
		{enforce.OpFileRead, "/x/.env.local", "allow default"},
		{enforce.OpExec, "/usr/bin/sudo", "allow default"},
		{enforce.OpExecMap, "/usr/bin/sudo", "allow default"},
	} {
		if got := enforce.Explain(p, enforce.Query{Op: tc.op, Object: tc.object}).Line(); got != tc.want {
			t.Errorf("%s %s: %s, want %s", tc.op, tc.object, got, tc.want)
		}
	}
}

func TestHomesAreEverywhereHomesAre(t *testing.T) {
	o := enforce.Options{Homes: []string{"/data/u/an*a", "/home/bob", "/", "relative"}}
	p, err := enforce.Parse(map[string]string{"a.toml": "homes = [\"/net/*\"]\n"}, o)
	if err != nil {
		t.Fatal(err)
	}
	im, err := enforce.Compile(p, nil, 1, o)
	if err != nil {
		t.Fatal(err)
	}
	for object, want := range map[string]enforce.Action{
		"/root/.ssh/id": enforce.Deny, "/home/x/.ssh/id": enforce.Deny, "/net/x/.ssh/id": enforce.Deny, "/data/u/an*a/.ssh/id": enforce.Deny,
		"/data/u/anna/.ssh/id": enforce.Allow, "/srv/.ssh/id": enforce.Allow, "/.ssh/id": enforce.Allow,
	} {
		got := enforce.Explain(p, enforce.Query{Op: enforce.OpFileRead, Object: object, Homes: o.Homes}).Action
		table := im.Oracle().Decide(enforce.Subject{Principal: 1}, enforce.OpFileRead, enforce.ViewHost, []byte(object)).Action
		if got != want || table != want {
			t.Errorf("%s: explained %s, table %s, want %s", object, got, table, want)
		}
	}
}

func TestDiffTellsRulesAndWhatTheyChange(t *testing.T) {
	old, err := enforce.Parse(map[string]string{"a.toml": "base = \"none\"\n[[rule]]\nid = \"a\"\non = [\"exec\"]\nmatch = [\"/a\"]\naction = \"deny\"\n[[rule]]\nid = \"b\"\non = [\"exec\"]\nmatch = [\"/b\"]\naction = \"deny\"\n"}, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	next, err := enforce.Parse(map[string]string{"a.toml": "base = \"none\"\n[[rule]]\nid = \"a\"\non = [\"exec\"]\nmatch = [\"/a\"]\naction = \"ask\"\n[[rule]]\nid = \"c\"\non = [\"exec\"]\nmatch = [\"/c\"]\naction = \"deny\"\n"}, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var samples []enforce.Query
	for _, o := range []string{"/a", "/b", "/c", "/d"} {
		samples = append(samples, enforce.Query{Op: enforce.OpExec, Object: o})
	}
	want := `~ rule a: deny [exec] [/a] -> ask [exec] [/a]
- rule b: deny [exec] [/b]
+ rule c: deny [exec] [/c]
exec /a as default: deny a -> ask a
exec /b as default: deny b -> allow default
exec /c as default: allow default -> deny c
`
	if got := enforce.Diff(old, next, samples...).String(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := enforce.Diff(old, old, samples...).String(); got != "" {
		t.Error(got)
	}
}

func TestMisspeltQueriesAreTold(t *testing.T) {
	p, _ := preset(t, "balanced")
	err := enforce.Query{Role: "defualt", Principal: "agnt", Taints: []string{"secrets"}}.Check(p)
	var ps enforce.Problems
	if !errors.As(err, &ps) || len(ps) != 3 || ps[0].Hint != `did you mean "default"?` {
		t.Errorf("%v", err)
	}
	if err := (enforce.Query{Role: "default", Taints: []string{"secret"}}).Check(p); err != nil {
		t.Error(err)
	}
}

func TestCompileIsDeterministic(t *testing.T) {
	_, a := freshPreset(t, "strict")
	_, b := freshPreset(t, "strict")
	if string(a.Table) != string(b.Table) {
		t.Error("two compilations differ")
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range enforce.Presets() {
		text, _ := enforce.Preset(name)
		f.Add(text)
	}
	paths, _ := filepath.Glob("testdata/policy/*.txtar")
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for part := range strings.SplitSeq(string(data), "-- ") {
			if _, text, ok := strings.Cut(part, ".toml --\n"); ok {
				f.Add(text)
			}
		}
		for part := range strings.SplitSeq(string(data), ".toml --\n") {
			f.Add(part)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		p, err := enforce.Parse(map[string]string{"f.toml": "base = \"none\"\n" + text}, enforce.Options{})
		if err != nil {
			var ps enforce.Problems
			if !errors.As(err, &ps) || len(ps) == 0 {
				t.Fatalf("an error that is no problem: %v", err)
			}
			if all := enforce.Check(p, enforce.CheckOptions{Agents: agents, Starts: []enforce.Start{claude}}); len(all) < len(ps) {
				t.Fatalf("%v\nis more than\n%v", ps, all)
			}
			return
		}
		enforce.Explain(p, enforce.Query{Op: enforce.OpFileRead, Object: "/home/x/.env"})
		if _, err := enforce.Compile(p, nil, 1, enforce.Options{}); err != nil {
			if _, ok := errors.AsType[enforce.Problems](err); !ok {
				t.Fatalf("an error that is no problem: %v", err)
			}
		}
	})
}

// What a policy was read from makes it again, in the same order: it is what a rollback after a restart has.
func TestSourcesMakeThePolicyAgain(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"b/1.toml": "version = 1\nbase = \"none\"\n[[role]]\nname = \"first\"\n[sets]\nmine = { file = \"list\" }\n[[rule]]\nid = \"x\"\non = [\"file.read\"]\nmatch = [\"@mine\"]\naction = \"deny\"\n",
		"a/2.toml": "version = 1\n[[role]]\nname = \"second\"\n",
		"b/list":   "/srv/keys/**\n",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	p, err := enforce.Load([]string{filepath.Join(dir, "b"), filepath.Join(dir, "a")}, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := enforce.ParseSources(p.Sources, enforce.Options{})
	if err != nil || len(p.Sources) != 2 {
		t.Fatalf("%d sources, %v", len(p.Sources), err)
	}
	if d := enforce.Diff(p, again); len(d.Changes) != 0 || !slices.Equal(p.RoleNames(), again.RoleNames()) {
		t.Errorf("%+v, roles %q and %q", d, p.RoleNames(), again.RoleNames())
	}
	if preset, err := enforce.ParseSources(nil, enforce.Options{}); err != nil || preset.Base != "balanced" {
		t.Errorf("%v", err)
	}
}
