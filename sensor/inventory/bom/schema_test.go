// SPDX-License-Identifier: Apache-2.0

package bom

// Bills are held against the standard's own schema.

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

const published = "http://cyclonedx.org/schema/"

// standard is the schema of bills.
func standard(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	files, err := filepath.Glob("testdata/schema/*.json.gz")
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		text, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".schema.json.gz") + ".SNAPSHOT.schema.json" // as they refer to one another
		if err := c.AddResource(published+name, doc); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile(published + "bom-1.7.SNAPSHOT.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// written is a bill as whoever reads it finds it.
func written(t *testing.T, items []inventory.Item) any {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, Make(items, Made{Host: "ws1", Version: "dev", At: time.Unix(0, 0), Serial: "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"})); err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(&out)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// recorded are the items of all the goldens of discover.
func recorded(t *testing.T) (all []inventory.Item) {
	t.Helper()
	files, err := filepath.Glob("../discover/testdata/golden/*.json")
	if err != nil || len(files) < 12 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var items []inventory.Item
		if err := json.Unmarshal(raw, &items); err != nil {
			t.Fatal(err)
		}
		all = append(all, items...)
	}
	return all
}

// hostile are items with what anybody may have written into settings.
func hostile() (all []inventory.Item) {
	for _, text := range []string{"", " ", "a b", "ü\u202e", "\x00\x1b[2J", "\xff\xfe", "%", "%zz", "://", "http://[::1", "javascript:alert(1)", "{}", "pkg:npm/x@1", strings.Repeat("x", 4096)} {
		for kind := range types {
			all = append(all, inventory.Item{Kind: kind, Name: text, Owner: text, File: text, Digest: text, Version: text, Risk: text, Error: text, Secrets: []string{text},
				Identity: inventory.Identity{Publisher: text, Command: []string{text}, Files: []inventory.Part{{Name: text, Value: text}}, Package: &inventory.Package{Registry: "npm", Name: text, Version: text, Exact: true}}})
		}
		all = append(all, inventory.Item{Kind: inventory.KindConnector, Name: text, Digest: "url " + text, NotHeld: text, Identity: inventory.Identity{URL: text + "x", Vendor: text}})
	}
	return all
}

func TestBillIsValid(t *testing.T) {
	s := standard(t)
	for name, items := range map[string][]inventory.Item{"nothing": nil, "recorded": recorded(t), "hostile": hostile()} {
		if err := s.Validate(written(t, items)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken, _ := written(t, recorded(t)).(map[string]any)
	broken["serialNumber"] = "1"
	if s.Validate(broken) == nil {
		t.Error("the schema finds nothing wrong with a serial number that is none")
	}
}
