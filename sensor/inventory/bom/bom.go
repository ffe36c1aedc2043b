// SPDX-License-Identifier: Apache-2.0

// Package bom writes the inventory as a CycloneDX bill of materials: what runs here as components, what runs elsewhere as
// services, with what only Reeve knows as properties (reeve:*). It is pure.
package bom

import (
	"cmp"
	"io"
	"net/url"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// Made says who makes a bill, when and of which machine.
type Made struct {
	Host    string
	Version string // of Reeve
	At      time.Time
	Serial  string // urn:uuid:…; "" gives none
}

// types are what CycloneDX calls each kind.
var types = map[inventory.Kind]cdx.ComponentType{
	inventory.KindAgent: cdx.ComponentTypeApplication, inventory.KindConnector: cdx.ComponentTypeApplication, inventory.KindPlugin: cdx.ComponentTypeLibrary,
	inventory.KindSkill: cdx.ComponentTypeData, inventory.KindCommand: cdx.ComponentTypeData, inventory.KindSubagent: cdx.ComponentTypeData,
	inventory.KindHook: cdx.ComponentTypeFile,
}

// Make turns items into a bill. Marketplaces, files that could not be read and suspects are no part of one.
func Make(items []inventory.Item, m Made) *cdx.BOM {
	b := cdx.NewBOM()
	b.SerialNumber = m.Serial
	b.Metadata = &cdx.Metadata{
		Timestamp: m.At.UTC().Format(time.RFC3339),
		Tools:     &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: cdx.ComponentTypeApplication, Name: "reeve", Version: m.Version}}},
		Component: &cdx.Component{Type: cdx.ComponentTypeDevice, Name: m.Host, BOMRef: "host:" + m.Host},
	}
	var components []cdx.Component
	var services []cdx.Service
	seen := map[string]bool{}
	for i := range items {
		it := &items[i]
		ref := it.Digest + ":" + it.Owner + ":" + it.File + ":" + it.Name
		if seen[ref] {
			continue
		}
		seen[ref] = true
		switch kind, ok := types[it.Kind]; {
		case it.Kind == inventory.KindConnector && (it.Identity.URL != "" || it.Scope == inventory.ScopeVendor):
			services = append(services, service(it, ref))
		case ok:
			components = append(components, component(it, kind, ref))
		}
	}
	if len(components) > 0 {
		b.Components = &components
	}
	if len(services) > 0 {
		b.Services = &services
	}
	return b
}

// Write writes a bill as JSON.
func Write(w io.Writer, b *cdx.BOM) error {
	return cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).Encode(b)
}

func component(it *inventory.Item, kind cdx.ComponentType, ref string) cdx.Component {
	c := cdx.Component{Type: kind, BOMRef: ref, Name: it.Name, Version: versionOf(it), Publisher: maker(it), PackageURL: purl(it.Identity.Package)}
	if sum := it.Identity.Content(); len(sum) == 64 {
		c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: sum}}
	}
	c.Properties = properties(it)
	return c
}

func service(it *inventory.Item, ref string) cdx.Service {
	s := cdx.Service{BOMRef: ref, Name: it.Name, Version: versionOf(it), Properties: properties(it)}
	if address, err := url.Parse(it.Identity.URL); err == nil && it.Identity.URL != "" {
		s.Endpoints = &[]string{address.String()}
	}
	if by := maker(it); by != "" {
		s.Provider = &cdx.OrganizationalEntity{Name: by}
	}
	authenticated := len(it.Secrets) > 0
	outside := it.NotHeld != ""
	s.Authenticated, s.CrossesTrustBoundary = &authenticated, &outside
	return s
}

// versionMax is how long a version may be in a bill.
const versionMax = 1024

func versionOf(it *inventory.Item) string {
	if len(it.Version) <= versionMax {
		return it.Version
	}
	return strings.ToValidUTF8(it.Version[:versionMax], "")
}

// maker is who is behind an item: by a signature that was verified, else by the catalogue.
func maker(it *inventory.Item) string { return cmp.Or(it.Identity.Publisher, it.Identity.Vendor) }

func properties(it *inventory.Item) *[]cdx.Property {
	var out []cdx.Property
	add := func(name, value string) {
		if value != "" {
			out = append(out, cdx.Property{Name: "reeve:" + name, Value: value})
		}
	}
	add("kind", string(it.Kind))
	add("owner", it.Owner)
	add("scope", string(it.Scope))
	add("agents", strings.Join(it.Agents, " "))
	add("project", it.Project)
	add("part-of", it.Part)
	add("file", it.File)
	add("publisher-root", it.Identity.Root)
	add("from", it.Identity.From.String())
	add("url", it.Identity.URL) // as it is configured: what is no address is no endpoint
	add("command", strings.Join(it.Identity.Command, " "))
	add("identity", it.Digest)
	add("credentials", strings.Join(it.Secrets, " "))
	add("risk", it.Risk)
	for _, r := range it.Reasons {
		add("reason", r.Level+" "+r.Code+": "+r.Text)
	}
	add("approval", it.Approval.State)
	add("not-held-in-kernel", it.NotHeld)
	if it.Disabled {
		add("disabled", "true")
	}
	add("error", it.Error)
	return &out
}

// purl names a package as https://github.com/package-url/purl-spec does; "" where that has no type for it, or no version is
// known.
func purl(p *inventory.Package) string {
	if p == nil || p.Name == "" {
		return ""
	}
	kind, name := "", p.Name
	switch p.Registry {
	case "npm", "jsr":
		kind = map[string]string{"npm": "npm", "jsr": "generic"}[p.Registry]
		name = strings.Replace(name, "@", "%40", 1)
	case "pypi":
		kind, name = "pypi", strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	case "go":
		kind = "golang"
	case "oci":
		kind = "docker"
		if p.Digest != "" {
			return "pkg:docker/" + name + "@" + url.QueryEscape(p.Digest)
		}
	default:
		return ""
	}
	s := "pkg:" + kind + "/" + name
	if p.Version != "" && p.Exact {
		s += "@" + url.PathEscape(p.Version)
	}
	return s
}
