// SPDX-License-Identifier: Apache-2.0

// This file spells session ids: four hex digits of the boot and the kernel's counter in base 32, as in 3f2a-7k.

package session

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// alphabet leaves out i, l, o and u, so that an id can be read aloud (Crockford).
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// ErrID says that a text is no session id.
var ErrID = errors.New("not a session id")

// Boot is the part of ids that tells boots apart.
type Boot string

// BootOf takes it from the kernel's boot id.
func BootOf(bootID string) Boot {
	s := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(bootID), "-", ""))
	if len(s) < 4 {
		return "0000"
	}
	if _, err := hex.DecodeString(s[:4]); err != nil {
		return "0000"
	}
	return Boot(s[:4])
}

// ID spells session n of the boot. There is no session 0: it has no name.
func (b Boot) ID(n uint64) string {
	if n == 0 {
		return ""
	}
	var digits [13]byte
	i := len(digits)
	for ; n > 0; n >>= 5 {
		i--
		digits[i] = alphabet[n&31]
	}
	return string(b) + "-" + string(digits[i:])
}

// Parse reads an id of this boot. The part before the dash may be left out.
func (b Boot) Parse(text string) (uint64, error) {
	s := strings.ToLower(strings.TrimSpace(text))
	if boot, rest, ok := strings.Cut(s, "-"); ok {
		if boot != string(b) {
			return 0, fmt.Errorf("%q: %w of this boot (%s-…)", text, ErrID, b)
		}
		s = rest
	}
	if s == "" || len(s) > 13 || s[0] == '0' {
		return 0, fmt.Errorf("%q: %w", text, ErrID)
	}
	var n uint64
	for _, c := range s {
		d := strings.IndexRune(alphabet, c)
		if d < 0 || n > (1<<59)-1 {
			return 0, fmt.Errorf("%q: %w", text, ErrID)
		}
		n = n<<5 | uint64(d)
	}
	return n, nil
}
