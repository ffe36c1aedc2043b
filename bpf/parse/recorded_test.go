// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

package parse_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/ANSWERS anew")

// compare tells which lines are in one of two lists alone.
func compare(t *testing.T, want, got []string) {
	t.Helper()
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("missing: %s", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("not wanted: %s", line)
		}
	}
}

// streams are the kinds of messages that may be cut.
var streams = map[string]func(parser, [][]byte) (string, error){
	"hello": tellHello, "request": tellRequests, "stream": tellStream,
}

// TestRealMessages holds the answers to what real programs sent against testdata/ANSWERS.
func TestRealMessages(t *testing.T) {
	each(t, func(t *testing.T, p parser) {
		var lines []string
		for name, message := range messages(t, "dns") {
			lines = append(lines, fmt.Sprintf("dns/%s\t%s\n", name, must(t)(tellDNS(p, message))))
		}
		for kind, tell := range streams {
			for name, message := range messages(t, kind) {
				lines = append(lines, fmt.Sprintf("%s/%s\t%s\n", kind, name, must(t)(tell(p, whole(message)))))
			}
		}
		slices.Sort(lines)
		got := strings.Join(lines, "")
		if *update {
			if err := os.WriteFile("testdata/ANSWERS", []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		want, err := recorded.ReadFile("testdata/ANSWERS")
		if err != nil {
			t.Fatal(err)
		}
		compare(t, strings.Split(string(want), "\n"), strings.Split(got, "\n"))
	})
}

// TestEveryCut: a stream has the same answer in one piece, in any two, and byte by byte.
func TestEveryCut(t *testing.T) {
	each(t, func(t *testing.T, p parser) {
		for kind, tell := range streams {
			for name, message := range messages(t, kind) {
				want := must(t)(tell(p, whole(message)))
				if got := must(t)(tell(p, everyByte(message))); got != want {
					t.Errorf("%s/%s byte by byte: %s, whole: %s", kind, name, got, want)
				}
				for at := 1; at < len(message); at++ {
					if got := must(t)(tell(p, pieces(message, at))); got != want {
						t.Fatalf("%s/%s cut at %d: %s, whole: %s", kind, name, at, got, want)
					}
				}
			}
		}
	})
}

// TestUnfinishedHelloHasNoVerdict: no part of a hello is taken for the whole.
func TestUnfinishedHelloHasNoVerdict(t *testing.T) {
	each(t, func(t *testing.T, p parser) {
		for name, hello := range messages(t, "hello") {
			if strings.HasPrefix(name, "connection-") {
				continue
			}
			for to := range hello {
				got := must(t)(tellHello(p, whole(hello[:to])))
				if got == "more" || got == "more ech" || strings.HasPrefix(got, "refused") {
					continue
				}
				t.Fatalf("%s: %d of %d bytes: %s", name, to, len(hello), got)
			}
		}
	})
}

// TestSourcesAreNamed: every message tells who made it.
func TestSourcesAreNamed(t *testing.T) {
	text, err := recorded.ReadFile("testdata/SOURCES")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for line := range strings.Lines(string(text)) {
		name, source, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if source == "" {
			t.Errorf("no source: %s", name)
		}
		named = append(named, name)
	}
	var there []string
	for _, kind := range append(slices.Collect(maps.Keys(streams)), "dns") {
		for name := range messages(t, kind) {
			there = append(there, kind+"/"+name+".bin")
		}
	}
	slices.Sort(there)
	compare(t, named, there)
}
