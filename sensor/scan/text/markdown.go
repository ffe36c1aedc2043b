// SPDX-License-Identifier: Apache-2.0

// This file takes a Markdown document apart: what is said, what is shown as code, and what is there but not shown.

package text

import (
	"context"
	"iter"
	"regexp"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
)

// Document is a Markdown file in its parts.
type Document struct {
	Front  Front
	Pieces []Piece
	Marks  []Mark
}

// fence is the opening or closing line of a block of code.
var fence = regexp.MustCompile("^[ \t>]*(```+|~~~+)[ \t]*\\{?\\.?([A-Za-z0-9_+#.-]*)")

// Markdown takes a document apart. Lines of pieces are the document's own. It ends early with its context.
func Markdown(ctx context.Context, file, s string, place finding.Place) Document {
	d := Document{}
	front, body, skipped := cutFront(s)
	d.Front = front
	prose := newBlanked(body, skipped)
	d.Marks = append(d.Marks, whiteSpace(body, skipped)...)
	d.fences(file, prose)
	d.comments(ctx, file, prose)
	d.styles(ctx, file, prose)
	d.inline(ctx, file, prose)
	text := prose.text()
	if strings.TrimSpace(text) != "" {
		d.Pieces = append(d.Pieces, Piece{File: file, Text: text, Line: 1 + skipped, Place: place})
	}
	return d
}

// blanked is a text from which parts are taken out; line breaks stay.
type blanked struct {
	in    string
	line  int
	cut   []byte // the text; what is taken out is spaces
	lines lines
}

func newBlanked(s string, line int) *blanked { return &blanked{in: s, line: line, cut: []byte(s)} }

func (b *blanked) text() string { return string(b.cut) }

func (b *blanked) take(from, to int) {
	for i := from; i < to; i++ {
		if b.cut[i] != '\n' {
			b.cut[i] = ' '
		}
	}
}

func (b *blanked) lineAt(offset int) int { return 1 + b.line + b.lines.at(b.in, offset) }

// fences takes blocks of code out.
func (d *Document) fences(file string, b *blanked) {
	open, lang, begin, from := "", "", 0, 0
	at := 0
	for at <= len(b.in) {
		end := strings.IndexByte(b.in[at:], '\n')
		if end < 0 {
			end = len(b.in)
		} else {
			end += at
		}
		line := b.in[at:end]
		if m := fence.FindStringSubmatch(line); m != nil {
			switch {
			case open == "":
				open, lang, begin, from = m[1], strings.ToLower(m[2]), min(end+1, len(b.in)), at
			case m[1][0] == open[0] && len(m[1]) >= len(open) && m[2] == "":
				d.block(file, b, lang, begin, at)
				b.take(from, end)
				open = ""
			}
		}
		at = end + 1
	}
	if open != "" && begin <= len(b.in) { // never closed: the rest of the document
		d.block(file, b, lang, begin, len(b.in))
	}
}

func (d *Document) block(file string, b *blanked, lang string, from, to int) {
	if from >= to {
		return
	}
	d.Pieces = append(d.Pieces, Piece{File: file, Text: b.in[from:to], Line: b.lineAt(from), Lang: language(lang), Place: finding.Snippet})
}

// languages are names that fences give to one language.
var languages = map[string]string{
	"sh": "sh", "bash": "sh", "shell": "sh", "zsh": "sh", "console": "sh", "terminal": "sh", "shell-session": "sh", "fish": "sh", "ksh": "sh",
	"py": "python", "python": "python", "python3": "python", "js": "javascript", "javascript": "javascript", "ts": "javascript",
	"typescript": "javascript", "jsx": "javascript", "tsx": "javascript", "mjs": "javascript", "node": "javascript",
	"ps1": "powershell", "powershell": "powershell", "pwsh": "powershell", "json": "json", "jsonc": "json", "yaml": "yaml", "yml": "yaml",
	"toml": "toml", "md": "prose", "markdown": "prose", "text": "prose", "txt": "prose", "plaintext": "prose", "plain": "prose", "": "unknown",
}

func language(name string) string {
	if l, ok := languages[name]; ok {
		return l
	}
	return name
}

var (
	comment = regexp.MustCompile(`(?s)<!--(.*?)(?:-->|\z)`)
	// A link that nobody can follow is the other way to write a comment.
	nolink = regexp.MustCompile(`(?m)^\[(?://|comment|_|#)[^\]]*\]:[ \t]*\S*[ \t]*["'(](.*?)["')][ \t]*$`)
	unseen = regexp.MustCompile(`(?is)<([a-z][a-z0-9]*)[^>]*(?:style\s*=\s*["'][^"'>]*(?:display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|opacity\s*:\s*0(?:\.0*)?[;"']|color\s*:\s*(?:white|#fff(?:fff)?|transparent)\b|(?:height|width)\s*:\s*0)|\shidden(?:[\s>=]))[^>]*>(.*?)</`)
	inline = regexp.MustCompile("`([^`\n]{12,})`")
)

// each goes through the matches of a pattern whose matches end where a line or an element does, as long as the context lets it.
func each(ctx context.Context, re *regexp.Regexp, in []byte) iter.Seq[[]int] {
	return func(yield func([]int) bool) {
		for at := 0; at < len(in) && ctx.Err() == nil; {
			m := re.FindSubmatchIndex(in[at:])
			if m == nil {
				return
			}
			for i := range m {
				m[i] += at
			}
			if !yield(m) {
				return
			}
			at = max(m[1], at+1)
		}
	}
}

func (d *Document) comments(ctx context.Context, file string, b *blanked) {
	for _, re := range []*regexp.Regexp{comment, nolink} {
		for m := range each(ctx, re, b.cut) {
			d.hidden(file, b, m[2], m[3], "in a comment that is not shown")
			b.take(m[0], m[1])
		}
	}
}

func (d *Document) styles(ctx context.Context, file string, b *blanked) {
	for m := range each(ctx, unseen, b.cut) {
		d.Marks = append(d.Marks, Mark{Rule: RuleStyle, Offset: b.lineAt(m[0]), Seen: b.in[m[0]:m[1]], Detail: "a style hides text"})
		d.hidden(file, b, m[4], m[5], "in an element that is not shown")
	}
}

func (d *Document) hidden(file string, b *blanked, from, to int, how string) {
	if text := string(b.cut[from:to]); strings.TrimSpace(text) != "" {
		d.Pieces = append(d.Pieces, Piece{File: file, Text: text, Line: b.lineAt(from), Place: finding.Hidden, How: how})
	}
}

// inline hands out code within lines, where it may be a command. It stays in the prose too.
func (d *Document) inline(ctx context.Context, file string, b *blanked) {
	for m := range each(ctx, inline, b.cut) {
		text := b.in[m[2]:m[3]]
		if strings.ContainsAny(text, " \t") {
			d.Pieces = append(d.Pieces, Piece{File: file, Text: text, Line: b.lineAt(m[2]), Lang: "unknown", Place: finding.Snippet})
		}
	}
}

// farRight is where no screen ends; farDown is more lines than any page.
const (
	farRight = 200
	farDown  = 60
)

// whiteSpace finds text that stands behind more nothing than anybody scrolls through. Offsets are lines here.
func whiteSpace(s string, skipped int) []Mark {
	var marks []Mark
	spaces, empty, line := 0, 0, 1+skipped
	for i, r := range s {
		switch {
		case r == '\n':
			line++
			empty++
			spaces = 0
		case r == ' ' || r == '\t' || r == '\r' || r == 0xa0 || r >= 0x2000 && r <= 0x200a || r == 0x3000:
			spaces++
		default:
			if (spaces >= farRight || empty > farDown) && len(marks) < maxMarks {
				_, to := lineOf(s, i)
				marks = append(marks, Mark{Rule: RuleWhite, Offset: line, Seen: s[i:to], Detail: "text behind a page of white space"})
			}
			spaces, empty = 0, 0
		}
	}
	return marks
}
