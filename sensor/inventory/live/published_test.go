// SPDX-License-Identifier: Apache-2.0

package live

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/discover"
	"github.com/reeve-sensor/reeve/sensor/inventory/signed"
	"github.com/reeve-sensor/reeve/sensor/inventory/signed/signtest"
)

// extension is what the signed package of a publisher is unpacked to.
var extension = map[string]string{
	"manifest.json":   `{"name":"notes","version":"1","server":{"type":"node","mcp_config":{"command":"node","args":["${__dirname}/server/index.js"]}}}`,
	"server/index.js": "1",
}

const installed = ".config/Claude/Claude Extensions/notes/"

func roots(t *testing.T, root *signtest.Signer) *signed.Roots {
	t.Helper()
	r, err := signed.Load(nil, fstest.MapFS{"root.pem": {Data: root.PEM()}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func bounds(trusted *signed.Roots) discover.Options {
	b := discover.Defaults
	b.Publishers = trusted
	return b
}

func trusting(t *testing.T, root *signtest.Signer) func(*Keeper) {
	t.Helper()
	return func(k *Keeper) {
		k.o.Bounds.Publishers = roots(t, root)
		k.o.Now = func() time.Time { return signtest.Now }
	}
}

func (r *rig) install() {
	for name, text := range extension {
		r.put(installed+name, text)
	}
}

// found is the installed extension.
func (r *rig) found() *inventory.Item {
	for _, it := range r.Items(nil) {
		if it.Kind == inventory.KindConnector && filepath.Base(it.File) == "manifest.json" {
			return &it
		}
	}
	return nil
}

func (r *rig) publisher() string {
	if it := r.found(); it != nil {
		return it.Identity.Publisher
	}
	return "not there"
}

// What is unpacked is a publisher's as long as it is just what a signed package holds, and that package is there.
func TestUnpackedIsThePackages(t *testing.T) {
	root := signtest.Authority("Root")
	r := start(t, "", trusting(t, root))
	r.install()
	r.put("Downloads/notes.mcpb", string(root.Publisher("Acme Ltd").Extension(extension)))
	r.run()
	it := r.found()
	if it == nil || it.Identity.Publisher != "Acme Ltd" || it.Identity.Root != root.Fingerprint() || it.Signature == nil || it.Signature.File != filepath.Join(r.home, "Downloads/notes.mcpb") {
		t.Fatalf("%+v", it)
	}
	if it.Digest != it.Identity.Digest() || len(it.Facts.Started.Argv()) != 2 || it.Facts.Started.Argv()[1] != filepath.Join(r.home, installed, "server/index.js") {
		t.Errorf("%+v %v", it, it.Facts.Started.Argv())
	}
	r.put(installed+"server/index.js", "2")
	r.await("another file makes it nobody's", func() bool { return r.publisher() == "" })
	r.put(installed+"server/index.js", "1")
	r.await("and the right one the publisher's", func() bool { return r.publisher() == "Acme Ltd" })
	r.put(installed+"server/more.js", "1")
	r.await("one more makes it nobody's", func() bool { return r.publisher() == "" })
	if err := os.Remove(filepath.Join(r.home, installed, "server/more.js")); err != nil {
		t.Fatal(err)
	}
	r.await("without it again", func() bool { return r.publisher() == "Acme Ltd" })
	if err := os.Remove(filepath.Join(r.home, "Downloads/notes.mcpb")); err != nil {
		t.Fatal(err)
	}
	r.Refresh()
	r.await("no package is left", func() bool { return r.publisher() == "" })
	r.put("Downloads/notes.mcpb", string(signtest.Alone("Acme Ltd").Extension(extension)))
	r.Refresh()
	r.await("another package", func() bool {
		return slices.ContainsFunc(r.Items(nil), func(it inventory.Item) bool {
			return it.Signature != nil && it.Signature.State == string(signed.SelfSigned)
		})
	})
	if by := r.publisher(); by != "" {
		t.Errorf("a package that names itself makes it %s's", by)
	}
}

// The package of an extension that is installed or updated is found then, and not at the next full pass only.
func TestUpdateFindsItsPackage(t *testing.T) {
	root := signtest.Authority("Root")
	r := start(t, "", trusting(t, root))
	r.run()
	r.put("Downloads/notes.mcpb", string(root.Publisher("Acme Ltd").Extension(extension)))
	r.install()
	r.await("its publisher", func() bool { return r.publisher() == "Acme Ltd" })
}

// Whoever makes very many extensions has the home searched no more often.
func TestPackagesAreSoughtSoOften(t *testing.T) {
	k := &Keeper{o: Options{Now: time.Now}, whole: true, sought: map[string]map[string]bool{}}
	seeks := func(content, publisher string) bool {
		return k.seeks("alice", []inventory.Item{{Kind: inventory.KindConnector, Scope: inventory.ScopeExtension, File: "/e/manifest.json",
			Identity: inventory.Identity{Publisher: publisher, Files: []inventory.Part{{Name: "manifest.json", Value: content}}}}})
	}
	if seeks("1", "Acme Ltd") || !seeks("1", "") || seeks("1", "") {
		t.Error("one that is a publisher's is sought, or another one not, or twice")
	}
	sought := 1
	for i := range 2 * soughtMax {
		if seeks(fmt.Sprint("more ", i), "") {
			sought++
		}
	}
	if sought != soughtMax {
		t.Errorf("%d are sought", sought)
	}
	k.forget()
	if !seeks("1", "") {
		t.Error("after a full pass it is not sought")
	}
}

// A keeper that begins knows what an earlier one verified, unless the site trusts others now.
func TestPublishersAreRemembered(t *testing.T) {
	state := t.TempDir()
	root := signtest.Authority("Root")
	by := publication{"Acme Ltd", root.Fingerprint(), "alice", "/x.mcpb", signtest.After}
	p := published{}
	p.learn([]inventory.Item{{Identity: inventory.Identity{Publisher: by.Publisher, Root: by.Root}, Owner: by.Owner, File: by.File,
		Facts: inventory.Facts{Packed: []inventory.Part{{Name: "manifest.json", Value: "0"}}, Until: by.Until}}})
	it := inventory.Item{Kind: inventory.KindConnector, Scope: inventory.ScopeExtension, Owner: "alice", File: "/e/manifest.json",
		Identity: inventory.Identity{Files: []inventory.Part{{Name: "manifest.json", Value: "0"}}}}
	if !p.settle(&it, signtest.Now) || it.Identity.Publisher != by.Publisher || it.Signature.File != by.File {
		t.Errorf("%+v", it)
	}
	other := it
	other.Owner = "bob"
	if p.settle(&other, signtest.Now); other.Identity.Publisher != by.Publisher || other.Signature.File != "" {
		t.Errorf("bob is told where alice has hers: %+v", other)
	}
	if !p.settle(&it, signtest.After) || it.Identity.Publisher != "" || it.Signature != nil {
		t.Errorf("when its certificate ended: %+v", it)
	}
	broken := other
	broken.Error = "not known whole"
	if p.settle(&broken, signtest.Now); broken.Identity.Publisher != "" {
		t.Errorf("not known whole: %+v", broken)
	}
	for _, trusted := range []*signed.Roots{nil, roots(t, root)} {
		k := start(t, state)
		k.memory.Published, k.memory.Trusted = p, ""
		if err := k.save(); err != nil {
			t.Fatal(err)
		}
		again, err := New(Options{Catalogue: k.o.Catalogue, State: state, Bounds: bounds(trusted)})
		if err != nil {
			t.Fatal(err)
		}
		if kept := len(again.memory.Published) == 1; kept != (trusted == nil) {
			t.Errorf("%v: kept: %t", trusted, kept)
		}
	}
}
