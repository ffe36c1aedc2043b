// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

package parse_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Pieces of a DNS message (RFC 1035 4.1).

// wire is a name in labels; one that ends with "@N" goes on with a pointer to N.
func wire(name string) []byte {
	name, pointer, points := strings.Cut(name, "@")
	var all []byte
	for label := range strings.SplitSeq(strings.Trim(name, "."), ".") {
		if label != "" {
			all = append(append(all, byte(len(label))), label...)
		}
	}
	if !points {
		return append(all, 0)
	}
	var at uint16
	fmt.Sscan(pointer, &at)
	return binary.BigEndian.AppendUint16(all, 0xc000|at)
}

func u16s(numbers ...uint16) []byte {
	var all []byte
	for _, n := range numbers {
		all = binary.BigEndian.AppendUint16(all, n)
	}
	return all
}

func question(name []byte) []byte { return slices.Concat(name, u16s(1, 1)) }

func resource(name string, kind uint16, ttl uint32, data []byte) []byte {
	return slices.Concat(wire(name), u16s(kind, 1), binary.BigEndian.AppendUint32(nil, ttl), vector16(data))
}

func a(name string, last byte, ttl uint32) []byte {
	return resource(name, 1, ttl, []byte{192, 0, 2, last})
}

func aaaa(name string, last byte) []byte {
	return resource(name, 28, 60, append(append([]byte{0x20, 1, 0xd, 0xb8}, make([]byte, 11)...), last))
}

func cname(name, target string, ttl uint32) []byte { return resource(name, 5, ttl, wire(target)) }

// answer is a message with a question for www.example.com, at 12, and these answers.
func answer(records ...[]byte) []byte { return answerOf(0x8180, records...) }

func answerOf(bits uint16, records ...[]byte) []byte {
	return slices.Concat(u16s(7, bits, 1, uint16(len(records)), 0, 0), question(wire("www.example.com")), slices.Concat(records...))
}

func query(bits, additional uint16, name []byte, more ...byte) []byte {
	return slices.Concat(u16s(7, bits, 1, 0, 0, additional), question(name), more)
}

func opt(options ...byte) []byte {
	return slices.Concat([]byte{0}, u16s(41, 1232, 0, 0), vector16(options))
}

var wwwName = wire("www.example.com")

// words is a name some of whose labels end with a word, and with what a step takes.
var words = "plain.seven77." + strings.Repeat("12345678", 7) + "." + strings.Repeat("abcdefgh", 6) + ".x." + strings.Repeat("abcdefgh", 7) + ".example"

var questions = map[string]struct {
	message []byte
	want    string
}{
	"plain":                     {query(0x100, 0, wwwName), `fine "www.example.com" type 1 plain`},
	"mixed-case":                {query(0x100, 0, wire("wWw.ExAmPlE.cOm")), `fine "www.example.com" type 1 plain`},
	"checking-disabled":         {query(0x130, 0, wwwName), `fine "www.example.com" type 1 plain`},
	"underscore":                {query(0x100, 0, wire("_dmarc.x-y.example.com")), `fine "_dmarc.x-y.example.com" type 1 plain`},
	"longest":                   {query(0x100, 0, wire(long)), `fine "` + long + `" type 1 plain`},
	"too-long":                  {query(0x100, 0, wire("bb."+long)), `malformed: long name "bb.` + long[:250] + `" type 1`},
	"labels-end-with-words":     {query(0x100, 0, wire(words)), `fine "` + words + `" type 1 plain`},
	"odd-behind-many-words":     {query(0x100, 0, wire(words+".a b.c")), `refused: odd "` + words + `.ab.c" type 1`},
	"root":                      {query(0x100, 0, wire(".")), `fine "" type 1 plain`},
	"opt":                       {query(0x100, 1, wwwName, opt()...), `fine "www.example.com" type 1 plain`},
	"options":                   {query(0x100, 1, wwwName, opt(0, 12, 0, 2, 0, 0)...), `fine "www.example.com" type 1 plain options 6`},
	"options-not-all-there":     {query(0x100, 1, wwwName, opt(0, 12, 0, 2, 0, 0)[:15]...), `malformed: short "www.example.com" type 1 options 6`},
	"bytes-behind-opt":          {query(0x100, 1, wwwName, append(opt(), 0)...), `malformed: trailing "www.example.com" type 1`},
	"bytes-behind":              {query(0x100, 0, wwwName, 0), `malformed: trailing "www.example.com" type 1`},
	"another-additional-record": {query(0x100, 1, wwwName, a(".", 1, 0)...), `fine "www.example.com" type 1`},
	"two-additional-records":    {query(0x100, 2, wwwName, slices.Concat(opt(), opt())...), `fine "www.example.com" type 1`},
	"notify":                    {query(0x2000, 0, wwwName), `fine "www.example.com" type 1`},
	"update":                    {query(0x2800, 0, wwwName), `fine "www.example.com" type 1`},
	"truncated":                 {query(0x300, 0, wwwName), `fine "www.example.com" type 1 truncated`},
	"with-an-answer":            {slices.Concat(u16s(7, 0x100, 1, 1, 0, 0), question(wwwName), a("@12", 1, 0)), `fine "www.example.com" type 1`},
	"with-authority":            {slices.Concat(u16s(7, 0x100, 1, 0, 1, 0), question(wwwName), a("@12", 1, 0)), `fine "www.example.com" type 1`},
	"no-question":               {u16s(7, 0x100, 0, 0, 0, 0), `refused: questions "" type 0`},
	"two-questions":             {slices.Concat(u16s(7, 0x100, 2, 0, 0, 0), question(wwwName), question(wwwName)), `refused: questions "" type 0`},
	"another-class":             {slices.Concat(u16s(7, 0x100, 1, 0, 0, 0), wwwName, u16s(1, 3)), `refused: class "www.example.com" type 1`},
	"dot-in-a-label":            {query(0x100, 0, []byte("\x0bexample.com\x00")), `refused: odd "examplecom" type 1`},
	"nul-in-a-label":            {query(0x100, 0, []byte("\x03a\x00b\x03com\x00")), `refused: odd "ab.com" type 1`},
	"space-in-a-label":          {query(0x100, 0, wire("a b.com")), `refused: odd "ab.com" type 1`},
	"wildcard":                  {query(0x100, 0, wire("*.example.com")), `refused: odd "example.com" type 1`},
	"beyond-ascii":              {query(0x100, 0, wire("ex\xe4mple.com")), `refused: odd "exmple.com" type 1`},
	"pointer":                   {query(0x100, 0, wire("www@12")), `refused: compressed "www" type 0`},
	"pointer-to-itself":         {query(0x100, 0, wire("@12")), `refused: compressed "" type 0`},
	"label-of-another-type":     {query(0x100, 0, []byte{0x41, 1, 0}), `malformed: label "" type 0`},
	"empty":                     {nil, `malformed: short "" type 0`},
	"half-a-header":             {u16s(7, 0x100, 1), `malformed: short "" type 0`},
	"half-a-name":               {query(0x100, 0, wwwName)[:20], `malformed: short "www.exa" type 0`},
	"no-class":                  {query(0x100, 0, wwwName)[:31], `malformed: short "www.example.com" type 0`},
}

func TestQuestion(t *testing.T) {
	for name, tc := range questions {
		t.Run(name, func(t *testing.T) { wantDNS(t, tc.message, tc.want) })
	}
}

// Labels are read by words of eight bytes, where that can be: each byte at each place of one is what it is by itself.
func TestEveryByteOfALabel(t *testing.T) {
	each(t, func(t *testing.T, p parser) {
		for at := range 10 {
			for b := range 256 {
				label := []byte("Ab-d_f0hiJ")
				label[at] = byte(b)
				message := query(0x100, 0, slices.Concat([]byte{byte(len(label))}, label, wire("7test")))
				want := fmt.Sprintf("fine %q type 1 plain", strings.ToLower(string(label))+".7test")
				if !strings.Contains("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", string(rune(b))) {
					want = "refused: odd "
				}
				if got := must(t)(tellDNS(p, message)); !strings.HasPrefix(got, want) {
					t.Errorf("%q: %s, want %s", label, got, want)
				}
			}
		}
	})
}

const fine, malformed = `fine "www.example.com" type 1 answer`, ` "www.example.com" type 1 answer`

// chain is an answer with that many CNAMEs in a row.
func chain(n int) []byte {
	all := [][]byte{cname("@12", "c0.example", 60)}
	for i := range n - 1 {
		all = append(all, cname(fmt.Sprintf("c%d.example", i), fmt.Sprintf("c%d.example", i+1), 60))
	}
	return answer(append(all, a(fmt.Sprintf("c%d.example", n-1), 1, 60))...)
}

var answers = map[string]struct {
	message []byte
	want    string
}{
	"none":                      {answer(), fine},
	"one":                       {answer(a("@12", 1, 300)), fine + " 192.0.2.1/300/1"},
	"both-kinds":                {answer(a("@12", 1, 300), aaaa("@12", 2)), fine + " 192.0.2.1/300/1 2001:db8::2/60/1"},
	"name-in-full":              {answer(a("www.example.com", 1, 300)), fine + " 192.0.2.1/300/1"},
	"name-in-another-case":      {answer(a("WWW.Example@24", 1, 300)), fine + " 192.0.2.1/300/1"},
	"name-of-another":           {answer(a("evil.com", 1, 300)), fine},
	"name-in-front":             {answer(a("example.com", 1, 300), a("@16", 2, 300)), fine},
	"longer-name":               {answer(a("x@12", 1, 300)), fine},
	"chain":                     {answer(cname("@12", "edge.net", 30), a("edge.net", 1, 60)), fine + " 192.0.2.1/30/2"},
	"chain-backwards":           {answer(a("edge.net", 1, 60), cname("@12", "edge.net", 90)), fine + " 192.0.2.1/60/2"},
	"chain-in-any-order":        {answer(cname("b.net", "c.net", 20), a("c.net", 1, 60), cname("@12", "b.net", 90)), fine + " 192.0.2.1/20/3"},
	"chain-by-pointer":          {answer(resource("@12", 5, 60, wire("edge@16")), a("@45", 1, 60)), fine + " 192.0.2.1/60/2"},
	"chain-of-twelve":           {chain(12), fine + " 192.0.2.1/60/13"},
	"chain-of-thirteen":         {chain(13), fine},
	"loop":                      {answer(cname("@12", "b.net", 60), cname("b.net", "www.example.com", 60), a("b.net", 1, 60)), fine + " 192.0.2.1/60/2"},
	"loop-of-one":               {answer(cname("@12", "@12", 60), a("@12", 1, 60)), fine + " 192.0.2.1/60/1"},
	"two-cnames":                {answer(cname("@12", "b.net", 60), cname("@12", "c.net", 60), a("b.net", 1, 60), a("c.net", 2, 60)), fine + " 192.0.2.1/60/2"},
	"chain-without-a-link":      {answer(cname("@12", "b.net", 60), a("c.net", 1, 60)), fine},
	"odd-name-on-the-way":       {answer(cname("@12", "a b.net", 60), a("a b.net", 1, 60)), fine + " 192.0.2.1/60/2"},
	"another-class":             {answer(slices.Concat(wire("@12"), u16s(1, 3, 0, 60), vector16([]byte{192, 0, 2, 1}))), fine},
	"other-types":               {answer(resource("@12", 46, 60, []byte("signature")), a("@12", 1, 60)), fine + " 192.0.2.1/60/1"},
	"time-beyond-31-bits":       {answer(a("@12", 1, 0x80000000)), fine + " 192.0.2.1/0/1"},
	"truncated":                 {answerOf(0x8380, a("@12", 1, 60)), `fine "www.example.com" type 1 answer truncated 192.0.2.1/60/1`},
	"no-such-name":              {answerOf(0x8183, a("@12", 1, 60)), fine + " rcode 3"},
	"another-opcode":            {answerOf(0xa180, a("@12", 1, 60)), `refused: opcode "" type 0 answer`},
	"more-than-are-kept":        {answer(slices.Repeat([][]byte{a("@12", 1, 60)}, 65)...), fine + " cut" + strings.Repeat(" 192.0.2.1/60/1", 64)},
	"fewer-than-it-says":        {slices.Concat(u16s(7, 0x8180, 1, 2, 0, 0), question(wire("www.example.com")), a("@12", 1, 60)), "malformed: short" + malformed + " 192.0.2.1/60/1"},
	"cut-inside-of-an-address":  {answer(a("@12", 1, 60), a("@12", 2, 60))[:63], "malformed: short" + malformed + " 192.0.2.1/60/1"},
	"address-of-five-bytes":     {answer(a("@12", 1, 60), resource("@12", 1, 60, make([]byte, 5)), a("@12", 2, 60)), "malformed: data" + malformed + " 192.0.2.1/60/1"},
	"address-of-four-for-six":   {answer(resource("@12", 28, 60, make([]byte, 4))), "malformed: data" + malformed},
	"cname-shorter-than-data":   {answer(resource("@12", 5, 60, append(wire("b.net"), 0))), "malformed: data" + malformed},
	"cname-longer-than-data":    {answer(resource("@12", 5, 60, []byte{1}), []byte("x\x00")), "malformed: data" + malformed},
	"cname-without-data":        {answer(resource("@12", 5, 60, nil), a("@12", 1, 60)), "malformed: data" + malformed},
	"pointer-to-itself":         {answer(a("@33", 1, 60)), "malformed: pointer" + malformed},
	"pointer-forward":           {answer(a("@40", 1, 60)), "malformed: pointer" + malformed},
	"pointer-into-the-header":   {answer(a("@2", 1, 60)), "malformed: pointer" + malformed},
	"pointers-in-a-circle":      {answer(cname("@12", "x@45", 60), a("@45", 1, 60)), "malformed: pointer" + malformed},
	"label-of-another-type":     {answer([]byte{0x80, 0}), "malformed: label" + malformed},
	"owner-longer-than-a-name":  {answer(a(strings.Repeat("a23456789.", 24)+"@12", 1, 60)), "malformed: long name" + malformed},
	"owner-as-long-as-a-name":   {answer(a(strings.Repeat("a23456789.", 21)+"@12", 1, 60)), fine},
	"twelve-pointers":           {pointers(12), fine},
	"pointer-outside":           {answer(wire("@16000")), "malformed: pointer" + malformed},
	"question-with-odd-letters": {slices.Concat(u16s(7, 0x8180, 1, 1, 0, 0), question(wire("a b.com")), a("@12", 1, 60)), `refused: odd "ab.com" type 1 answer`},
}

func TestAnswer(t *testing.T) {
	for name, tc := range answers {
		t.Run(name, func(t *testing.T) { wantDNS(t, tc.message, tc.want) })
	}
}

// costly is an answer with that many links of long names, and addresses of another one.
func costly(links, addresses int) []byte {
	deep := strings.Repeat("a23456789.", 20)
	owner, at := 12, 12+21
	var records [][]byte
	for i := range links {
		records = append(records, cname(fmt.Sprintf("@%d", owner), deep+string(rune('a'+i)), 60))
		owner = at + 12
		at += len(records[i])
	}
	records = append(records, a(deep+"z", 1, 60))
	for range addresses {
		records = append(records, a(fmt.Sprintf("@%d", at), 1, 60))
	}
	return answer(records...)
}

// pointers is an answer whose last owner is that many pointers away from its end.
func pointers(count int) []byte {
	records := [][]byte{a("x@12", 1, 60)}
	at := 12 + 21
	for range count {
		records = append(records, a(fmt.Sprintf("x@%d", at), 1, 60))
		at += len(records[len(records)-2])
	}
	return answer(records...)
}

// TestCostlyAnswer: long names that differ at their ends alone are held against each other up to a bound.
func TestCostlyAnswer(t *testing.T) {
	wantDNS(t, costly(2, 20), `fine "www.example.com" type 1 answer`)
	wantDNS(t, costly(12, 40), `refused: costly "www.example.com" type 1 answer`)
}

func wantDNS(t *testing.T, message []byte, want string) {
	t.Helper()
	each(t, func(t *testing.T, p parser) {
		if got := must(t)(tellDNS(p, message)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}
