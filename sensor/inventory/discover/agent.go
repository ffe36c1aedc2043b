// SPDX-License-Identifier: Apache-2.0

// This file finds agents that are installed: the catalogue's programs, with the version that their paths and packages tell.
// None is started for it.

package discover

import (
	"encoding/json"
	"path"
	"regexp"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// installed looks where the catalogue names a place. What may lie anywhere is found by search.
func (w *part) installed(dir, prefix string) {
	for i := range w.Catalogue.Agents {
		a := &w.Catalogue.Agents[i]
		for _, g := range a.Exec {
			below, ok := strings.CutPrefix(g, prefix)
			if !ok || strings.HasPrefix(below, "**") {
				continue
			}
			names, _ := w.glob(rel(dir), below)
			for _, n := range names {
				w.program(a, "/"+n)
			}
		}
	}
}

// program adds an agent's program, if it is a file.
func (w *part) program(a *inventory.Agent, name string) {
	sum, info, err := w.sum(name, programMax)
	if info == nil && err != nil && !strings.Contains(err.Error(), "bytes") {
		return // not there, or no file
	}
	it := inventory.Item{
		Kind: inventory.KindAgent, Name: a.Name, Owner: w.home.User, Scope: inventory.ScopeUser, Agents: []string{a.Name}, File: name,
	}
	if w.home.User == System {
		it.Scope = inventory.ScopeSystem
	}
	if err != nil {
		it.Error, it.Identity.Loose = reason(err), "its program is not summed"
	} else {
		it.Identity.Files = []inventory.Part{{Name: path.Base(name), Value: sum}}
		if info.Mode().Perm()&0o002 != 0 {
			it.Facts.Writable = []string{name}
		}
	}
	it.Identity.Vendor = a.Vendor
	if it.Version = a.VersionOf(name); it.Version == "" {
		it.Version = w.packaged(name)
	}
	it.Identity.Package = npmPackage(name, it.Version)
	w.add(it)
}

// release is the part of a version that all platforms share, as far as it is believed.
var release = regexp.MustCompile(`^\d{1,9}\.\d{1,9}\.\d{1,9}(?:-(?:alpha|beta|rc|preview|nightly)[0-9A-Za-z.]{0,32})?`)

// packaged reads the version from the manifest of what a program lies in: npm's package, or an application of Electron.
func (w *part) packaged(program string) string {
	for _, manifest := range []string{npmManifest(program), path.Join(path.Dir(program), "resources/app/package.json")} {
		if manifest == "" {
			continue
		}
		raw, _, err := w.slurp(manifest, proseMax)
		var m struct {
			Version string `json:"version"`
		}
		if err == nil && json.Unmarshal(raw, &m) == nil {
			return release.FindString(m.Version)
		}
	}
	return ""
}

const modules = "/node_modules/"

// npmFolder is the package in which a program lies: its folder and its name.
func npmFolder(program string) (dir, name string) {
	at := strings.LastIndex(program, modules)
	if at < 0 {
		return "", ""
	}
	parts := strings.SplitN(program[at+len(modules):], "/", 3)
	if strings.HasPrefix(parts[0], "@") && len(parts) > 1 {
		name = parts[0] + "/" + parts[1]
	} else {
		name = parts[0]
	}
	return path.Join(program[:at+len(modules)], name), name
}

func npmManifest(program string) string {
	dir, _ := npmFolder(program)
	if dir == "" {
		return ""
	}
	return path.Join(dir, "package.json")
}

func npmPackage(program, version string) *inventory.Package {
	_, name := npmFolder(program)
	if name == "" {
		return nil
	}
	return &inventory.Package{Registry: "npm", Name: name, Version: version, Exact: version != ""}
}
