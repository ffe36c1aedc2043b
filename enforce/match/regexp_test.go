// SPDX-License-Identifier: Apache-2.0

// Globs as regular expressions: the judge of the differential tests, which shares nothing with the parser.

package match

import (
	"regexp"
	"strings"
)

// judge is a rule set as regular expressions, one per glob.
type judge []judgedRule

type judgedRule struct {
	group         int
	match, except []*regexp.Regexp
}

func newJudge(s Syntax, rules []Rule) judge {
	compile := func(globs []string) (all []*regexp.Regexp) {
		for _, glob := range globs {
			all = append(all, regexp.MustCompile(expression(s, glob)))
		}
		return all
	}
	var j judge
	for _, r := range rules {
		j = append(j, judgedRule{r.Group, compile(r.Match), compile(r.Except)})
	}
	return j
}

func (j judge) label(text string) Label {
	some := func(list []*regexp.Regexp) bool {
		for _, r := range list {
			if r.MatchString(text) {
				return true
			}
		}
		return false
	}
	var l Label
	for _, r := range j {
		if some(r.match) && !some(r.except) {
			l = l.with(r.group)
		}
	}
	return l
}

// expression translates a well-formed glob without escapes.
func expression(s Syntax, glob string) string {
	var all []string
	for _, g := range unbrace(glob) {
		if s == Line {
			all = append(all, elements(g, `.`, ``))
		} else {
			all = append(all, components(g))
		}
	}
	return `(?s)\A(?:` + strings.Join(all, `|`) + `)\z`
}

// unbrace expands braces from the left, as text.
func unbrace(glob string) []string {
	open := strings.IndexByte(glob, '{')
	if open < 0 {
		return []string{glob}
	}
	var all []string
	begin, depth := open+1, 1
	for i := begin; ; i++ {
		switch c := glob[i]; {
		case c == '{':
			depth++
		case c == '}':
			depth--
		}
		if depth == 0 || depth == 1 && glob[i] == ',' {
			all = append(all, glob[:open]+glob[begin:i]+"\x00")
			begin = i + 1
		}
		if depth == 0 {
			break
		}
	}
	after := glob[begin:]
	var expanded []string
	for _, a := range all {
		expanded = append(expanded, unbrace(strings.TrimSuffix(a, "\x00")+after)...)
	}
	return expanded
}

func components(glob string) string {
	parts := strings.Split(strings.TrimPrefix(glob, "/"), "/")
	if strings.Trim(glob, "*/") == "" && strings.Contains(glob, "**") && !strings.Contains("/"+glob+"/", "/*/") {
		return `/.*`
	}
	var b strings.Builder
	for i, part := range parts {
		switch {
		case part == "**" && i == len(parts)-1:
			b.WriteString(`(?:/.*)?`)
		case part == "**":
			b.WriteString(`(?:/[^/]*)*`)
		case part == "*":
			b.WriteString(`/[^/]+`)
		default:
			b.WriteString(`/` + elements(part, `[^/]`, `/`))
		}
	}
	return b.String()
}

func elements(glob, wild, never string) string {
	var b strings.Builder
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; c {
		case '*':
			b.WriteString(wild + `*`)
		case '?':
			b.WriteString(wild)
		case '[':
			end := i + strings.IndexByte(glob[i:], ']')
			inside := glob[i+1 : end]
			if strings.HasPrefix(inside, "!") {
				inside = `^` + never + inside[1:]
			}
			b.WriteString(`[` + inside + `]`)
			i = end
		default:
			if c < 0x80 {
				b.WriteString(regexp.QuoteMeta(string(rune(c))))
			} else {
				b.WriteByte(c)
			}
		}
	}
	return b.String()
}
