// SPDX-License-Identifier: Apache-2.0

package bom

import (
	"bytes"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

func TestBillIsReadBack(t *testing.T) {
	sum := strings.Repeat("1", 64)
	items := []inventory.Item{
		{Kind: inventory.KindAgent, Name: "claude-code", Version: "2.1.330", Owner: "alice", File: "/c", Digest: "a", Identity: inventory.Identity{Files: []inventory.Part{{Name: "claude", Value: sum}}}},
		{Kind: inventory.KindConnector, Name: "files", Owner: "alice", Digest: "b", Risk: "medium", Reasons: []inventory.Reason{{Level: "medium", Code: "x", Text: "y"}},
			Identity: inventory.Identity{Command: []string{"npx", "x"}, Package: &inventory.Package{Registry: "npm", Name: "@x/files", Version: "1.2.3", Exact: true}}},
		{Kind: inventory.KindConnector, Name: "tickets", Owner: "alice", Digest: "c", Secrets: []string{"T"}, NotHeld: "remote", Identity: inventory.Identity{URL: "https://mcp.corp.example/mcp"}},
		{Kind: inventory.KindConnector, Name: "tickets", Owner: "alice", Digest: "c", Secrets: []string{"T"}, NotHeld: "remote", Identity: inventory.Identity{URL: "https://mcp.corp.example/mcp"}},
		{Kind: inventory.KindFile, Name: "broken", Error: "not JSON"},
	}
	var out bytes.Buffer
	err := Write(&out, Make(items, Made{Host: "ws1", Version: "dev", At: time.Unix(0, 0), Serial: "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"}))
	if err != nil {
		t.Fatal(err)
	}
	var b cdx.BOM
	if err := cdx.NewBOMDecoder(&out, cdx.BOMFileFormatJSON).Decode(&b); err != nil {
		t.Fatal(err)
	}
	if len(*b.Components) != 2 || len(*b.Services) != 1 || b.Metadata.Component.Name != "ws1" {
		t.Fatalf("%+v", b)
	}
	agent, files, tickets := (*b.Components)[0], (*b.Components)[1], (*b.Services)[0]
	if (*agent.Hashes)[0].Value != sum || files.PackageURL != "pkg:npm/%40x/files@1.2.3" || (*tickets.Endpoints)[0] != "https://mcp.corp.example/mcp" ||
		!*tickets.Authenticated || !*tickets.CrossesTrustBoundary {
		t.Errorf("%+v\n%+v\n%+v", agent, files, tickets)
	}
}

func TestPurl(t *testing.T) {
	for want, p := range map[string]*inventory.Package{
		"pkg:npm/x":                     {Registry: "npm", Name: "x", Version: "latest"},
		"pkg:pypi/db-mcp@1.4.0":         {Registry: "pypi", Name: "DB_mcp", Version: "1.4.0", Exact: true},
		"pkg:docker/mcp/x@sha256%3A12":  {Registry: "oci", Name: "mcp/x", Digest: "sha256:12", Exact: true},
		"pkg:golang/h.example/x@v1.0.0": {Registry: "go", Name: "h.example/x", Version: "v1.0.0", Exact: true},
		"":                              {Registry: "git", Name: "x"},
	} {
		if got := purl(p); got != want {
			t.Errorf("%+v: %s, want %s", p, got, want)
		}
	}
}
