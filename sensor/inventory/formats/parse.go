// SPDX-License-Identifier: Apache-2.0

// This file chooses the reader by a file's name.

package formats

import (
	"bytes"
	"path"
	"strings"
)

// Format is how a file is written.
type Format string

// The formats. JSON is read with comments and trailing commas, since most agents take them.
const (
	JSON     Format = "json"
	TOML     Format = "toml"
	YAML     Format = "yaml"
	Markdown Format = "markdown"
)

var byExtension = map[string]Format{
	".json": JSON, ".jsonc": JSON, ".json5": JSON, ".toml": TOML, ".yaml": YAML, ".yml": YAML,
	".md": Markdown, ".mdc": Markdown, ".mdx": Markdown,
}

// Of is the format of a file by its name, or "".
func Of(name string) Format { return byExtension[strings.ToLower(path.Ext(name))] }

// readers are what reads each format.
var readers = map[Format]func([]byte) (*Node, error){JSON: readJSON, TOML: readTOML, YAML: readYAML, Markdown: readMarkdown}

// Parse reads a file. An empty one is an empty Map. Errors are of type *Error.
func Parse(f Format, data []byte) (*Node, error) {
	read := readers[f]
	if read == nil {
		return nil, &Error{0, "not of a format that is known"}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if f != Markdown && len(bytes.TrimSpace(data)) == 0 {
		return &Node{Kind: Map, Line: 1}, nil
	}
	return read(data)
}

// lineIndex turns offsets into lines. Offsets are asked for in ascending order.
type lineIndex struct {
	data []byte
	at   int
	line int
}

func newLineIndex(data []byte) *lineIndex { return &lineIndex{data, 0, 1} }

func (x *lineIndex) of(offset int) int {
	if offset = min(offset, len(x.data)); offset > x.at {
		x.line += bytes.Count(x.data[x.at:offset], []byte{'\n'})
		x.at = offset
	}
	return x.line
}

// deep reports whether brackets are nested deeper than any settings are. It looks at no quotes: libraries that recurse must
// not see what would exhaust their stack, and text with so many brackets that are never closed is not worth reading.
func deep(data []byte) bool {
	depth := 0
	for _, c := range data {
		switch c {
		case '[', '{':
			if depth++; depth > 16*DepthMax {
				return true
			}
		case ']', '}':
			depth = max(0, depth-1)
		}
	}
	return false
}
