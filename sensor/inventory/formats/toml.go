// SPDX-License-Identifier: Apache-2.0

// This file reads TOML. The library tells no lines of keys, so a second look at the text finds them.

package formats

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

func readTOML(data []byte) (*Node, error) {
	if deep(data) {
		return nil, &Error{0, "nested too deeply"}
	}
	text := string(data)
	tree := map[string]any{}
	if _, err := toml.Decode(text, &tree); err != nil {
		if syntax, ok := errors.AsType[toml.ParseError](err); ok {
			return nil, &Error{syntax.Position.Line, "not TOML"}
		}
		return nil, &Error{0, "not TOML"}
	}
	r := tomlReader{lines: tomlLines(text)}
	return r.node(tree, "", 0)
}

type tomlReader struct {
	budget
	lines map[string]int
}

func (r *tomlReader) node(v any, at string, depth int) (*Node, error) {
	n := &Node{Line: r.lines[at]}
	if err := r.take(depth, n.Line); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case string:
		n.Kind, n.Text = Text, v
	case bool:
		n.Kind, n.Text = Bool, fmt.Sprint(v)
	case int64, float64:
		n.Kind, n.Text = Number, fmt.Sprint(v)
	case time.Time:
		n.Kind, n.Text = Text, v.Format(time.RFC3339)
	case map[string]any:
		n.Kind = Map
		return n, r.fields(n, v, at, depth)
	case []map[string]any:
		n.Kind = List
		for i, item := range v {
			if err := r.item(n, item, fmt.Sprintf("%s\x00%d", at, i), depth); err != nil {
				return nil, err
			}
		}
	case []any:
		n.Kind = List
		for _, item := range v {
			if err := r.item(n, item, at, depth); err != nil {
				return nil, err
			}
		}
	}
	return n, nil
}

func (r *tomlReader) item(n *Node, v any, at string, depth int) error {
	item, err := r.node(v, at, depth+1)
	n.Items = append(n.Items, item)
	return err
}

func (r *tomlReader) fields(n *Node, v map[string]any, at string, depth int) error {
	for _, key := range slices.Sorted(maps.Keys(v)) {
		below := at + "\x00" + key
		value, err := r.node(v[key], below, depth+1)
		if err != nil {
			return err
		}
		n.Fields = append(n.Fields, Field{key, r.lines[below], value})
	}
	slices.SortStableFunc(n.Fields, func(a, b Field) int { return a.Line - b.Line })
	return nil
}

var (
	tomlHeader = regexp.MustCompile(`^\s*(\[\[?)([^\]]+)\]`)
	tomlKey    = regexp.MustCompile(`^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=`)
	tomlPart   = regexp.MustCompile(`"[^"]*"|'[^']*'|[A-Za-z0-9_-]+`)
)

// tomlLines finds the lines of tables and keys, as paths that begin with a NUL and have NULs between. It is for people who
// look for the line: where text is odd it may miss some, and says nothing of what they mean.
func tomlLines(text string) map[string]int {
	lines := map[string]int{"": 1}
	count := map[string]int{}
	table, quote := "", ""
	for i, line := range strings.Split(text, "\n") {
		if quote != "" {
			if strings.Contains(line, quote) {
				quote = ""
			}
			continue
		}
		for _, q := range []string{`"""`, `'''`} {
			if strings.Count(line, q) == 1 {
				quote = q
			}
		}
		if m := tomlHeader.FindStringSubmatch(line); m != nil {
			table = mark(lines, "", m[2], i+1)
			if m[1] == "[[" {
				count[table]++
				table = fmt.Sprintf("%s\x00%d", table, count[table]-1)
				lines[table] = i + 1
			}
			continue
		}
		if m := tomlKey.FindStringSubmatch(line); m != nil {
			mark(lines, table, m[1], i+1)
		}
	}
	return lines
}

// mark notes the line of each part of a dotted key that has none yet, and gives the whole path.
func mark(lines map[string]int, table, key string, line int) string {
	at := table
	for n, part := range tomlPart.FindAllString(key, DepthMax+1) {
		if n > DepthMax {
			break
		}
		at = strings.Join([]string{at, strings.Trim(part, `"'`)}, "\x00")
		if lines[at] == 0 {
			lines[at] = line
		}
	}
	return at
}
