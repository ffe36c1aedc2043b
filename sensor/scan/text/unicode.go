// SPDX-License-Identifier: Apache-2.0

// This file takes out of a text what cannot be seen, tells it, and reads what was written in it.

package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Rules that this package tells.
const (
	RuleTags       = "TXT-TAGS"        // text in Unicode tag characters
	RuleVariation  = "TXT-VARIATION"   // data in variation selectors
	RuleZeroWidth  = "TXT-ZERO-WIDTH"  // zero-width characters inside of words
	RuleZeroBits   = "TXT-ZERO-BITS"   // data in zero-width characters
	RuleBidi       = "TXT-BIDI"        // what is shown is not the order of what is read
	RuleHomoglyph  = "TXT-HOMOGLYPH"   // letters of two scripts in one word
	RuleEscape     = "TXT-ESCAPE"      // terminal escapes that hide
	RuleWhite      = "TXT-WHITE-SPACE" // text behind a page of nothing
	RuleComment    = "TXT-COMMENT"     // instructions in comments that are not shown
	RuleStyle      = "TXT-STYLE"       // text that a style hides
	RuleEncoded    = "TXT-ENCODED"     // instructions or commands in an encoding
	RuleDeep       = "TXT-DEEP"        // encodings within encodings, beyond what is followed
	RuleNoText     = "TXT-BINARY"      // bytes in a file that should be text
	RuleSplitWords = "TXT-SPLIT-WORDS" // letters spaced apart
)

// Mark is one thing that was done to hide text.
type Mark struct {
	Rule   string
	Offset int    // into the visible text
	Seen   string // as it stood
	Detail string
	Hidden string // what was written in it, where that could be read
}

// Clean is a text without its invisible part, and what that part was.
type Clean struct {
	Text  string
	Marks []Mark
}

// Decode makes UTF-8 of a file's bytes: by its byte order mark, or as it is. Bytes that are no UTF-8 are read as Latin-1, so
// that nothing is lost.
func Decode(data []byte) string {
	switch {
	case len(data) >= 2 && data[0] == 0xff && data[1] == 0xfe:
		return wide(data[2:], func(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 })
	case len(data) >= 2 && data[0] == 0xfe && data[1] == 0xff:
		return wide(data[2:], func(b []byte) uint16 { return uint16(b[1]) | uint16(b[0])<<8 })
	}
	s := strings.TrimPrefix(string(data), "\ufeff")
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			r = rune(s[i])
		}
		b.WriteRune(r)
		i += size
	}
	return b.String()
}

func wide(data []byte, unit func([]byte) uint16) string {
	units := make([]uint16, 0, len(data)/2)
	for ; len(data) >= 2; data = data[2:] {
		units = append(units, unit(data))
	}
	return string(utf16.Decode(units))
}

// Reveal takes the invisible out of a text. Line breaks stay where they are.
func Reveal(s string) Clean {
	if ascii(s) {
		return Clean{Text: s}
	}
	r := revealer{in: s}
	r.out.Grow(len(s))
	for i := 0; i < len(s); {
		i = r.step(i)
	}
	r.endBits()
	r.together()
	c := Clean{Text: r.out.String(), Marks: r.marks}
	if c.Text, r.marks = unmix(c.Text); len(r.marks) > 0 {
		c.Marks = append(c.Marks, r.marks...)
	}
	return c
}

// Bounds of marks of one text: those that only say that something was done, and those that hold a text. What is beyond the second
// is read all the same, together.
const (
	maxMarks  = 50
	maxHidden = 500
)

// ascii says that there is nothing but visible ASCII and white space.
func ascii(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= 0x7f || c < ' ' && c != '\n' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}

type revealer struct {
	in    string
	out   strings.Builder
	marks []Mark
	bits  []rune // a run of zero-width characters, perhaps with data
	bitAt int

	plain, hidden int // marks so far
	scattered     []scatter
}

// step handles what stands at i and returns what comes after it.
func (v *revealer) step(i int) int {
	r, size := utf8.DecodeRuneInString(v.in[i:])
	switch {
	case r >= 0xe0000 && r <= 0xe007f:
		return v.run(i, RuleTags, "text in tag characters, which nobody sees", tagRune)
	case r >= 0xe0100 && r <= 0xe01ef, r >= 0xfe00 && r <= 0xfe0f:
		return v.selectors(i)
	case zeroWidth(r):
		v.zero(r, i)
	case bidi(r):
		v.endBits()
		v.mark(Mark{Rule: RuleBidi, Seen: around(v.in, i), Detail: fmt.Sprintf("U+%04X turns the direction of what is shown", r)})
	case r == 0x1b:
		v.endBits()
		return v.escape(i)
	case unicode.Is(unicode.Cf, r), r == 0xad:
		// Soft hyphens and the like: not shown, not data.
	default:
		v.endBits()
		v.out.WriteString(v.in[i : i+size])
	}
	return i + size
}

func (v *revealer) mark(m Mark) {
	count, most := &v.plain, maxMarks
	if m.Hidden != "" {
		count, most = &v.hidden, maxHidden
	}
	if *count++; *count <= most {
		m.Offset = v.out.Len()
		v.marks = append(v.marks, m)
	}
}

// run reads a run of characters that carry one letter each.
func (v *revealer) run(i int, rule, detail string, letter func(rune) (rune, bool)) int {
	v.endBits()
	begin := i
	var hidden strings.Builder
	for i < len(v.in) {
		r, size := utf8.DecodeRuneInString(v.in[i:])
		l, ok := letter(r)
		if !ok {
			break
		}
		if l != 0 {
			hidden.WriteRune(l)
		}
		i += size
	}
	// A flag of a region is an emoji, a few tags long, behind a black flag.
	if strings.HasSuffix(v.in[:begin], "\U0001f3f4") && hidden.Len() <= 6 {
		return i
	}
	v.mark(Mark{Rule: rule, Seen: v.in[begin:i], Detail: fmt.Sprintf("%s: %d characters", detail, (i-begin)/4), Hidden: hidden.String()})
	s := v.scatter(rule, detail)
	s.runs++
	s.text = append(s.text, hidden.String()...)
	return i
}

func tagRune(r rune) (rune, bool) {
	if r < 0xe0000 || r > 0xe007f {
		return 0, false
	}
	if r -= 0xe0000; r < 0x20 || r == 0x7f {
		return 0, true
	}
	return r, true
}

// firstSymbol is where characters begin whose form a selector may choose; letters of Latin, Greek and other alphabets have one.
const firstSymbol = 0x2000

// selectors reads variation selectors. One behind a character chooses its form; several in a row are data.
func (v *revealer) selectors(i int) int {
	v.endBits()
	begin, n := i, 0
	var hidden []byte
	for i < len(v.in) {
		r, size := utf8.DecodeRuneInString(v.in[i:])
		switch {
		case r >= 0xfe00 && r <= 0xfe0f:
			hidden = append(hidden, byte(r-0xfe00))
		case r >= 0xe0100 && r <= 0xe01ef:
			hidden = append(hidden, byte(r-0xe0100+16))
		default:
			size = 0
		}
		if size == 0 {
			break
		}
		i, n = i+size, n+1
	}
	if before, _ := utf8.DecodeLastRuneInString(v.in[:begin]); n > 2 || before < firstSymbol {
		s := v.scatter(RuleVariation, "data in variation selectors")
		s.runs++
		s.data = append(s.data, hidden...)
	}
	if n > 2 {
		v.mark(Mark{Rule: RuleVariation, Seen: v.in[begin:i], Detail: fmt.Sprintf("%d variation selectors in a row, which are data", n),
			Hidden: printable(hidden)})
	}
	return i
}

// zero notes a zero-width character. Joiners are letters of some scripts and of emoji.
func (v *revealer) zero(r rune, i int) {
	if (r == 0x200d || r == 0x200c) && len(v.bits) == 0 && joins(v.in, i) {
		return
	}
	if len(v.bits) == 0 {
		v.bitAt = i
	}
	v.bits = append(v.bits, r)
}

// endBits tells a run of zero-width characters: long ones are bits of a text.
func (v *revealer) endBits() {
	if len(v.bits) == 0 {
		return
	}
	bits, at := v.bits, v.bitAt
	v.bits = nil
	s := v.scatter(RuleZeroBits, "data in zero-width characters")
	s.runs++
	s.bits = append(s.bits, bits...)
	if len(bits) >= 16 {
		v.mark(Mark{Rule: RuleZeroBits, Seen: string(bits[:16]), Detail: fmt.Sprintf("%d zero-width characters in a row, which are data", len(bits)),
			Hidden: readBits(bits)})
		return
	}
	if inWord(v.in, at, at+len(string(bits))) {
		v.mark(Mark{Rule: RuleZeroWidth, Seen: around(v.in, at), Detail: "zero-width characters inside of a word"})
	}
}

// readBits reads zero-width characters as bits, whichever of the two is one, and whichever order the bytes have.
func readBits(bits []rune) string {
	first := bits[0]
	for _, flip := range []bool{false, true} {
		data := make([]byte, 0, len(bits)/8)
		for i := 0; i+8 <= len(bits); i += 8 {
			var b byte
			for _, r := range bits[i : i+8] {
				b <<= 1
				if (r != first) != flip {
					b |= 1
				}
			}
			data = append(data, b)
		}
		if s := printable(data); s != "" {
			return s
		}
	}
	return ""
}

// printable is the data as text, or nothing where it is none.
func printable(data []byte) string {
	if len(data) < 4 || !utf8.Valid(data) {
		return ""
	}
	good := 0
	for _, r := range string(data) {
		if unicode.IsPrint(r) || r == '\n' || r == '\t' || r == '\r' {
			good++
		}
	}
	if good*100 < utf8.RuneCount(data)*95 {
		return ""
	}
	return string(data)
}

func zeroWidth(r rune) bool {
	switch r {
	case 0x200b, 0x200c, 0x200d, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064, 0xfeff, 0x180e, 0x3164, 0x115f, 0x1160, 0xffa0:
		return true
	}
	return false
}

func bidi(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// joins says that a joiner stands where scripts or emoji want one.
func joins(s string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	return before > 0x2000 || unicode.In(before, unicode.Arabic, unicode.Devanagari, unicode.Bengali, unicode.Tamil, unicode.Sinhala, unicode.Malayalam)
}

func inWord(s string, from, to int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:from])
	next, _ := utf8.DecodeRuneInString(s[min(to, len(s)):])
	return unicode.IsLetter(before) && before < 0x600 && unicode.IsLetter(next) && next < 0x600
}

// around is a little of the text on both sides of i.
func around(s string, i int) string {
	from, to := max(0, i-24), min(len(s), i+28)
	for from > 0 && !utf8.RuneStart(s[from]) {
		from--
	}
	for to < len(s) && !utf8.RuneStart(s[to]) {
		to++
	}
	return s[from:to]
}

// escape reads a terminal escape. Conceal, or a colour on itself, hides what follows up to the next escape.
func (v *revealer) escape(i int) int {
	end := i + 1
	if end < len(v.in) && v.in[end] == '[' {
		for end++; end < len(v.in) && (v.in[end] >= '0' && v.in[end] <= '?' || v.in[end] == ' '); end++ {
		}
		if end < len(v.in) && v.in[end] < utf8.RuneSelf { // the letter that ends it
			end++
		}
	}
	code := v.in[i:end]
	if code == "\x1b[8m" || strings.HasPrefix(code, "\x1b[8;") || strings.HasSuffix(code, ";8m") {
		hidden := v.in[end:]
		if stop := strings.IndexByte(hidden, 0x1b); stop >= 0 {
			hidden = hidden[:stop]
		}
		v.mark(Mark{Rule: RuleEscape, Seen: code + hidden, Detail: "a terminal escape hides what follows", Hidden: hidden})
	}
	return end
}

// unmix writes words of two scripts in Latin, where their letters look alike, and tells them. What a word of one script
// alone looks like is nobody's business: it is a word of a language.
func unmix(s string) (string, []Mark) {
	var marks []Mark
	var out strings.Builder
	last := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !unicode.IsLetter(r) {
			i += size
			continue
		}
		end := i
		latin, alike, other := 0, 0, 0
		for end < len(s) {
			r, size := utf8.DecodeRuneInString(s[end:])
			if !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) {
				break
			}
			switch _, like := lookalikes[r]; {
			case r < 0x250:
				latin++
			case like:
				alike++
			default:
				other++
			}
			end += size
		}
		if latin > 0 && alike > 0 && other == 0 {
			plain := latinise(s[i:end])
			if len(marks) < maxMarks {
				marks = append(marks, Mark{Rule: RuleHomoglyph, Offset: out.Len() + i - last, Seen: s[i:end], Detail: "letters of another alphabet in " + plain})
			}
			out.WriteString(s[last:i])
			out.WriteString(plain)
			last = end
		}
		i = end
	}
	if last == 0 {
		return fold(s), nil
	}
	out.WriteString(s[last:])
	return fold(out.String()), marks
}

// fold writes styled letters (full width, mathematical) as plain ones.
func fold(s string) string {
	for _, r := range s {
		if r >= 0xff00 && r <= 0xffef || r >= 0x1d400 && r <= 0x1d7ff {
			return norm.NFKC.String(s)
		}
	}
	return s
}

func latinise(word string) string {
	return strings.Map(func(r rune) rune {
		if l, ok := lookalikes[r]; ok {
			return l
		}
		return r
	}, word)
}

// lookalikes are letters that people take for Latin ones.
var lookalikes = func() map[rune]rune {
	m := map[rune]rune{}
	for _, pair := range []string{
		"аa", "еe", "оo", "рp", "сc", "уy", "хx", "іi", "ѕs", "јj", "ԁd", "ԛq", "ԝw", "һh", "ӏl", "АA", "ВB", "ЕE", "КK", "МM", "НH", "ОO",
		"РP", "СC", "ТT", "ХX", "ІI", "ЅS", "ЈJ", "ɡg", "αa", "οo", "νv", "ρp", "τt", "υu", "ιi", "κk", "εe", "ΑA", "ΒB", "ΕE", "ΖZ", "ΗH",
		"ΙI", "ΚK", "ΜM", "ΝN", "ΟO", "ΡP", "ΤT", "ΥY", "ΧX", "օo", "հh", "սu", "ցg", "զq", "ոn",
	} {
		r := []rune(pair)
		m[r[0]] = r[1]
	}
	return m
}()
