// SPDX-License-Identifier: Apache-2.0

package site

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/signed"
	"github.com/reeve-sensor/reeve/sensor/inventory/signed/signtest"
	"github.com/reeve-sensor/reeve/testdata/need"
)

// A connector that is declared by its publisher is what was verified as that, and never pinned: any release of it fits.
func TestPublisherReachesTheKernel(t *testing.T) {
	b := newBench(t)
	file, sum := b.program("server", "\x7fELF one")
	b.policy = "[[connector]]\nname = \"ours\"\npublisher = \"Acme Ltd\"\n"
	b.configure(sum, file, "a")
	for name, tc := range map[string]struct {
		identity func(*inventory.Identity)
		want     uint16
	}{
		"verified":                   {func(id *inventory.Identity) { id.Publisher, id.Root = "Acme Ltd", "1" }, uint16(bpf.PrincipalFirst)},
		"another":                    {func(id *inventory.Identity) { id.Publisher, id.Root = "Acme", "1" }, 0},
		"without one":                {func(*inventory.Identity) {}, 0},
		"a marketplace of that name": {func(id *inventory.Identity) { id.From = &inventory.Source{Marketplace: "Acme Ltd"} }, 0},
		"a vendor of that name":      {func(id *inventory.Identity) { id.Vendor, id.Root = "Acme Ltd", "1" }, 0},
	} {
		was := b.item
		tc.identity(&b.item.Identity)
		if start, ok := b.known(1000, file, "a"); !ok || start.Principal != tc.want || start.Flags != 0 {
			t.Errorf("%s: %+v %t", name, start, ok)
		}
		b.item = was
	}
}

// What an item claims is nobody's identity, for approvals either.
func TestPublisherGoverns(t *testing.T) {
	p, err := enforce.Parse(map[string]string{"a.toml": `version = 1
[[connector]]
name = "acme"
publisher = "Acme Ltd"
[[rule]]
id = "acme-only"
on = ["connector.start"]
match = ["acme"]
action = "allow"
reason = "reviewed"
[[role]]
name = "default"
defaults = { connector = "deny" }
`}, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	verified := inventory.Item{Kind: inventory.KindConnector, Identity: inventory.Identity{Publisher: "Acme Ltd", Root: "1"}, Approval: inventory.Approval{State: "pending"}}
	claimed := inventory.Item{Kind: inventory.KindConnector, Signature: &inventory.Signature{State: "self-signed", Claims: "Acme Ltd"}, Approval: inventory.Approval{State: "pending"}}
	items := []inventory.Item{verified, claimed}
	Govern(p, func(string) string { return "default" }, items)
	if items[0].Approval.State != "allowed" || items[0].Approval.Rule != "acme-only" || items[1].Approval.State != "denied" {
		t.Errorf("%+v\n%+v", items[0].Approval, items[1].Approval)
	}
}

func TestPublishersAreRootsAlone(t *testing.T) {
	need.Root(t)
	root := signtest.Authority("Root")
	raw := root.Publisher("Acme Ltd").Extension(map[string]string{"manifest.json": "{}"})
	dir := t.TempDir()
	c := Defaults()
	c.Inventory.Publishers = dir
	state := func() (signed.State, error) {
		r, err := c.Publishers()
		v, unread := signed.Check(bytes.NewReader(raw), int64(len(raw)), r, signtest.Now)
		if unread != nil {
			t.Fatal(unread)
		}
		return v.State, err
	}
	if s, _ := state(); s != signed.UnknownRoot {
		t.Errorf("an empty folder: %s", s)
	}
	file := filepath.Join(dir, "corp.pem")
	if err := os.WriteFile(file, root.PEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err := state(); s != signed.Verified {
		t.Errorf("%s %v", s, err)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	if s, err := state(); s != signed.UnknownRoot || err == nil || !strings.Contains(err.Error(), "others than root") {
		t.Errorf("a file of everybody: %s %v", s, err)
	}
	c.Inventory.Publishers = filepath.Join(dir, "none")
	if s, err := state(); s != signed.UnknownRoot || err != nil && strings.Contains(err.Error(), "none") {
		t.Errorf("no folder: %s %v", s, err)
	}
}
