// SPDX-License-Identifier: Apache-2.0

// This file is what an item is, in terms that nobody else can borrow, and how two of them differ.

package inventory

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Identity is what approvals are bound to and what a policy can pin: the exact command and package version with the hash of
// what lies on disk, or the URL; the tools with their descriptions, where they are known. A name is no part of it, since
// anybody may give one.
type Identity struct {
	Kind      Kind     `json:"kind"`
	Command   []string `json:"command,omitempty"`        // exact, as it is configured
	Package   *Package `json:"package,omitempty"`        // that the command has a package runner start, or that its script is a part of
	URL       string   `json:"url,omitempty"`            // without what of it is secret
	Publisher string   `json:"publisher,omitempty"`      // whose signature over it was verified; whatever else calls itself that is not here
	Root      string   `json:"publisher_root,omitempty"` // SHA-256 of the certificate that Publisher's lead to: a name alone anybody may have
	From      *Source  `json:"from,omitempty"`           // the marketplace that it came from, which signs nothing
	Vendor    string   `json:"vendor,omitempty"`         // who makes it by the catalogue, which looks at no signature
	Settings  []Part   `json:"settings,omitempty"`       // what else makes it do what it does; names of credentials among them
	Files     []Part   `json:"files,omitempty"`          // name and SHA-256
	Tools     []Part   `json:"tools,omitempty"`          // name and description

	// Loose says why the identity does not hold what will run: nothing that is loose can be pinned.
	Loose string `json:"loose,omitempty"`
}

// Package is what a package runner starts, or what a script on disk belongs to.
type Package struct {
	Registry string `json:"registry"` // npm, pypi, oci, jsr, go, git, url
	Name     string `json:"name"`
	Version  string `json:"version,omitempty"` // as it was asked for
	Exact    bool   `json:"exact"`             // no later release is started in its place
	Digest   string `json:"digest,omitempty"`  // of its content: where the registry holds it by that, or where it lies on disk
}

func (p *Package) String() string {
	if p == nil {
		return ""
	}
	s := p.Registry + ":" + p.Name
	if p.Version != "" {
		s += "@" + p.Version
	}
	if p.Digest != "" {
		s += "@" + p.Digest
	}
	return s
}

// Source is where a plugin came from, as its agent noted it. Who may write that note may give any.
type Source struct {
	Marketplace string `json:"marketplace"`        // as the settings call it
	Where       string `json:"where,omitempty"`    // repository, URL or folder of the marketplace
	Revision    string `json:"revision,omitempty"` // commit, or what the marketplace is bound to
}

func (s *Source) String() string {
	if s == nil {
		return ""
	}
	text := s.Marketplace
	if s.Where != "" {
		text += " (" + s.Where + ")"
	}
	if s.Revision != "" {
		text += " at " + s.Revision
	}
	return text
}

// Part is a named piece of an identity.
type Part struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Digest is the SHA-256 of the identity in hexadecimal: the same for the same thing, whoever has it under whatever name. Whose
// signature it has, and at which source and commit a marketplace is, are not in it: both are told by files that lie elsewhere, so that
// whoever adds or removes these would lift what was decided about the thing, which is in it already by its content. Vendor and
// marketplace stand where the decisions of all releases have them.
func (id *Identity) Digest() string {
	bound := *id
	bound.Publisher, bound.Root, bound.Vendor, bound.From = id.Vendor, "", "", nil
	if id.From != nil {
		bound.Publisher = id.From.Marketplace
	}
	raw, err := json.Marshal(&bound)
	if err != nil {
		panic("inventory: an identity that is no JSON: " + err.Error()) // strings alone
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// Content is the SHA-256 over the item's files as policies pin it, or "": of a single file its own, of several that of the
// lines that sha256sum prints of them, by ascending name.
func (id *Identity) Content() string {
	switch len(id.Files) {
	case 0:
		return ""
	case 1:
		return id.Files[0].Value
	}
	h := sha256.New()
	for _, f := range sorted(id.Files) {
		fmt.Fprintf(h, "%s  %s\n", f.Value, f.Name)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Known reports whether there is anything to bind an approval to.
func (id *Identity) Known() bool {
	return len(id.Command) > 0 || id.URL != "" || len(id.Files) > 0 || id.Publisher != "" || id.From != nil || id.Vendor != "" || len(id.Settings) > 0
}

func sorted(parts []Part) []Part {
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b Part) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value)) })
	return parts
}

// Settle orders what has no order of its own, so that the same thing has the same Digest.
func (id *Identity) Settle() {
	id.Settings, id.Files, id.Tools = sorted(id.Settings), sorted(id.Files), sorted(id.Tools)
}

// Change is one difference. Old is "" where it came, New where it went.
type Change struct {
	What string `json:"what"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}

// Diff tells what became of one identity in another.
func Diff(was, is *Identity) []Change {
	var out []Change
	add := func(what, a, b string) {
		if a != b {
			out = append(out, Change{what, a, b})
		}
	}
	add("command", quoted(was.Command), quoted(is.Command))
	add("package", was.Package.String(), is.Package.String())
	add("url", was.URL, is.URL)
	add("publisher", was.Publisher, is.Publisher)
	add("publisher's root", was.Root, is.Root)
	add("from", was.From.String(), is.From.String())
	add("vendor", was.Vendor, is.Vendor)
	out = append(out, diffParts("setting", was.Settings, is.Settings)...)
	out = append(out, diffParts("file", was.Files, is.Files)...)
	out = append(out, diffParts("tool", was.Tools, is.Tools)...)
	add("loose", was.Loose, is.Loose)
	return out
}

func quoted(argv []string) string {
	var words []string
	for _, a := range argv {
		if a == "" || strings.ContainsAny(a, " \t\n\"'\\$`") {
			a = fmt.Sprintf("%q", a)
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}

// diffParts pairs parts by name. Several of one name are compared as one.
func diffParts(what string, was, is []Part) []Change {
	before, after := byName(was), byName(is)
	var names []string
	for _, p := range append(slices.Clone(was), is...) {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	var out []Change
	for _, name := range slices.Compact(names) {
		a, had := before[name]
		b, has := after[name]
		if had && has && a == b {
			continue
		}
		out = append(out, Change{what + " " + name, present(a, had), present(b, has)})
	}
	return out
}

// present keeps an empty value apart from none.
func present(value string, there bool) string {
	if there && value == "" {
		return "(empty)"
	}
	return value
}

func byName(parts []Part) map[string]string {
	out := map[string]string{}
	for _, p := range sorted(parts) {
		if old, ok := out[p.Name]; ok {
			p.Value = old + "\n" + p.Value
		}
		out[p.Name] = p.Value
	}
	return out
}
