// SPDX-License-Identifier: Apache-2.0

// This file holds the presets: policies that ship in the binary, written in the language of any other policy.

package enforce

import (
	"embed"
	"fmt"
	"sync"
)

//go:embed presets/*.toml
var presetFiles embed.FS

// DefaultPreset is the base of a policy that names none.
const DefaultPreset = "balanced"

// Presets are the names of the built-in policies, mildest first.
func Presets() []string { return []string{"observe", "balanced", "strict"} }

// Preset is the text of a built-in policy, as `reeve policy show` prints it.
func Preset(name string) (string, error) {
	data, err := presetFiles.ReadFile("presets/" + name + ".toml")
	if err != nil {
		return "", fmt.Errorf("reading preset %s: %w", name, err)
	}
	return string(data), nil
}

// presetDocuments decodes each preset once. A preset that does not decode is a programmer's error, so this panics.
var presetDocuments = sync.OnceValue(func() map[string]*document {
	docs := map[string]*document{}
	for _, name := range Presets() {
		text, err := Preset(name)
		if err != nil {
			panic(err)
		}
		doc, ps := decodeSource(source{name: "preset:" + name + ".toml", data: []byte(text)})
		if err := ps.err(); err != nil {
			panic(err)
		}
		docs[name] = doc
	}
	return docs
})

// presetLayers are the documents under a policy, lowest first: a preset may itself begin from another.
func presetLayers(base string) []*document {
	if base == "none" {
		return nil
	}
	doc := presetDocuments()[base]
	if doc.base == "" {
		return []*document{doc}
	}
	return append(presetLayers(doc.base), doc)
}
