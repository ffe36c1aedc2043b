// SPDX-License-Identifier: Apache-2.0

// This file reads YAML, and Markdown that begins with it. Aliases are followed within the bounds of a tree, so that a few
// lines cannot unfold without end.

package formats

import (
	"bytes"
	"errors"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

func readYAML(data []byte) (*Node, error) {
	if deep(data) {
		return nil, &Error{0, "nested too deeply"}
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, yamlError(err)
	}
	if len(document.Content) == 0 {
		return &Node{Kind: Map, Line: 1}, nil
	}
	var r yamlReader
	return r.node(document.Content[0], 0)
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// yamlError keeps the line of what the library says, whose words may quote the file.
func yamlError(err error) error {
	line := 0
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
	}
	return &Error{line, "not YAML"}
}

type yamlReader struct{ budget }

var yamlScalars = map[string]Kind{"!!null": Null, "!!bool": Bool, "!!int": Number, "!!float": Number}

func (r *yamlReader) node(y *yaml.Node, depth int) (*Node, error) {
	n := &Node{Line: y.Line}
	if err := r.take(depth, y.Line); err != nil {
		return nil, err
	}
	switch y.Kind {
	case yaml.AliasNode:
		return r.node(y.Alias, depth+1)
	case yaml.ScalarNode:
		n.Kind, n.Text = Text, y.Value
		if k, ok := yamlScalars[y.ShortTag()]; ok {
			n.Kind = k
		}
	case yaml.SequenceNode:
		n.Kind = List
		for _, item := range y.Content {
			below, err := r.node(item, depth+1)
			if err != nil {
				return nil, err
			}
			n.Items = append(n.Items, below)
		}
	case yaml.MappingNode:
		n.Kind = Map
		for i := 0; i+1 < len(y.Content); i += 2 {
			value, err := r.node(y.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			n.Fields = append(n.Fields, Field{y.Content[i].Value, y.Content[i].Line, value})
		}
	}
	return n, nil
}

// Body is the key under which a Markdown file's text stands beside what its front matter says.
const Body = "\x00body"

// readMarkdown reads front matter between two lines of dashes. Without any the Map holds the body alone.
func readMarkdown(data []byte) (*Node, error) {
	front, body, line := cutFront(data)
	n := &Node{Kind: Map, Line: 1}
	if len(bytes.TrimSpace(front)) > 0 {
		var err error
		if n, err = readYAML(front); err != nil {
			if e, ok := errors.AsType[*Error](err); ok && e.Line > 0 {
				e.Line++ // the dashes
			}
			return nil, err
		}
		if n.Kind != Map {
			return nil, &Error{2, "front matter that has no keys"}
		}
		shift(n, 1)
	}
	n.Fields = append(n.Fields, Field{Body, line, &Node{Kind: Text, Line: line, Text: string(body)}})
	return n, nil
}

func shift(n *Node, by int) {
	n.Line += by
	for _, f := range n.Fields {
		shift(f.Value, by)
	}
	for i := range n.Fields {
		n.Fields[i].Line += by
	}
	for _, item := range n.Items {
		shift(item, by)
	}
}

// cutFront parts front matter from the body, which begins on the line that is told.
func cutFront(data []byte) (front, body []byte, line int) {
	first, rest, _ := bytes.Cut(data, []byte{'\n'})
	if string(bytes.TrimRight(first, " \r")) != "---" {
		return nil, data, 1
	}
	line = 2
	for at := 0; at < len(rest); line++ {
		next := bytes.IndexByte(rest[at:], '\n')
		end := len(rest)
		if next >= 0 {
			end = at + next
		}
		if string(bytes.TrimRight(rest[at:end], " \r")) == "---" {
			return rest[:at], rest[min(end+1, len(rest)):], line + 1
		}
		at = end + 1
	}
	return nil, data, 1
}
