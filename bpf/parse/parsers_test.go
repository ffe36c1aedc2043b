// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

package parse_test

// The parsers under test, and their answers as text.

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/reeve-sensor/reeve/bpf/parse"
	"github.com/reeve-sensor/reeve/testdata/need"
)

// parser is one build of the C: parse.Kernel, or native.User where there is cgo.
type parser interface {
	DNS(message []byte) (*parse.DNS, error)
	Hello(h *parse.Hello, data []byte, begin bool) (int, error)
	Request(r *parse.Request, data []byte, begin bool) (int, error)
	Stream(s *parse.Stream, data []byte, begin bool) (int, error)
	Class(address [16]byte) (string, error)
}

// builds are all of them but the kernel's, which may be refused.
var builds = map[string]parser{}

// each runs a test on every build that there is.
func each(t *testing.T, test func(t *testing.T, p parser)) {
	t.Helper()
	for name, p := range builds {
		t.Run(name, func(t *testing.T) { test(t, p) })
	}
	t.Run("kernel", func(t *testing.T) { test(t, kernel(t)) })
}

var openKernel = sync.OnceValues(parse.OpenKernel)

// kernel is the same one for all tests; it goes with the process. Machines set REQUIRE=bpf; a host's kernel may refuse programs.
func kernel(t *testing.T) *parse.Kernel {
	t.Helper()
	k, err := openKernel()
	if err != nil {
		need.Missing(t, need.BPF, "no parsers in the kernel:", fmt.Sprintf("%+v", err))
	}
	return k
}

//go:embed testdata
var recorded embed.FS

// messages are those of real programs, by name; SOURCES tells who made them.
func messages(t testing.TB, kind string) map[string][]byte {
	t.Helper()
	entries, err := recorded.ReadDir(path.Join("testdata", kind))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, entry := range entries {
		name := path.Join("testdata", kind, entry.Name())
		if all[strings.TrimSuffix(entry.Name(), ".bin")], err = recorded.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// pieces are data cut at these places.
func pieces(data []byte, at ...int) [][]byte {
	var all [][]byte
	from := 0
	for _, to := range append(slices.Clone(at), len(data)) {
		all = append(all, data[from:to])
		from = to
	}
	return all
}

// everyByte cuts data between all bytes.
func everyByte(data []byte) [][]byte { return slices.Collect(slices.Chunk(data, 1)) }

func flags(has func(string) bool, names ...string) string {
	text := ""
	for _, name := range names {
		if has(name) {
			text += " " + name
		}
	}
	return text
}

func tellDNS(p parser, message []byte) (string, error) {
	d, err := p.DNS(message)
	if err != nil {
		return "", err
	}
	return dnsText(d), nil
}

func dnsText(d *parse.DNS) string {
	text := fmt.Sprintf("%s %q type %d%s", d.Verdict(), d.Question(), d.Type, flags(d.Has, "answer", "truncated", "plain", "cut"))
	if d.Rcode != 0 {
		text += fmt.Sprintf(" rcode %d", d.Rcode)
	}
	if d.Options != 0 {
		text += fmt.Sprintf(" options %d", d.Options)
	}
	for _, l := range d.Learned() {
		text += fmt.Sprintf(" %s/%d/%d", l.Address, l.TTL, l.Chain)
	}
	return text
}

// tellHello feeds pieces, and tells the verdict at their end.
func tellHello(p parser, all [][]byte) (string, error) {
	h := new(parse.Hello)
	begin := true
	for _, piece := range all {
		for len(piece) > 0 || begin {
			taken, err := p.Hello(h, piece, begin)
			if err != nil {
				return "", err
			}
			begin = false
			piece = piece[taken:]
		}
	}
	return helloText(h), nil
}

func helloText(h *parse.Hello) string {
	text := h.Verdict()
	if text == "named" {
		text += " " + h.Name()
	}
	text += flags(h.Has, "ech", "early", "second")
	if h.Over() {
		text += ", over"
	}
	return text
}

// tellRequests feeds pieces, and tells the host of each head, and the end.
func tellRequests(p parser, all [][]byte) (string, error) {
	r := new(parse.Request)
	var heads []string
	begin := true
	for _, piece := range all {
		for len(piece) > 0 || begin {
			taken, err := p.Request(r, piece, begin)
			if err != nil {
				return "", err
			}
			begin = false
			if r.Verdict() == "head" {
				heads = append(heads, fmt.Sprintf("%s %s:%d", r.Method(), r.Host(), r.Port()))
			}
			piece = piece[taken:]
		}
	}
	if r.Verdict() != "head" {
		heads = append(heads, r.Verdict())
	}
	return strings.Join(heads, ", "), nil
}

// tellStream feeds pieces, and tells each message.
func tellStream(p parser, all [][]byte) (string, error) {
	s := new(parse.Stream)
	var told []string
	begin := true
	for _, piece := range all {
		for len(piece) > 0 || begin {
			taken, err := p.Stream(s, piece, begin)
			if err != nil {
				return "", err
			}
			begin = false
			piece = piece[taken:]
			if s.Verdict() == "message" {
				text, err := tellDNS(p, s.Message())
				if err != nil {
					return "", err
				}
				told = append(told, text)
			}
		}
	}
	if s.Verdict() != "message" {
		told = append(told, s.Verdict())
	}
	return strings.Join(told, "; "), nil
}

// whole is data in one piece.
func whole(data []byte) [][]byte { return [][]byte{data} }

// must is the text of an answer.
func must(t testing.TB) func(text string, err error) string {
	return func(text string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
}
