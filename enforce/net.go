// SPDX-License-Identifier: Apache-2.0

// This file spells what networks are made of, and the globs on it, as paths: names, addresses, families. So one kind of
// automaton, which is built, minimised, bounded and walked already, serves them too; ten thousand names cost what ten do, and
// a name is compared letter by letter. KEEP-SYNC net v1 (bpf/include/policy.h)

package enforce

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

const (
	unsaid    = "-" // the port of a name that is only looked up, the port and protocol of an address alone
	byName    = "n" // reached by a name that an answer gave
	byAddress = "a"
)

// netText is an object as the walk takes it; ok is false for what is none.
func netText(op Op, object string) (text string, ok bool) {
	switch op.info().text {
	case textDomain:
		return domainText(object)
	case textAddr:
		return addrText(object, byAddress)
	case textFamily:
		if familyWord(object, "") {
			return "/" + object, true
		}
	}
	return "", false
}

// netGlobs are a rule's globs, of match or of except, as paths.
func netGlobs(r *Rule, globs []string, except bool) []string {
	var out []string
	for _, g := range globs {
		switch r.text() {
		case textDomain:
			out = append(out, domainGlobs(g, r.looksUp(except))...)
		case textAddr:
			out = append(out, addrGlob(g, except || r.Action.Refuses()))
		case textFamily:
			out = append(out, familyGlob(g))
		}
	}
	return out
}

// looksUp reports whether globs with a port also mean the name without one, as it is looked up: who may reach a port of it must
// find it, and who may not reach one of its ports may reach others.
func (r *Rule) looksUp(except bool) bool { return except == r.Action.Refuses() }

// domainText is /PORT/com/example/www.
func domainText(object string) (string, bool) {
	host, port := cutPort(strings.ToLower(object))
	if port == "" && strings.Contains(object, ":") || port != "" && !goodPort(port) {
		return "", false
	}
	if port == "" {
		port = unsaid
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	if slices.ContainsFunc(labels, func(l string) bool { return l == "" || strings.ContainsAny(l, "/\x00") }) {
		return "", false
	}
	slices.Reverse(labels)
	return "/" + port + "/" + strings.Join(labels, "/"), true
}

func domainGlobs(glob string, looked bool) []string {
	host, port := cutPort(strings.ToLower(glob))
	ports := []string{"*"}
	if port != "" {
		ports[0] = port
		if looked {
			ports = append(ports, unsaid)
		}
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	slices.Reverse(labels)
	tail := strings.Join(labels, "/")
	if last := len(labels) - 1; last > 0 && labels[last] == "*" {
		tail += "/**" // and any number of labels before it
	}
	var out []string
	for _, p := range ports {
		out = append(out, "/"+p+"/"+tail)
	}
	return out
}

// addrText is /REACHED/PROTO/PORT/4HEX.
func addrText(object, reached string) (string, bool) {
	e, ok := parseEndpoint(object)
	if !ok || !e.net.IsSingleIP() {
		return "", false
	}
	orUnsaid := func(s string) string {
		if s == "" {
			return unsaid
		}
		return s
	}
	return strings.Join([]string{"", reached, orUnsaid(e.proto), orUnsaid(e.port), hexAddr(e.net.Addr().Unmap())}, "/"), true
}

func hexAddr(a netip.Addr) string {
	if a.Is4() {
		return fmt.Sprintf("4%x", a.As4())
	}
	return fmt.Sprintf("6%x", a.As16())
}

// addrGlob means addresses that a name led to as well where always says so; all addresses mean those without a name.
func addrGlob(glob string, always bool) string {
	if glob == "**" {
		return "/" + byAddress + "/**"
	}
	e, _ := parseEndpoint(glob)
	reached := byAddress
	if always {
		reached = "*"
	}
	orAny := func(s string) string {
		if s == "" {
			return "*"
		}
		return s
	}
	return strings.Join([]string{"", reached, orAny(e.proto), orAny(e.port), hexGlob(e.net)}, "/")
}

// hexGlob is the beginning that a network's addresses share: whole hexadecimal digits, then a class where its length ends amid one.
func hexGlob(p netip.Prefix) string {
	all := hexAddr(p.Addr())
	whole, over := p.Bits()/4, p.Bits()%4
	glob := all[:1+whole]
	if over > 0 {
		digit, _ := strconv.ParseUint(all[1+whole:2+whole], 16, 8)
		span := uint64(1) << (4 - over)
		var digits []byte
		for d := digit; d < digit+span; d++ { // the network has no bits beyond its length
			digits = strconv.AppendUint(digits, d, 16)
		}
		glob += "[" + string(digits) + "]"
		whole++
	}
	if whole < len(all)-1 {
		glob += "*"
	}
	return glob
}

// familyWord reports whether s is FAMILY, FAMILY/TYPE or FAMILY/TYPE/PROTOCOL, of capitals, digits, underscores and what else is
// let in.
func familyWord(s, more string) bool {
	words := strings.Split(s, "/")
	return len(words) <= familyWords && !slices.ContainsFunc(words, func(word string) bool {
		return word == "" || strings.ContainsFunc(word, func(r rune) bool {
			return !(r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || strings.ContainsRune(more, r))
		})
	})
}

const familyWords = 3

// familyGlob means all types, and all protocols, where none is named.
func familyGlob(glob string) string {
	if glob == "**" || strings.Count(glob, "/") == familyWords-1 {
		return "/" + glob
	}
	return "/" + glob + "/**"
}

// everyday are the sockets that nearly all are, in the order of enum everyday: their groups stand in the table, so that no name is spelt
// and walked for them. KEEP-SYNC family v1 (bpf/hooks/family.h)
var everyday = [...]string{"AF_INET/SOCK_STREAM/6", "AF_INET/SOCK_DGRAM/17", "AF_INET6/SOCK_STREAM/6", "AF_INET6/SOCK_DGRAM/17",
	"AF_UNIX/SOCK_STREAM/0", "AF_UNIX/SOCK_DGRAM/0"}

// everydays is the room for them, a power of two.
const everydays = 8

// OrdinaryFamily reports what only a rule speaks of, no default: what is reached by such sockets is asked by name, by address, or
// by what a unix socket's server bound. KEEP-SYNC family v1 (bpf/hooks/family.h)
func OrdinaryFamily(object string) bool {
	switch object {
	case "AF_INET/SOCK_STREAM/6", "AF_INET6/SOCK_STREAM/6", "AF_INET/SOCK_DGRAM/17", "AF_INET6/SOCK_DGRAM/17":
		return true
	}
	return strings.HasPrefix(object, "AF_UNIX/")
}

func checkFamily(glob string) (reason, hint string) {
	if glob == "**" || familyWord(glob, "*") && !strings.Contains(glob, "**") {
		return "", ""
	}
	return "is no socket family, type and protocol, as AF_PACKET, AF_INET/SOCK_RAW or AF_INET/SOCK_STREAM/132", "the names are those of socket(2), in capitals; the protocol is a number"
}
