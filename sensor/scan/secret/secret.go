// SPDX-License-Identifier: Apache-2.0

// Package secret finds secrets that stand in the open, by the rules of gitleaks. The rules are its, read from its module; the
// engine is not: it would read at half a megabyte a second. Here a line is looked at when it holds a rule's keyword and
// something that could be a secret at all.
package secret

import (
	"context"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"

	ac "github.com/BobuSumisu/aho-corasick"
	"github.com/BurntSushi/toml"
	gitleaks "github.com/zricethezav/gitleaks/v8/config"

	"github.com/reeve-sensor/reeve/sensor/scan/text"
)

// Found is one secret.
type Found struct {
	Rule   string // of gitleaks
	About  string
	Offset int
	Text   string // with the secret taken out
}

// rule is one of gitleaks' as far as it matters to text.
type rule struct {
	ID          string
	Description string
	Regex       string
	SecretGroup int
	Entropy     float64
	Keywords    []string
	Allowlists  []allow

	once sync.Once
	re   *regexp.Regexp
}

type allow struct {
	Condition   string
	RegexTarget string
	Regexes     []string
	StopWords   []string
	Paths       []string

	res []*regexp.Regexp
}

// engine is the rules behind their keywords.
type engine struct {
	rules []*rule
	all   allow
	words *ac.Trie
	owner [][]int // rules of each keyword
}

var load = sync.OnceValue(func() *engine {
	var doc struct {
		Allowlist allow
		Rules     []*rule
	}
	if _, err := toml.Decode(gitleaks.DefaultConfig, &doc); err != nil {
		panic("secret: the rules of gitleaks: " + err.Error()) // a fault of the build, found by the tests
	}
	e := &engine{rules: doc.Rules, all: doc.Allowlist}
	e.all.compile()
	number := map[string]int{}
	b := ac.NewTrieBuilder()
	for i, r := range e.rules {
		for _, k := range r.Keywords {
			k = strings.ToLower(k)
			n, ok := number[k]
			if !ok {
				n = len(e.owner)
				number[k] = n
				e.owner = append(e.owner, nil)
				b.AddString(k)
			}
			e.owner[n] = append(e.owner[n], i)
		}
	}
	e.words = b.Build()
	return e
})

func (a *allow) compile() {
	for _, s := range a.Regexes {
		if re, err := regexp.Compile(s); err == nil {
			a.res = append(a.res, re)
		}
	}
}

func (r *rule) compiled() *regexp.Regexp {
	r.once.Do(func() {
		if r.Regex == "" {
			return
		}
		r.re, _ = regexp.Compile(r.Regex)
		for i := range r.Allowlists {
			r.Allowlists[i].compile()
		}
	})
	return r.re
}

// pem is how a key begins that goes over many lines.
const pem = "-----BEGIN "

// maxLine bounds the part of a line that patterns see around a keyword, in bytes. A secret is shorter.
const maxLine = 2000

// maxFound bounds what is found in one text: more secrets do not make it worse.
const maxFound = 1000

// Find finds the secrets of a text. It ends early with its context.
func Find(ctx context.Context, s string) []Found {
	e := load()
	var list []Found
	offset := 0
	for line := range strings.SplitAfterSeq(s, "\n") {
		if ctx.Err() != nil || len(list) > maxFound {
			break
		}
		if strings.Contains(line, pem) {
			list = append(list, e.look(ctx, s[offset:pemEnd(s, offset, len(line))], offset, true)...)
		} else if candidate(line) {
			list = append(list, e.look(ctx, line, offset, false)...)
		}
		offset += len(line)
	}
	return list
}

// pemEnd is where what begins a key in a line is no longer its own: at the next beginning, or where no key is as long.
func pemEnd(s string, offset, line int) int {
	end := min(len(s), offset+max(line, 4000))
	if next := strings.Index(s[offset+line:max(end, offset+line)], pem); next >= 0 {
		return offset + line + next
	}
	return end
}

// candidate says that a line holds something with letters and digits, long enough to be a secret and too mixed to be a word.
func candidate(line string) bool {
	length, letters, digits := 0, 0, 0
	for i := range len(line) {
		switch c := line[i]; {
		case c >= '0' && c <= '9':
			digits++
			length++
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			letters++
			length++
		case strings.IndexByte("+/_=.~-", c) >= 0:
			length++
		default:
			length, letters, digits = 0, 0, 0
		}
		if length >= 10 && letters >= 4 && digits >= 2 {
			return true
		}
	}
	return false
}

func (e *engine) look(ctx context.Context, content string, offset int, key bool) []Found {
	var list []Found
	seen := map[int]int{} // up to where a rule has looked
	e.words.Walk([]byte(text.Small(content)), func(end, _, pattern int64) bool {
		for _, n := range e.owner[pattern] {
			if at, ok := seen[n]; ok && int(end) < at {
				continue
			}
			seen[n] = int(end) + maxLine/2
			if key {
				seen[n] = len(content)
			}
			from, to := max(0, int(end)-maxLine), min(len(content), int(end)+maxLine)
			if key {
				from, to = 0, len(content)
			}
			if f, ok := e.rules[n].find(content[from:to], &e.all); ok {
				f.Offset += offset + from
				list = append(list, f)
			}
		}
		return ctx.Err() == nil && len(list) <= maxFound
	})
	return list
}

func (r *rule) find(s string, all *allow) (Found, bool) {
	re := r.compiled()
	if re == nil {
		return Found{}, false
	}
	for _, m := range re.FindAllStringSubmatchIndex(s, 8) {
		from, to := m[0], m[1]
		if g := r.group(m); g > 0 && 2*g+1 < len(m) && m[2*g] >= 0 {
			from, to = m[2*g], m[2*g+1]
		}
		secret := s[from:to]
		if r.Entropy > 0 && entropy(secret) <= r.Entropy || r.allowed(secret, s[m[0]:m[1]], s, all) || shown(secret) {
			continue
		}
		return Found{Rule: r.ID, About: r.Description, Offset: from, Text: strings.TrimSpace(s[m[0]:from]) + mask(secret)}, true
	}
	return Found{}, false
}

// group is the capture that is the secret: the one that the rule says, else the first that took part.
func (r *rule) group(m []int) int {
	if r.SecretGroup > 0 {
		return r.SecretGroup
	}
	for g := 1; 2*g < len(m); g++ {
		if m[2*g] >= 0 {
			return g
		}
	}
	return 0
}

func (r *rule) allowed(secret, match, line string, all *allow) bool {
	if all.holds(secret, match, line) {
		return true
	}
	for i := range r.Allowlists {
		if len(r.Allowlists[i].Paths) == 0 && r.Allowlists[i].holds(secret, match, line) {
			return true
		}
	}
	return false
}

func (a *allow) holds(secret, match, line string) bool {
	target := secret
	switch a.RegexTarget {
	case "match":
		target = match
	case "line":
		target = line
	}
	regex := slices.ContainsFunc(a.res, func(re *regexp.Regexp) bool { return re.MatchString(target) })
	lower := strings.ToLower(secret)
	word := slices.ContainsFunc(a.StopWords, func(w string) bool { return strings.Contains(lower, strings.ToLower(w)) })
	if strings.EqualFold(a.Condition, "AND") {
		return (len(a.res) == 0 || regex) && (len(a.StopWords) == 0 || word)
	}
	return regex || word
}

// shown says that a secret is an example.
func shown(s string) bool {
	lower := strings.ToLower(s)
	for _, w := range []string{"example", "your", "xxxx", "1234567890", "abcdef", "placeholder", "changeme", "dummy", "sample", "redacted", "fake", "test", "demo", "<", "...", "deadbeef", "secret", "password"} {
		if strings.Contains(lower, w) {
			return true
		}
	}
	return false
}

// mask keeps the first characters, by which people find it.
func mask(s string) string {
	return s[:min(4, len(s))] + "…"
}

// entropy is Shannon's, in bits a byte.
func entropy(s string) float64 {
	if s == "" {
		return 0
	}
	var count [256]int
	for i := range len(s) {
		count[s[i]]++
	}
	h := 0.0
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(s))
			h -= p * math.Log2(p)
		}
	}
	return h
}
