// SPDX-License-Identifier: Apache-2.0

// This file makes hostile text harmless to look at: nothing invisible, nothing that commands a terminal.

package finding

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible writes text on one line with every character that cannot be seen as an escape: controls, format characters, tag
// characters, variation selectors, and bytes that are no UTF-8. At most 240 bytes of it; what is cut ends in "…".
func Visible(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n' || r == '\t' || r == '\r':
			if !strings.HasSuffix(b.String(), " ") {
				b.WriteByte(' ')
			}
		case unseen(r):
			fmt.Fprintf(&b, `\u{%x}`, r)
		default:
			b.WriteRune(r)
		}
		i += size
		if b.Len() >= excerptMax {
			b.WriteString("…")
			break
		}
	}
	return strings.TrimSpace(b.String())
}

// unseen are the characters that leave no mark, or that change how others are shown.
func unseen(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r) ||
		unicode.Is(unicode.Co, r) || r == 0x3164 || r == 0x115f || r == 0x1160 || r == 0xffa0
}
