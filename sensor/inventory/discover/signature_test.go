// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/signed"
	"github.com/reeve-sensor/reeve/sensor/inventory/signed/signtest"
)

func TestPublisherOfAPackage(t *testing.T) {
	root := signtest.Authority("Root")
	trusted, err := signed.Load(nil, fstest.MapFS{"root.pem": {Data: root.PEM()}})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"manifest.json": `{"name":"notes","author":{"name":"Acme Ltd"}}`, "server/index.js": "1"}
	altered := root.Publisher("Acme Ltd").Extension(files)
	altered[40] ^= 1
	data := map[string][]byte{
		"verified": root.Publisher("Acme Ltd").Extension(files), "claimed": signtest.Alone("Acme Ltd").Extension(files), "none": signtest.Pack(files), "altered": altered,
	}
	tree := fstest.MapFS{}
	for name, raw := range data {
		tree["home/alice/"+name+"/x.mcpb"] = &fstest.MapFile{Data: raw, Mode: 0o644}
	}
	o := Defaults
	o.Publishers, o.Now = trusted, func() time.Time { return signtest.Now }
	items := (&Pass{FS: tree, Catalogue: catalogue(t), Options: o}).Search(Home{"alice", "/home/alice"}).Items
	if len(items) != len(data) {
		t.Fatalf("%+v", items)
	}
	want := map[string]struct {
		state     signed.State
		publisher string
		packed    int
	}{
		"/home/alice/verified/x.mcpb": {signed.Verified, "Acme Ltd", 2}, "/home/alice/claimed/x.mcpb": {signed.SelfSigned, "", 0},
		"/home/alice/none/x.mcpb": {signed.None, "", 0}, "/home/alice/altered/x.mcpb": {signed.Altered, "", 0},
	}
	for _, it := range items {
		w := want[it.File]
		if it.Signature == nil || it.Signature.State != string(w.state) || it.Identity.Publisher != w.publisher || (it.Identity.Root != "") != (w.publisher != "") || len(it.Facts.Packed) != w.packed {
			t.Errorf("%s: %+v %+v", it.File, it.Signature, it.Identity)
		}
	}
}

// An extension with what it needs has many files. It is known by all of them, and its publisher as well.
func TestLargeExtension(t *testing.T) {
	root := signtest.Authority("Root")
	trusted, err := signed.Load(nil, fstest.MapFS{"root.pem": {Data: root.PEM()}})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"manifest.json": `{"name":"big","server":{"mcp_config":{"command":"node"}}}`, "server/index.js": "1"}
	for i := range 3 * filesMax {
		files[fmt.Sprintf("node_modules/m%d/a/b/c/d/e/f/g/h/index.js", i)] = fmt.Sprint(i)
	}
	const dir, deep = "home/alice/.config/Claude/Claude Extensions/big/", "node_modules/m7/a/b/c/d/e/f/g/h/"
	look := func(change func(fstest.MapFS)) (packed, installed inventory.Item) {
		tree := fstest.MapFS{"home/alice/Downloads/big.mcpb": &fstest.MapFile{Data: root.Publisher("Acme Ltd").Extension(files), Mode: 0o644}}
		for name, text := range files {
			tree[dir+name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
		}
		change(tree)
		o := Defaults
		o.Publishers, o.Now = trusted, func() time.Time { return signtest.Now }
		for _, it := range find(everything(&Pass{FS: tree, Catalogue: catalogue(t), Options: o}), inventory.KindConnector, "big") {
			if it.Identity.Publisher != "" {
				packed = it
				continue
			}
			installed = it
		}
		if installed.Error != "" || len(installed.Identity.Files) > 4 {
			t.Fatalf("%s, %d parts", installed.Error, len(installed.Identity.Files))
		}
		return packed, installed
	}
	packed, installed := look(func(fstest.MapFS) {})
	if id := (inventory.Identity{Files: packed.Facts.Packed}); id.Content() != installed.Identity.Content() || id.Content() == "" {
		t.Errorf("packed %+v, unpacked %+v", packed.Facts.Packed, installed.Identity.Files)
	}
	for name, change := range map[string]func(fstest.MapFS){
		"changed": func(f fstest.MapFS) { f[dir+deep+"index.js"] = text("x") },
		"added":   func(f fstest.MapFS) { f[dir+deep+"more.js"] = text("x") },
		"renamed": func(f fstest.MapFS) {
			f[dir+deep+"other.js"] = f[dir+deep+"index.js"]
			delete(f, dir+deep+"index.js")
		},
		"gone": func(f fstest.MapFS) { delete(f, dir+"server/index.js") },
	} {
		if _, other := look(change); other.Digest == installed.Digest || other.Identity.Content() == installed.Identity.Content() {
			t.Errorf("a file that is %s changes nothing", name)
		}
	}
}

// A plugin is from a marketplace, and the commit is what its agent noted of just that folder. That makes it nobody's.
func TestPluginsAreFromMarketplaces(t *testing.T) {
	dir := "home/alice/.claude/plugins/cache/m/p/1"
	one, two := "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"
	items := pass(t, map[string]*fstest.MapFile{
		dir + "/.claude-plugin/plugin.json":                  text(`{"name":"p","author":{"name":"Acme Ltd"},"publisher":"Acme Ltd"}`),
		"home/alice/.claude/plugins/known_marketplaces.json": text(`{"m":{"source":{"source":"github","repo":"acme/plugins"}}}`),
		"home/alice/.claude/plugins/installed_plugins.json":  text(`{"version":2,"plugins":{"p@m":[{"installPath":"/elsewhere","gitCommitSha":"` + two + `"},{"installPath":"/` + dir + `","gitCommitSha":"` + one + `"}]}}`),
	})
	p := find(items, inventory.KindPlugin, "p@m")
	if len(p) != 1 || p[0].Identity.From == nil || *p[0].Identity.From != (inventory.Source{Marketplace: "m", Where: "acme/plugins", Revision: one}) || p[0].Identity.Publisher != "" || p[0].Identity.Root != "" {
		t.Fatalf("%+v", p)
	}
}
