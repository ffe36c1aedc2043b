// SPDX-License-Identifier: Apache-2.0

package formats

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestLinesAreThoseOfTheFile(t *testing.T) {
	for name, tc := range map[string]struct {
		format Format
		text   string
		path   []string
		key    string
		want   int
	}{
		"json":               {JSON, "{\n // c\n \"a\": {\n  \"b\": 1,\n },\n}", []string{"a"}, "b", 4},
		"json on one line":   {JSON, `{"a":{"b":1}}`, []string{"a"}, "b", 1},
		"toml table":         {TOML, "x = 1\n\n[mcp_servers.db]\ncommand = 'x'\n", []string{"mcp_servers"}, "db", 3},
		"toml key":           {TOML, "[a]\n[a.\"b c\"]\nz = 1\n", []string{"a", "b c"}, "z", 3},
		"toml after text":    {TOML, "a = \"\"\"\nb = 1\n\"\"\"\n[c]\nd = 2\n", []string{"c"}, "d", 5},
		"toml array":         {TOML, "[[h]]\na = 1\n[[h]]\na = 2\n", nil, "h", 1},
		"yaml":               {YAML, "a:\n  b: 1\n  c:\n    - d\n", []string{"a"}, "c", 3},
		"front matter":       {Markdown, "---\nname: x\ntools: y\n---\ntext\n", nil, "tools", 3},
		"front matter, CRLF": {Markdown, "---\r\nname: x\r\n---\r\ntext\r\n", nil, Body, 4},
		"no front matter":    {Markdown, "# text\n", nil, Body, 1},
		"a mark in front":    {JSON, "\xef\xbb\xbf{\n\"a\":1}", nil, "a", 2},
	} {
		n, err := Parse(tc.format, []byte(tc.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := n.Get(tc.path...).LineOf(tc.key); got != tc.want || n.Get(tc.path...).Get(tc.key) == nil {
			t.Errorf("%s: line %d, want %d", name, got, tc.want)
		}
	}
}

func TestEachFollowsStars(t *testing.T) {
	n, err := Parse(JSON, []byte(`{"projects":{"/a":{"m":{"x":1}},"/b":{"m":{}},"/c":{}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	n.Each("projects.*.m", func(names []string, at *Node) { got = append(got, fmt.Sprint(names, len(at.Fields))) })
	if s := strings.Join(got, " "); s != "[/a] 1 [/b] 0" {
		t.Error(s)
	}
	if n.Get("nothing", "here").Get("at all").String() != "" || n.Get("nothing").Keys() != nil || n.Get("no").LineOf("x") != 0 {
		t.Error("what is not there has something")
	}
}

func TestLastOfTwoKeysCounts(t *testing.T) {
	n, err := Parse(JSON, []byte(`{"a":1,"a":2}`))
	if err != nil || n.Get("a").String() != "2" || len(n.Keys()) != 1 {
		t.Errorf("%v %v", n.Get("a"), err)
	}
}

// hostile are texts that take programs down. Each must be an error, soon.
var hostile = map[string]struct {
	format Format
	text   string
}{
	"json too deep":       {JSON, strings.Repeat("[", 1<<20)},
	"json deep objects":   {JSON, strings.Repeat(`{"a":`, 1<<18)},
	"json that ends":      {JSON, `{"a":`},
	"json and more":       {JSON, `{} {}`},
	"json of keys":        {JSON, `{1:2}`},
	"json too many":       {JSON, "[" + strings.Repeat("0,", NodesMax) + "0]"},
	"toml too deep":       {TOML, "a = " + strings.Repeat("[", 1<<20)},
	"toml deep keys":      {TOML, strings.Repeat("a.", 1000) + "b = 1"},
	"toml deep tables":    {TOML, "a = " + strings.Repeat("{b = ", 1<<18)},
	"toml twice":          {TOML, "a = 1\na = 2\n"},
	"toml of a secret":    {TOML, "a = sk-ant-api03-aaaaaaaaaaaaaaaaaaaaaa\n"},
	"yaml too deep":       {YAML, strings.Repeat("[", 1<<20)},
	"yaml deep lines":     {YAML, strings.Repeat("- ", 5000) + "a"},
	"yaml laughs":         {YAML, laughs()},
	"yaml of itself":      {YAML, "a: &a\n  b: *a\n"},
	"yaml unknown anchor": {YAML, "a: *sk-ant-api03-aaaaaaaaaaaaaaaaaaaaaa\n"},
	"yaml with a tab":     {YAML, "a:\n\t- b: sk-ant-api03-aaaaaaaaaaaaaaaaaaaaaa\n"},
	"front matter broken": {Markdown, "---\na: [\n---\n"},
	"front matter a list": {Markdown, "---\n- a\n---\n"},
}

func laughs() string {
	text := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'j'; c++ {
		text += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 9), ","))
	}
	return text
}

func TestHostileFilesAreErrors(t *testing.T) {
	for name, tc := range hostile {
		_, err := Parse(tc.format, []byte(tc.text))
		if _, own := errors.AsType[*Error](err); !own {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.Contains(err.Error(), "sk-ant") {
			t.Errorf("%s: the error quotes the file: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	formats := []Format{JSON, TOML, YAML, Markdown}
	for _, tc := range hostile {
		if len(tc.text) < 4096 {
			f.Add(byte(0), []byte(tc.text))
		}
	}
	f.Add(byte(0), []byte(`{"mcpServers":{"a":{"command":"npx","args":["-y","x@1.2.3"],"env":{"K":"v"}}}} // c`))
	f.Add(byte(1), []byte("[mcp_servers.a]\ncommand = \"x\"\nargs = [\"y\"]\n[mcp_servers.a.env]\nK = \"v\"\n"))
	f.Add(byte(2), []byte("extensions:\n  a: &x {cmd: x, args: [y]}\n  b: *x\n"))
	f.Add(byte(3), []byte("---\nname: a\nallowed-tools: [Bash(x)]\n---\n!`x`\n"))
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		n, err := Parse(formats[int(which)%len(formats)], data)
		if err != nil {
			if _, own := errors.AsType[*Error](err); !own {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		lines := 2
		for _, r := range string(data) { // all that YAML takes for the end of a line
			if strings.ContainsRune("\n\r\u0085\u2028\u2029", r) {
				lines++
			}
		}
		nodes := 0
		var visit func(n *Node, depth int)
		visit = func(n *Node, depth int) {
			if nodes++; nodes > 2*NodesMax || depth > DepthMax+2 || n.Line < 0 || n.Line > lines {
				t.Fatalf("%d nodes, depth %d, line %d of %d", nodes, depth, n.Line, lines)
			}
			for _, field := range n.Fields {
				visit(field.Value, depth+1)
			}
			for _, item := range n.Items {
				visit(item, depth+1)
			}
		}
		visit(n, 0)
	})
}
