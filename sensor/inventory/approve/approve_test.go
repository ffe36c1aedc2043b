// SPDX-License-Identifier: Apache-2.0

package approve

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func server(change ...func(*inventory.Item)) inventory.Item {
	it := inventory.Item{Kind: inventory.KindConnector, Name: "github", Owner: "alice", File: "/home/alice/.claude.json"}
	it.Identity = inventory.Identity{
		Kind: it.Kind, Command: []string{"npx", "-y", "@x/server@1.2.3"}, Package: &inventory.Package{Registry: "npm", Name: "@x/server", Version: "1.2.3", Exact: true},
		Files: []inventory.Part{{Name: "a.js", Value: "11"}}, Tools: []inventory.Part{{Name: "search", Value: "Searches"}},
		Settings: []inventory.Part{{Name: "env TOKEN"}},
	}
	for _, c := range change {
		c(&it)
	}
	it.Identity.Settle()
	it.Digest = it.Identity.Digest()
	return it
}

func decided(t *testing.T, state State, items ...inventory.Item) []Record {
	t.Helper()
	var out []Record
	for i, it := range items {
		q := &Request{State: state, Kind: it.Kind, Name: it.Name}
		found, err := Choose([]inventory.Item{it}, q)
		if err != nil {
			t.Fatal(err)
		}
		out = keep(out, Make(found, q, "root", noon.Add(time.Duration(i)*time.Minute)))
	}
	return out
}

// Whatever an item can be changed into must ask again, and say what changed.
func TestEveryChangeAsksAgain(t *testing.T) {
	records := decided(t, Approved, server())
	was := server()
	if a := Decide(records, &was); a.State != "approved" || a.By != "root" {
		t.Fatalf("%+v", a)
	}
	for name, tc := range map[string]struct {
		change func(*inventory.Item)
		want   string
	}{
		"argument": {func(it *inventory.Item) { it.Identity.Command[2] = "@x/server@1.2.4" }, "command: npx -y @x/server@1.2.3 -> npx -y @x/server@1.2.4"},
		"one more": {func(it *inventory.Item) { it.Identity.Command = append(it.Identity.Command, "--all") }, "@1.2.3 --all"},
		"program":  {func(it *inventory.Item) { it.Identity.Command[0] = "./npx" }, "-> ./npx -y"},
		"version":  {func(it *inventory.Item) { it.Identity.Package.Version = "1.2.4" }, "package: npm:@x/server@1.2.3 -> npm:@x/server@1.2.4"},
		"content":  {func(it *inventory.Item) { it.Identity.Package.Digest = "sha256:2" }, "package: npm:@x/server@1.2.3 -> npm:@x/server@1.2.3@sha256:2"},
		"file":     {func(it *inventory.Item) { it.Identity.Files[0].Value = "22" }, "file a.js: 11 -> 22"},
		"new file": {func(it *inventory.Item) {
			it.Identity.Files = append(it.Identity.Files, inventory.Part{Name: "b", Value: "3"})
		}, "file b:  -> 3"},
		"tool says": {func(it *inventory.Item) { it.Identity.Tools[0].Value = "Searches, and reads ~/.ssh first" }, "tool search: Searches -> Searches, and reads"},
		"new tool": {func(it *inventory.Item) {
			it.Identity.Tools = append(it.Identity.Tools, inventory.Part{Name: "rm", Value: "Removes"})
		}, "tool rm:  -> Removes"},
		"credential": {func(it *inventory.Item) {
			it.Identity.Settings = append(it.Identity.Settings, inventory.Part{Name: "env AWS_KEY"})
		}, "setting env AWS_KEY:  -> (empty)"},
		"to a URL":     {func(it *inventory.Item) { it.Identity.Command, it.Identity.URL = nil, "https://x.example" }, "url:  -> https://x.example"},
		"vendor":       {func(it *inventory.Item) { it.Identity.Vendor = "else" }, "vendor:  -> else"},
		"marketplace":  {func(it *inventory.Item) { it.Identity.From = &inventory.Source{Marketplace: "else"} }, "from:  -> else"},
		"another file": {func(it *inventory.Item) { it.File = "/p/.mcp.json"; it.Identity.Command[0] = "x" }, "command: "},
	} {
		it := server(tc.change)
		a := Decide(records, &it)
		var text []string
		for _, c := range a.Diff {
			text = append(text, fmt.Sprintf("%s: %s -> %s", c.What, c.Old, c.New))
		}
		if a.State != "changed" || !strings.Contains(strings.Join(text, "\n"), tc.want) {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// A signature is told by a package that lies about somewhere: one that comes or goes lifts no decision.
func TestSignaturesDecideNothing(t *testing.T) {
	sign := func(it *inventory.Item) { it.Identity.Publisher, it.Identity.Root = "Acme Ltd", "1" }
	source := func(it *inventory.Item) {
		it.Identity.From = &inventory.Source{Marketplace: "m", Where: "acme/plugins", Revision: "1"}
	}
	sold := func(it *inventory.Item) { it.Identity.From = &inventory.Source{Marketplace: "m"} }
	for _, state := range []State{Approved, Revoked} {
		for name, tc := range map[string]struct{ before, after func(*inventory.Item) }{
			"comes": {func(*inventory.Item) {}, sign}, "goes": {sign, func(*inventory.Item) {}}, "a commit is noted": {sold, source},
		} {
			it := server(tc.after)
			if a := Decide(decided(t, state, server(tc.before)), &it); a.State != string(state) {
				t.Errorf("%s, %s: %+v", state, name, a)
			}
		}
	}
}

func TestSameVersionMayNotBecomeSomethingElse(t *testing.T) {
	fetched := func(sum string) inventory.Item {
		return server(func(it *inventory.Item) { it.Installed = []inventory.Part{{Name: "npm:@x/server@1.2.3", Value: sum}} })
	}
	none, one, two := server(), fetched("1"), fetched("2")
	before, after := decided(t, Approved, none), decided(t, Approved, one)
	for name, tc := range map[string]struct {
		records []Record
		it      *inventory.Item
		want    string
	}{
		"fetched since": {before, &one, "approved"}, "as it was": {after, &one, "approved"}, "cleaned away": {after, &none, "approved"},
		"something else": {after, &two, "changed"},
	} {
		if a := Decide(tc.records, tc.it); a.State != tc.want || (tc.want == "changed") != (len(a.Diff) == 1) {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestIdentityCountsAndNoName(t *testing.T) {
	records := decided(t, Approved, server())
	renamed := server(func(it *inventory.Item) { it.Name, it.Owner, it.File = "gh", "bob", "/home/bob/.cursor/mcp.json" })
	if a := Decide(records, &renamed); a.State != "approved" {
		t.Errorf("the same thing by another name: %+v", a)
	}
	stranger := server(func(it *inventory.Item) { it.Owner, it.Identity.Command = "bob", []string{"evil"} })
	if a := Decide(records, &stranger); a.State != "pending" || a.Diff != nil {
		t.Errorf("another thing by the same name, of another: %+v", a)
	}
	skill := server(func(it *inventory.Item) { it.Kind, it.Identity.Kind = inventory.KindSkill, inventory.KindSkill })
	if a := Decide(records, &skill); a.State != "pending" {
		t.Errorf("another kind: %+v", a)
	}
	file := server(func(it *inventory.Item) { it.Kind = inventory.KindFile })
	if a := Decide(records, &file); a.State != "" {
		t.Errorf("what is not governed: %+v", a)
	}
}

func TestLastDecisionCounts(t *testing.T) {
	first, second := server(), server(func(it *inventory.Item) { it.Identity.Command[2] = "@x/server@1.2.4" })
	records := decided(t, Approved, first, second)
	for _, it := range []inventory.Item{first, second} {
		if a := Decide(records, &it); a.State != "approved" {
			t.Errorf("%+v", a)
		}
	}
	// A revocation holds wherever the same thing is, and for ever.
	elsewhere := server(func(it *inventory.Item) { it.Owner = "bob" })
	records = keep(records, Make([]inventory.Item{elsewhere}, &Request{State: Revoked}, "root", noon.Add(time.Hour)))
	for i := range historyMax + 3 {
		next := server(func(it *inventory.Item) { it.Identity.Command[2] = fmt.Sprintf("@x/server@2.0.%d", i) })
		records = keep(records, Make([]inventory.Item{next}, &Request{State: Approved}, "root", noon.Add(time.Duration(2+i)*time.Hour)))
	}
	if a := Decide(records, &first); a.State != "revoked" {
		t.Errorf("%+v", a)
	}
	if n := len(records); n > 2*historyMax+2 {
		t.Errorf("%d records are kept", n)
	}
	third := server(func(it *inventory.Item) { it.Owner, it.Identity.Command = "bob", []string{"other"} })
	if a := Decide(records, &third); a.State != "pending" || len(a.Diff) == 0 {
		t.Errorf("after a revocation: %+v", a)
	}
}

func TestChoose(t *testing.T) {
	loose := server(func(it *inventory.Item) { it.Name, it.Identity.Loose = "loose", "the version is not pinned" })
	broken := server(func(it *inventory.Item) { it.Name, it.Error = "broken", "not JSON" })
	empty := inventory.Item{Kind: inventory.KindConnector, Name: "empty"}
	other := server(func(it *inventory.Item) { it.Owner, it.Identity.Command = "bob", []string{"x"} })
	extension := func(file, content string) inventory.Item {
		return server(func(it *inventory.Item) {
			it.Name, it.Scope, it.File, it.Identity.Files[0].Value = "notes", inventory.ScopeExtension, file, content
		})
	}
	unpacked, packed := extension("/e/notes/manifest.json", "1"), extension("/d/notes.mcpb", "2")
	alone := extension("/d/alone.mcpb", "3")
	alone.Name = "alone"
	items := []inventory.Item{server(), server(func(it *inventory.Item) { it.File = "/else" }), loose, broken, empty, other, packed, unpacked, alone}
	for name, tc := range map[string]struct {
		q    Request
		n    int
		want error
	}{
		"two places of one thing": {Request{State: Approved, Name: "github", Owner: "alice"}, 2, nil},
		"several things":          {Request{State: Approved, Name: "github"}, 3, ErrAmbiguous},
		"by its digest":           {Request{State: Approved, Name: "github", Digest: other.Digest[:12]}, 1, nil},
		"nothing":                 {Request{State: Approved, Name: "gitlab"}, 0, ErrNone},
		"loose, approved":         {Request{State: Approved, Name: "loose"}, 1, nil},
		"loose, pinned":           {Request{State: Pinned, Name: "loose"}, 1, ErrLoose},
		"broken":                  {Request{State: Approved, Name: "broken"}, 1, ErrUnknown},
		"broken, revoked":         {Request{State: Revoked, Name: "broken"}, 1, nil},
		"empty":                   {Request{State: Approved, Name: "empty"}, 1, ErrUnknown},
		"what is unpacked":        {Request{State: Approved, Name: "notes"}, 1, nil},
		"a package by its digest": {Request{State: Approved, Name: "notes", Digest: packed.Digest[:12]}, 1, nil},
		"a package alone":         {Request{State: Approved, Name: "alone"}, 1, nil},
	} {
		tc.q.Kind = inventory.KindConnector
		found, err := Choose(items, &tc.q)
		if len(found) != tc.n || !errors.Is(err, tc.want) {
			t.Errorf("%s: %d, %v", name, len(found), err)
		}
		if tc.q.Name == "notes" && found[0].Packed() != (tc.q.Digest != "") {
			t.Errorf("%s: %s", name, found[0].File)
		}
	}
}

func TestParseTarget(t *testing.T) {
	for text, want := range map[string]string{
		"connector:github": "connector github ", "connector:github@0123456789ab": "connector github 0123456789ab",
		"plugin:deploy@corp-tools": "plugin deploy@corp-tools ", "plugin:deploy@corp-tools@0123456789abcdef": "plugin deploy@corp-tools 0123456789abcdef",
		"skill:a:b": "skill a:b ", "github": "error", "connector:": "error", "file:x": "error", "robot:x": "error",
	} {
		kind, name, digest, err := ParseTarget(text)
		got := fmt.Sprintf("%s %s %s", kind, name, digest)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func TestStoreLosesNothing(t *testing.T) {
	s := Store{filepath.Join(t.TempDir(), "state")}
	if r, err := s.Read(); r != nil || err != nil {
		t.Errorf("%v %v", r, err)
	}
	var wait sync.WaitGroup
	for i := range 16 {
		wait.Go(func() {
			it := server(func(it *inventory.Item) { it.Name = fmt.Sprint("n", i) })
			it.Identity.URL = it.Name
			it.Digest = it.Identity.Digest()
			if err := s.Add(Make([]inventory.Item{it}, &Request{State: Approved}, "root", noon)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	r, err := s.Read()
	if err != nil || len(r) != 16 {
		t.Errorf("%d records, %v", len(r), err)
	}
	info, err := os.Stat(filepath.Join(s.Dir, name))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	// A file that cannot be read is an error, and is not written over.
	if err := os.WriteFile(filepath.Join(s.Dir, name), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Add(r[:1]); err == nil {
		t.Error("a broken file was written over")
	}
	raw, err := os.ReadFile(filepath.Join(s.Dir, name))
	if err != nil || string(raw) != "{" {
		t.Errorf("%q %v", raw, err)
	}
}
