// SPDX-License-Identifier: Apache-2.0

// Rule sets and texts for tests and benchmarks: a realistic mix of each syntax, awkward shapes, and texts that come near
// to matching. Everything is drawn from a seeded source, so that runs repeat.

package match

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// draw is a seeded source of names and choices.
type draw struct{ *rand.Rand }

func newDraw(seed uint64) draw {
	return draw{rand.New(rand.NewPCG(seed, 0x5EED))}
}

func (d draw) of(list ...string) string {
	return list[d.IntN(len(list))]
}

// name returns a pronounceable name; few syllables make few distinct ones.
func (d draw) name() string {
	var b strings.Builder
	for range 2 + d.IntN(2) {
		b.WriteString(d.of("ka", "lo", "mi", "ne", "ru", "sta", "ver", "con", "fig", "da", "ter", "log", "sy", "pro", "net", "ba"))
	}
	return b.String()
}

// pathGlob draws from the mix that the figures in the package comment are for.
func (d draw) pathGlob() string {
	switch p := d.IntN(100); {
	case p < 25:
		return fmt.Sprintf("/%s/%s/%s", d.of("etc", "usr/lib", "srv", "var/log"), d.name(), d.name())
	case p < 45:
		return fmt.Sprintf("/home/*/.%s/%s/**", d.name(), d.name())
	case p < 50:
		return fmt.Sprintf("/opt/%s/*.so", d.name())
	case p < 60:
		return fmt.Sprintf("/usr/{bin,sbin}/{%s,%s}", d.name(), d.name())
	case p < 65:
		return fmt.Sprintf("/var/lib/%s/**", d.name())
	case p < 80:
		return fmt.Sprintf("**/.%s", d.name())
	case p < 90:
		return fmt.Sprintf("**/%s*.%s", d.name(), d.of("pem", "key", "md", "json", "env"))
	}
	return fmt.Sprintf("**/%s/**", d.name())
}

// pathExcept draws an except that suits the glob, in the glob's own automaton three times out of four.
func (d draw) pathExcept(glob string) string {
	switch {
	case strings.HasPrefix(glob, "**/.") || d.IntN(4) == 0:
		return fmt.Sprintf("/usr/share/%s/**", d.name())
	case strings.HasPrefix(glob, "/") && strings.HasSuffix(glob, "/**"):
		return strings.TrimSuffix(glob, "**") + d.of("*.pub", "known_"+d.name(), d.name()+"/*")
	case strings.HasSuffix(glob, "/**"):
		return strings.TrimSuffix(glob, "**") + d.of("*.md", d.name())
	}
	last := strings.LastIndexByte(glob, '*')
	if last < 0 {
		return strings.Replace(glob, "/etc", "/{etc,opt}", 1)
	}
	return glob[:last] + "*-pub" + glob[last:]
}

// pathRules returns n rules of the realistic mix in the given number of groups; a tenth, but no more than given, have excepts.
func pathRules(seed uint64, n, groups, excepts int) []Rule {
	d := newDraw(seed)
	var rules []Rule
	for i := range n {
		rule := Rule{ID: fmt.Sprintf("r%d", i), Group: d.IntN(groups), Match: []string{d.pathGlob()}}
		if excepts > 0 && d.IntN(10) == 0 {
			rule.Except = []string{d.pathExcept(rule.Match[0])}
			excepts--
		}
		rules = append(rules, rule)
	}
	return rules
}

// awkwardGlob draws shapes that are hard on the construction.
func (d draw) awkwardGlob() string {
	a, b := d.of("a", "b", "ab", ".c", "é"), d.of("a", "b", "ba", ".c", "c?")
	return d.of(
		"**", "/**", "/", "/*", "**/*", "**/?", "/?/*", "/"+a, "/"+a+"/**", "/"+a+"/*", "**/"+a, "**/"+a+"/**", "**/"+a+"*"+b,
		"/"+a+"/**/"+b, "/"+a+"/**/"+b+"/**", "**/"+a+"/*/"+b, "**/"+a+"/*"+b, "**/"+a+"/**/"+b, "**/*"+a+"*"+b, "**/"+a+"/?"+b,
		"/*/"+a+"*/**", "/"+a+"/[a-c]/**", "/[!a]"+b, "**/[!ab]", "/?"+b+"/**", "/{"+a+","+b+"}/{,x/}"+a, "**/??", "/*"+a+"*"+b+"*",
		"/"+a+"/**/"+b+"/*", "**/**/"+a, "/**/**", "/*?/"+a, "**/"+a+"/"+b+"/**", "/*/**",
	)
}

// awkwardRules returns a small set over few letters, in which most texts match something.
func awkwardRules(d draw) []Rule {
	var rules []Rule
	for i := range 3 + d.IntN(8) {
		rule := Rule{ID: fmt.Sprintf("r%d", i), Group: d.IntN(64)}
		for range 1 + d.IntN(2) {
			rule.Match = append(rule.Match, d.awkwardGlob())
		}
		for range d.IntN(3) {
			rule.Except = append(rule.Except, d.awkwardGlob())
		}
		rules = append(rules, rule)
	}
	return rules
}

// awkwardPath draws a path over the same letters, some of it not UTF-8.
func (d draw) awkwardPath() string {
	var b strings.Builder
	for range 1 + d.IntN(5) {
		b.WriteByte('/')
		for range 1 + d.IntN(3) {
			b.WriteString(d.of("a", "b", "a", "b", "c", ".c", "x", "é", "€", "\xc3", "\xe2\x82", "\xa9", "\xff", "𝄞", "\xf0\x9d"))
		}
	}
	return b.String()
}

// pathNear draws a path that a glob of the rules matches, or nearly matches.
func (d draw) pathNear(rules []Rule) string {
	rule := rules[d.IntN(len(rules))]
	globs := append(slices.Clip(rule.Match), rule.Except...)
	path := d.instance(globs[d.IntN(len(globs))])
	if d.IntN(4) == 0 {
		other := rules[d.IntN(len(rules))]
		path += d.instance(other.Match[0])
	}
	for d.IntN(4) == 0 {
		i := d.IntN(len(path)) + 1
		path = path[:i] + d.of("a", "x", ".", "é", "/y", "-pub", ".pem") + path[i:]
	}
	return path
}

// instance replaces the wildcards of a simple glob.
func (d draw) instance(glob string) string {
	for strings.Contains(glob, "{") {
		before, rest, _ := strings.Cut(glob, "{")
		inside, after, _ := strings.Cut(rest, "}")
		glob = before + d.of(strings.Split(inside, ",")...) + after
	}
	parts := strings.Split(strings.TrimPrefix(glob, "/"), "/")
	var b strings.Builder
	for _, part := range parts {
		if part == "**" {
			for range d.IntN(3) {
				b.WriteString("/" + d.name())
			}
			continue
		}
		b.WriteString("/" + strings.ReplaceAll(part, "*", d.name()))
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

var lineTools = strings.Fields(`git curl wget npm pnpm yarn pip uv cargo go docker podman kubectl helm terraform aws gcloud az
	ssh scp rsync rm mv chmod chown sudo su systemctl journalctl apt dnf crontab python3 node bash sh make psql mysql redis-cli nc dd`)

// lineGlob draws from the mix of command-line rules that the figures in the package comment are for.
func (d draw) lineGlob() string {
	tool := d.of(lineTools...)
	switch p := d.IntN(100); {
	case p < 30:
		return fmt.Sprintf("%s %s *", tool, d.name())
	case p < 55:
		return fmt.Sprintf("%s %s *--%s*", tool, d.name(), d.name())
	case p < 65:
		return fmt.Sprintf("%s %s %s", tool, d.name(), d.name())
	case p < 75:
		return fmt.Sprintf("%s *--%s=*", tool, d.name())
	case p < 80:
		return fmt.Sprintf("%s *-%s* *%s*", tool, d.of("f", "x", "rf", "i"), d.name())
	case p < 85:
		return fmt.Sprintf("{%s,%s} *%s", tool, d.of(lineTools...), d.name())
	case p < 95:
		return fmt.Sprintf("*%s%s*", d.of("--", "/", "."), d.name())
	}
	return fmt.Sprintf("*%s.%s", d.name(), d.of("sh", "py", "js"))
}

// lineRules returns n rules of the realistic mix; of each 100 the first two begin and go on with a star.
func lineRules(seed uint64, n, groups int) []Rule {
	d := newDraw(seed)
	var rules []Rule
	for i := range n {
		rule := Rule{ID: fmt.Sprintf("r%d", i), Group: d.IntN(groups), Match: []string{d.lineGlob()}}
		switch {
		case i%100 < 2 && i < 800:
			rule.Match = []string{fmt.Sprintf("*%s *| %s*", d.of("curl", "wget", "base64 -d", "xxd"), d.of("sh", "bash", "python3"))}
		case i%20 == 3 && i < 800:
			rule.Except = []string{strings.TrimSuffix(rule.Match[0], "*") + "-" + d.name() + "*"}
		}
		rules = append(rules, rule)
	}
	return rules
}

// lineNear draws a command line that a glob of the rules matches, or nearly matches.
func (d draw) lineNear(rules []Rule) string {
	rule := rules[d.IntN(len(rules))]
	globs := append(slices.Clip(rule.Match), rule.Except...)
	line := globs[d.IntN(len(globs))]
	for strings.Contains(line, "{") {
		before, rest, _ := strings.Cut(line, "{")
		inside, after, _ := strings.Cut(rest, "}")
		line = before + d.of(strings.Split(inside, ",")...) + after
	}
	for strings.Contains(line, "*") {
		line = strings.Replace(line, "*", d.of("", " ", "x", "/", "--"+d.name(), d.name()+" "+d.name()), 1)
	}
	for d.IntN(3) == 0 {
		i := d.IntN(len(line) + 1)
		line = line[:i] + d.of("-", " ", "x", "é", "/", "--"+d.name(), d.of(lineTools...)) + line[i:]
	}
	return line
}
