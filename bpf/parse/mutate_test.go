// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

//go:build cgo

package parse_test

import (
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/reeve-sensor/reeve/bpf/parse/native"
)

var (
	mutants = flag.Int("mutants", 20000, "messages that are made up for each comparison")
	seed    = flag.Uint64("seed", 1, "what they are made up from")
)

// telling are bytes that mean something to one of the parsers.
var telling = []byte("\x00\x01\x02\x03\x05\x0c\x14\x15\x16\x17\x1c\x29\x2a\x2b\x3f\x40\xc0\xfe\x0d\xff.:[]Aaz09-_ \t\r\n/@;,*")

// mutate changes a message in a few places.
func mutate(r *rand.Rand, message []byte) []byte {
	m := slices.Clone(message)
	for range 1 + r.IntN(3) {
		if len(m) == 0 {
			return []byte{byte(r.Uint32())}
		}
		at := r.IntN(len(m))
		span := min(1+r.IntN(8), len(m)-at)
		switch r.IntN(7) {
		case 0:
			m[at] = byte(r.Uint32())
		case 1, 2:
			m[at] = telling[r.IntN(len(telling))]
		case 3:
			m[at] += byte(r.IntN(5)) - 2
		case 4:
			m = slices.Delete(m, at, at+span)
		case 5:
			m = slices.Insert(m, at, slices.Clone(m[at:at+span])...)
		case 6:
			m = slices.Insert(m, at, telling[r.IntN(len(telling))])
		}
	}
	return m
}

// madeUp calls test with messages between all that is known and nothing that is.
func madeUp(t *testing.T, seeds [][]byte, count int, test func(message []byte)) {
	t.Helper()
	r := rand.New(rand.NewPCG(*seed, uint64(len(seeds))))
	for range count {
		test(mutate(r, seeds[r.IntN(len(seeds))]))
		if t.Failed() {
			return
		}
	}
}

// met are the reasons of the tables that a comparison of this process has met.
var met = map[string]bool{}

// wantMet: a difference that never happens has no place in a table of differences.
func wantMet(t *testing.T, reasons ...string) {
	t.Helper()
	for _, reason := range reasons {
		if !met[reason] && *seed == 1 && !t.Failed() {
			t.Errorf("never met: %s", reason)
		}
	}
}

func known(t *testing.T, kind string, more ...[]byte) [][]byte {
	all := messages(t, kind)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		more = append(more, all[name])
	}
	return more
}

// smallHellos are short enough for changes to meet what is read of them.
func smallHellos() [][]byte {
	return [][]byte{
		sent(hello(www)), sent(hello(www, versions)), sent(hello(grease, www, extension(0xfe0d, []byte{0}))),
		sent(hello(versions)), sent(handshake(1, head(0, 2, 1))), records(hello(www, versions), 40),
		slices.Concat(sent(hello(www, versions)), cipher, sent(hello(www, versions)), record(23, []byte("data"))),
		sent(hello(serverName(hostName(0, "a.com"), hostName(1, "b.com")))), sent(hello(www, www)),
		sent(hello(www, extension(0xfe0d, []byte{1}))), sent(hello(extension(21, make([]byte, 8200)), www)),
	}
}

func TestHelloAgreesWithTLS(t *testing.T) {
	clear(met)
	madeUp(t, known(t, "hello", slices.Repeat(smallHellos(), 5)...), *mutants, func(m []byte) { agreeHello(t, m) })
	wantMet(t, append(slices.Collect(maps.Keys(strictHello)), strictTLS...)...)
}

// TestKernelAgreesWithUserSpace: the verifier's code and the fuzzers' give the same answers.
func TestKernelAgreesWithUserSpace(t *testing.T) {
	k, u := kernel(t), native.User{}
	r := rand.New(rand.NewPCG(*seed, 1))
	for kind, tell := range streams {
		seeds := known(t, kind)
		if kind == "hello" {
			seeds = known(t, kind, smallHellos()...)
		}
		madeUp(t, seeds, *mutants/10, func(m []byte) {
			cut := pieces(m)
			if len(m) > 0 {
				cut = pieces(m, r.IntN(len(m)))
			}
			want, got := must(t)(tell(u, whole(m))), must(t)(tell(k, cut))
			if got != want {
				t.Errorf("%s: kernel %s, user space %s: %q", kind, got, want, m)
			}
		})
	}
	madeUp(t, known(t, "dns"), *mutants/10, func(m []byte) {
		if got, want := must(t)(tellDNS(k, m)), must(t)(tellDNS(u, m)); got != want {
			t.Errorf("dns: kernel %s, user space %s: %q", got, want, m)
		}
	})
}

func TestRequestAgreesWithHTTP(t *testing.T) {
	clear(met)
	madeUp(t, known(t, "request", slices.Repeat(smallRequests(), 5)...), *mutants, func(m []byte) { agreeRequest(t, m) })
	wantMet(t, append(slices.Collect(maps.Keys(strictRequest)), strictHTTP...)...)
}

func TestDNSAgreesWithDNSMessage(t *testing.T) {
	clear(met)
	madeUp(t, known(t, "dns", slices.Repeat(smallAnswers(), 5)...), *mutants, func(m []byte) { agreeDNS(t, m) })
	wantMet(t, append(slices.Collect(maps.Keys(strictDNS)), strictGo...)...)
}

func smallAnswers() [][]byte {
	return [][]byte{
		answer(a("@12", 1, 300), aaaa("@12", 2)), answer(cname("@12", "b.net", 20), cname("b.net", "c.net", 9), a("c.net", 1, 60)),
		answer(a("c.net", 1, 60), cname("b.net", "c.net", 9), cname("@12", "b.net", 20), a("@45", 2, 60)),
		answer(cname("@12", "edge@16", 20), a("@45", 1, 60), resource("@12", 16, 1, []byte("\x04text"))),
		query(0x100, 1, wire("www.example.com"), opt(0, 12, 0, 2, 0, 0)...), query(0x100, 0, wire("www.example.com")),
		answer(a("@12", 1, 60), resource("@12", 5, 60, append(wire("b.net"), 0))),
		costly(12, 40), pointers(12),
	}
}
