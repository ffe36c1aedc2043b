// SPDX-License-Identifier: Apache-2.0

// resolv.conf(5), as the resolver library reads it (glibc, resolv/res_init.c): whoever is taken for a resolver that it does not
// ask would be believed for nothing. It asks the first three; all are taken, as other libraries ask more.

package resolvers

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// parse is whom a file names. The problems are lines that name nobody.
func parse(file string, text []byte) (found []netip.Addr, problems []error) {
	n := 0
	for line := range bytes.Lines(text) {
		n++
		word, ok := nameserver(line)
		if !ok {
			continue
		}
		if a, ok := address(word); ok {
			found = append(found, a)
		} else {
			problems = append(problems, fmt.Errorf("%s:%d: nameserver %q: not an address", file, n, word))
		}
	}
	return found, problems
}

// nameserver is the word behind the keyword, which begins its line. What follows the word is passed over, and so is all behind
// a NUL: for the library the line is a C string.
func nameserver(line []byte) (string, bool) {
	line, _, _ = bytes.Cut(line, []byte{0})
	rest, ok := bytes.CutPrefix(line, []byte("nameserver"))
	if !ok || len(rest) == 0 || rest[0] != ' ' && rest[0] != '\t' {
		return "", false
	}
	word := bytes.TrimLeft(rest, " \t")
	if end := bytes.IndexAny(word, " \t\n"); end >= 0 {
		word = word[:end]
	}
	return string(word), true
}

// address reads IPv4 as inet_aton(3) does and IPv6 as inet_pton(3), whose zone is passed over.
func address(word string) (netip.Addr, bool) {
	if a, ok := dotted(word); ok {
		return a, true
	}
	word, _, _ = strings.Cut(word, "%")
	a, err := netip.ParseAddr(word)
	return a, err == nil && a.Is6()
}

// dotted reads one to four numbers, decimal, octal or hexadecimal, of which the last fills what is left: 127.1 is 127.0.0.1.
func dotted(word string) (netip.Addr, bool) {
	parts := strings.Split(word, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var sum uint64
	for i, p := range parts {
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (4 - i)
		}
		n, err := number(p, bits)
		if err != nil {
			return netip.Addr{}, false
		}
		sum = sum<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}), true
}

// number reads digits as strtoul(3) does with base 0.
func number(digits string, bits int) (uint64, error) {
	base := 10
	switch {
	case strings.HasPrefix(digits, "0x"), strings.HasPrefix(digits, "0X"):
		base, digits = 16, digits[2:]
	case strings.HasPrefix(digits, "0"):
		base = 8
	}
	return strconv.ParseUint(digits, base, bits)
}
