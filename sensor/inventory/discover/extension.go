// SPDX-License-Identifier: Apache-2.0

// This file reads packed connectors (.mcpb, once .dxt): as Claude Desktop unpacked them, and as they lie about in a home.

package discover

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/formats"
	"github.com/reeve-sensor/reeve/sensor/inventory/signed"
)

// packedMax bounds an extension that is opened.
const packedMax = 128 << 20

// unpacked reads one that is installed.
func (s *source) unpacked() {
	dir := path.Dir(s.name)
	it := s.item(inventory.KindConnector, s.doc.root.Get("name").String(), 1)
	it.Scope = inventory.ScopeExtension
	s.plugin = plugin{dir: dir}
	chosen := s.chosen(dir)
	it.Disabled = chosen.Get("isEnabled").Is(false)
	s.describe(&it, s.doc.root, chosen.Get("userConfig"))
	files, writable, err := s.brought(dir)
	it.Identity.Files, it.Facts.Writable = files, append(it.Facts.Writable, writable...)
	if err != nil {
		it.Error, it.Identity.Loose = reason(err), "its folder is not known whole"
	}
	pin(&it)
	s.add(it)
}

// packedRoom is how much an extension may hold: it brings what it needs with it.
var packedRoom = room{8_000, 32, 256 << 20}

// brought sums the files of an extension.
func (w *part) brought(dir string) (files []inventory.Part, writable []string, err error) {
	files, writable, err = w.within(dir, packedRoom)
	if files = folded(files); err == nil && len(files) > filesMax {
		err = fmt.Errorf("more than %d files and folders at its top", filesMax)
	}
	return files[:min(len(files), filesMax)], writable, err
}

// folded has each folder count as one, where the files are many.
func folded(files []inventory.Part) []inventory.Part {
	if len(files) <= filesMax {
		return files
	}
	var out []inventory.Part
	inner := map[string][]string{}
	for _, f := range files {
		if first, rest, below := strings.Cut(f.Name, "/"); below {
			inner[first] = append(inner[first], f.Value+"  "+rest+"\n")
			continue
		}
		out = append(out, f)
	}
	for _, first := range slices.Sorted(maps.Keys(inner)) {
		lines := inner[first]
		slices.Sort(lines)
		sum := sha256.Sum256([]byte(strings.Join(lines, "")))
		out = append(out, inventory.Part{Name: first + "/", Value: hex.EncodeToString(sum[:])})
	}
	return out
}

// chosen is what its person has set for the extension in a folder; nil where nothing is.
func (s *source) chosen(dir string) *formats.Node {
	raw, _, err := s.slurp(path.Join(path.Dir(path.Dir(dir)), "Claude Extensions Settings", path.Base(dir)+".json"), settingsMax)
	if err != nil {
		return nil
	}
	root, err := formats.Parse(formats.JSON, raw)
	if err != nil {
		return nil
	}
	return root
}

// describe fills in what a manifest says, with what its person has set.
func (s *source) describe(it *inventory.Item, root, set *formats.Node) {
	it.Transport, it.Version = "stdio", clean(root.Get("version").String())
	setting(it, "version", it.Version)
	setting(it, "author", root.Get("author", "name").String())
	server := root.Get("server")
	run := server.Get("mcp_config")
	if linux := run.Get("platform_overrides", "linux"); linux != nil {
		credentials(it, "env", linux.Get("env"))
		if linux.Get("command") != nil {
			run = linux
		}
	}
	credentials(it, "env", run.Get("env"))
	if run.Get("command") != nil {
		chosen, spelled := choicesOf(root.Get("user_config"), set), s.places(argvOf(run))
		argv, shown, open := chosen.fill(spelled)
		clean, secret := event.RedactArgs(shown)
		it.Identity.Command, it.Facts.Secret, it.Facts.Unset = clean, secret || !slices.Equal(argv, shown), open
		s.installed(it, argv, chosen.counted(spelled))
	}
	for _, t := range listOf(root.Get("tools")) {
		it.Identity.Tools = append(it.Identity.Tools, inventory.Part{Name: clean(t.Get("name").String()), Value: bounded(event.Redact(t.Get("description").String()))})
		it.Facts.Hidden = it.Facts.Hidden || hidden(t.Get("description").String())
	}
	if root.Get("tools_generated").Is(true) {
		setting(it, "tools", "more than these, told when it runs")
	}
	user := root.Get("user_config")
	for _, key := range user.Keys() {
		if user.Get(key, "sensitive").Is(true) {
			it.Secrets = append(it.Secrets, clean(key))
		}
	}
}

// installed says what an extension that was unpacked is started by. What is packed starts nowhere. counted says that it is known how
// many arguments there are.
func (s *source) installed(it *inventory.Item, argv []string, counted bool) {
	switch {
	case s.plugin.dir == "":
		return
	case len(argv) > argvMax:
	case len(it.Facts.Unset) == 0:
		it.Facts.Started = inventory.Starts(argv, s.plugin.dir)
	case counted:
		it.Facts.Open = inventory.Opens(argv, s.plugin.dir)
	}
	depends(it)
}

// packedFile reads a packed extension that the search met.
func (w *part) packedFile(name string) {
	it := inventory.Item{
		Kind: inventory.KindConnector, Name: path.Base(name), Owner: w.home.User, Scope: inventory.ScopeExtension, File: name, Line: 0,
		Agents: []string{desktop}, Disabled: true,
	}
	if err := w.unpack(&it, name); err != nil {
		it.Error = "not an extension: " + reason(err)
	}
	pin(&it)
	w.add(it)
}

// desktop is the agent that takes extensions.
const desktop = "claude-desktop"

var errNoManifest = errors.New("no manifest.json in it")

func (w *part) unpack(it *inventory.Item, name string) error {
	f, info, err := w.open(name, packedMax)
	if err != nil {
		return err
	}
	defer f.Close()
	at, ok := f.(io.ReaderAt)
	if !ok {
		raw, err := io.ReadAll(io.LimitReader(f, packedMax))
		if err != nil {
			return err
		}
		at = bytes.NewReader(raw)
	}
	sum, _, err := w.sum(name, packedMax)
	if err != nil {
		return err
	}
	it.Identity.Files = []inventory.Part{{Name: path.Base(name), Value: sum}}
	v, err := w.signature(it, at, info.Size())
	if err != nil {
		return err
	}
	archive, err := zip.NewReader(at, info.Size())
	if err != nil {
		return err
	}
	if v.State == signed.Verified {
		it.Facts.Packed = members(archive)
	}
	raw, err := member(archive, "manifest.json", proseMax)
	if err != nil {
		return err
	}
	root, err := formats.Parse(formats.JSON, raw)
	if err != nil {
		return fmt.Errorf("manifest.json: %w", err)
	}
	if n := root.Get("name").String(); n != "" {
		it.Name = clean(n)
	}
	s := w.source(&inventory.Agent{Name: desktop}, &inventory.Config{Scope: inventory.ScopeExtension}, name, plugin{})
	s.describe(it, root, nil)
	return nil
}

// member reads one file of an archive, however small it says that it is.
func member(z *zip.Reader, name string, most int64) ([]byte, error) {
	for _, f := range z.File {
		if f.Name != name {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		raw, err := io.ReadAll(io.LimitReader(r, most+1))
		if err == nil && int64(len(raw)) > most {
			err = fmt.Errorf("%s: more than %d bytes", name, most)
		}
		return raw, err
	}
	return nil, errNoManifest
}
