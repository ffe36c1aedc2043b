// SPDX-License-Identifier: Apache-2.0

// This file finds what is encoded in a text and decodes it, encodings within encodings, as far as the bounds go.

package text

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"html"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Bounds of decoding: layers, results of one piece, bytes that a compressed layer may grow to, and of a line on each side of
// what is written by a cipher in it.
const (
	maxDepth    = 5
	maxDecoded  = 2000
	maxInflated = 4 << 20
	maxCipher   = 64 << 10
)

// Decoded is what one run of encoded text holds.
type Decoded struct {
	Offset int
	Seen   string // as it stood
	How    string // "base64"
	Data   []byte
	Text   string // Data where it is text
}

// encoding is one way of writing, and where it may stand: patterns look only at long runs of its alphabet, as most text has none.
type encoding struct {
	how    string
	marks  string // of which one is in every run; empty for none
	letter [256]bool
	least  int // length of a run
	run    *regexp.Regexp
	decode func(string) []byte
}

const (
	hexLetters = "0123456789abcdefABCDEF"
	alphabet64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-="
)

func letters(s string) (t [256]bool) {
	for i := range len(s) {
		t[s[i]] = true
	}
	return t
}

var encodings = []encoding{
	{"base64", "", letters(alphabet64 + "\r\n\t "), 24, regexp.MustCompile(`[A-Za-z0-9+/_-]{24,}(?:\r?\n[ \t]*[A-Za-z0-9+/_-]{24,})*={0,2}`), fromBase64},
	{"hex", `\x`, letters(hexLetters + `\x`), 24, regexp.MustCompile(`(?:\\x[0-9A-Fa-f]{2}){6,}`), fromHex},
	{"hex", "0x", letters(hexLetters + "x, \t\r\n"), 32, regexp.MustCompile(`(?:0x[0-9A-Fa-f]{2},?\s*){8,}`), fromHex},
	{"hex", "", letters(hexLetters + " :"), 32, regexp.MustCompile(`\b(?:[0-9A-Fa-f]{2}){16,}\b|\b(?:[0-9A-Fa-f]{2}[ :]){14,}[0-9A-Fa-f]{2}\b`), fromHex},
	{"escapes", `\u`, letters(hexLetters + `\u`), 30, regexp.MustCompile(`(?:\\u[0-9A-Fa-f]{4}){5,}`), fromEscapes},
	{"URL encoding", "%", letters(alphabet64 + "%.~"), 18, regexp.MustCompile(`(?:[A-Za-z0-9_.~-]*%[0-9A-Fa-f]{2}){6,}[A-Za-z0-9_.~-]*`), fromURL},
	{"HTML entities", "&#", letters(hexLetters + "&#x;"), 24, regexp.MustCompile(`(?:&#x?[0-9A-Fa-f]{2,5};){6,}`), func(s string) []byte { return []byte(html.UnescapeString(s)) }},
	{"character codes", ",", letters("0123456789, \t\r\n"), 38, regexp.MustCompile(`(?:\b(?:[3-9][0-9]|1[01][0-9]|12[0-6])\s*,\s*){12,}(?:[3-9][0-9]|1[01][0-9]|12[0-6])`), fromCodes},
	{"base32", "", letters("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567="), 32, regexp.MustCompile(`\b[A-Z2-7]{32,}={0,6}`), fromBase32},
}

// runs calls back for each long run of an encoding's alphabet. White space counts only between long parts.
func (e *encoding) runs(s string, found func(from, to int) bool) (more bool) {
	if e.marks != "" && !strings.Contains(s, e.marks) {
		return true
	}
	more = true
	from, solid := -1, 0 // solid: the longest part without white space
	part := 0
	end := func(to int) {
		if from >= 0 && to-from >= e.least && max(solid, part) >= min(e.least, 16) || from >= 0 && to-from >= e.least && e.letter[' '] && e.marks != "" || from >= 0 && to-from >= e.least && e.letter[':'] {
			more = found(from, to)
		}
		from, solid, part = -1, 0, 0
	}
	for i := 0; i < len(s) && more; i++ {
		c := s[i]
		switch {
		case !e.letter[c]:
			end(i)
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			solid, part = max(solid, part), 0
		default:
			if from < 0 {
				from = i
			}
			part++
		}
	}
	if more {
		end(len(s))
	}
	return more
}

// Encoded hands out runs of encoded text that decode to text, or to a program, one after another: all of them together may be
// much larger than the text. It ends early with its context, or when found says so. The result says whether all were handed
// out.
func Encoded(ctx context.Context, s string, found func(Decoded) bool) (all bool) {
	n := 0
	for i := range encodings {
		e := &encodings[i]
		more := e.runs(s, func(from, to int) bool {
			for at := from; at < to && ctx.Err() == nil; {
				m := e.run.FindStringIndex(s[at:to])
				if m == nil {
					return true
				}
				if d, ok := e.read(s[at+m[0] : at+m[1]]); ok {
					d.Offset = at + m[0]
					if n++; n > maxDecoded || !found(d) {
						return false
					}
				}
				at += m[1]
			}
			return ctx.Err() == nil
		})
		if !more {
			return false
		}
	}
	for _, d := range ciphers(s) {
		if ctx.Err() != nil || !found(d) {
			return false
		}
	}
	return true
}

func (e *encoding) read(seen string) (Decoded, bool) {
	data := e.decode(seen)
	how := e.how
	if more, packed := inflate(data); packed != "" {
		data, how = more, how+" of "+packed
	}
	d := Decoded{Seen: seen, How: how, Data: data, Text: printable(data)}
	return d, d.Text != "" && wordy(d.Text) || program(data)
}

// wordy says that a text is not noise that happens to be printable: it has spaces or marks between letters, as words and
// commands have, or is an encoding once more.
func wordy(s string) bool {
	letters, breaks := 0, 0
	for _, r := range s {
		switch {
		case unicode.IsLetter(r):
			letters++
		case unicode.IsSpace(r), strings.ContainsRune("()/.:=|;&-{}<>\"'", r):
			breaks++
		}
	}
	return len(s) >= 8 && letters*2 >= len(s) && breaks > 0 || len(s) >= 24 && encodings[0].run.MatchString(s)
}

// program says that data is code for a machine.
func program(data []byte) bool {
	return bytes.HasPrefix(data, []byte("\x7fELF")) || bytes.HasPrefix(data, []byte("MZ")) && bytes.Contains(data, []byte("PE\x00\x00")) ||
		bytes.HasPrefix(data, []byte("#!/"))
}

func fromBase64(s string) []byte {
	s = strings.Map(func(r rune) rune {
		switch r {
		case '\n', '\r', ' ', '\t', '=':
			return -1
		case '-':
			return '+'
		case '_':
			return '/'
		}
		return r
	}, s)
	if len(s)%4 == 1 {
		s = s[:len(s)-1]
	}
	data, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return nil
	}
	return data
}

func fromBase32(s string) []byte {
	data, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return nil
	}
	return data
}

var hexDigits = regexp.MustCompile(`(?:\\x|0x)?([0-9A-Fa-f]{2})[,:]?\s*`)

func fromHex(s string) []byte {
	data, err := hex.DecodeString(hexDigits.ReplaceAllString(s, "$1"))
	if err != nil {
		return nil
	}
	return data
}

func fromEscapes(s string) []byte {
	var b strings.Builder
	for _, part := range strings.Split(s, `\u`)[1:] {
		n, err := strconv.ParseUint(part[:min(4, len(part))], 16, 32)
		if err != nil {
			return nil
		}
		b.WriteRune(rune(n))
	}
	return []byte(b.String())
}

func fromURL(s string) []byte {
	out, err := url.PathUnescape(s)
	if err != nil {
		return nil
	}
	return []byte(out)
}

func fromCodes(s string) []byte {
	var data []byte
	for part := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n > 255 {
			return nil
		}
		data = append(data, byte(n))
	}
	return data
}

// inflate undoes one layer of compression.
func inflate(data []byte) ([]byte, string) {
	var r io.Reader
	var err error
	how := ""
	switch {
	case bytes.HasPrefix(data, []byte("\x1f\x8b\x08")):
		r, err = gzip.NewReader(bytes.NewReader(data))
		how = "gzip"
	case len(data) > 2 && data[0] == 0x78 && (int(data[0])<<8|int(data[1]))%31 == 0:
		r, err = zlib.NewReader(bytes.NewReader(data))
		how = "zlib"
	}
	if r == nil || err != nil {
		return nil, ""
	}
	out, _ := io.ReadAll(io.LimitReader(r, maxInflated)) // what comes out before an error is looked at all the same
	return out, how
}

var (
	// Words that no English text is without, as the cipher writes them.
	rotWords = regexp.MustCompile(`(?i)\b(?:gur|naq|lbhe|lbh|naljurer|vafgehpgvbaf|flfgrz|cerivbhf)\b`)
)

// ciphers reads lines in ROT13, lines written backwards, and words with their letters spaced apart.
func ciphers(s string) []Decoded {
	var list []Decoded
	add := func(offset int, seen, how, plain string) {
		if len(list) < maxDecoded {
			list = append(list, Decoded{Offset: offset, Seen: seen, How: how, Data: []byte(plain), Text: plain})
		}
	}
	for at := spacedApart(s, 0); at >= 0; {
		from, to := lineOf(s, at)
		add(from, s[from:to], "letters spaced apart", unspace(s[from:to]))
		at = spacedApart(s, to)
	}
	lower := Small(s)
	if (strings.Contains(lower, "gur ") || strings.Contains(lower, "naq ") || strings.Contains(lower, "vafgehp")) && len(rotWords.FindAllStringIndex(lower, 3)) >= 2 {
		read := 0
		for _, m := range rotWords.FindAllStringIndex(lower, maxDecoded) {
			if from, to := lineOf(s, m[0]); to > read {
				add(from, s[from:to], "ROT13", strings.Map(rot13, s[from:to]))
				read = to
			}
		}
	}
	for _, backwards := range []string{"snoitcurtsni", "suoiverp", "tpmorp metsys", "resu eht llet"} {
		if at := strings.Index(lower, backwards); at >= 0 {
			from, to := lineOf(s, at)
			add(from, s[from:to], "written backwards", reverse(s[from:to]))
		}
	}
	return list
}

// lineOf is the line around an offset, as far as the bound goes.
func lineOf(s string, at int) (from, to int) {
	from, to = runeStart(s, max(0, at-maxCipher)), len(s)
	if at+maxCipher < len(s) {
		to = runeStart(s, at+maxCipher)
	}
	if line := strings.LastIndexByte(s[from:at], '\n'); line >= 0 {
		from += line + 1
	}
	if line := strings.IndexByte(s[at:to], '\n'); line >= 0 {
		to = at + line
	}
	return from, to
}

// leastSpaced is how many letters in a row stand alone before that is a way of writing. Most of them are no digits: versions are.
const leastSpaced = 8

// spacedApart is where letters begin to stand alone, many in a row, from at on; -1 where they do not.
func spacedApart(s string, at int) int {
	n, digits, begin := 0, 0, at
	for i := at; i+1 < len(s); i++ {
		if !isLetter(s[i]) {
			if strings.IndexByte(" ._*-", s[i]) < 0 {
				n = 0
			}
			continue
		}
		if i > 0 && isLetter(s[i-1]) || isLetter(s[i+1]) {
			n = 0
			continue
		}
		if n == 0 {
			begin, digits = i, 0
		}
		if s[i] >= '0' && s[i] <= '9' {
			digits++
		}
		if n++; n-digits >= leastSpaced-2 && n >= leastSpaced {
			return begin
		}
	}
	return -1
}

func isLetter(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 || c >= '0' && c <= '9'
}

var (
	spacedWords  = regexp.MustCompile(`[ ._*-]{2,}`)
	spacedLetter = regexp.MustCompile(`\b([A-Za-z])[ ._*-]\b`)
)

// unspace joins letters that stand alone; two marks or more are a space.
func unspace(s string) string {
	s = spacedWords.ReplaceAllString(s, "\x00")
	s = spacedLetter.ReplaceAllString(s, "$1")
	return strings.ReplaceAll(s, "\x00", " ")
}

func rot13(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z':
		return 'a' + (r-'a'+13)%26
	case r >= 'A' && r <= 'Z':
		return 'A' + (r-'A'+13)%26
	}
	return r
}

func reverse(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}

// MaxDepth is how many layers of encoding are followed.
const MaxDepth = maxDepth
