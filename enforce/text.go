// SPDX-License-Identifier: Apache-2.0

// This file says, for each kind of object text, how its globs are spelt and what they match. Paths and command lines are
// package match's; the other kinds are small, and here so that policies for them are checked and explained already.

package enforce

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/reeve-sensor/reeve/enforce/match"
)

// texts is the table of kinds. check returns a reason and a hint, both empty for a good glob.
var texts = [...]struct {
	check func(glob string) (reason, hint string)
	match func(glob, object string) bool
}{
	textPath:   {checkPath, func(g, o string) bool { return match.Match(match.Path, g, o) }},
	textLine:   {checkLine, func(g, o string) bool { return match.Match(match.Line, g, o) }},
	textDomain: {checkDomain, matchDomain},
	textAddr:   {checkAddr, matchAddr},
	textSocket: {checkSocket, matchSocket},
	textTool:   {checkTool, matchTool},
	textName:   {checkLine, func(g, o string) bool { return match.Match(match.Line, g, o) }},
	textFamily: {checkFamily, func(g, o string) bool { return match.Match(match.Path, familyGlob(g), "/"+o) }},
}

func checkGlob(s match.Syntax, glob string) (reason, hint string) {
	err := match.Check(s, glob)
	var ge *match.GlobError
	switch {
	case err == nil:
		return "", ""
	case errors.As(err, &ge):
		return "byte " + strconv.Itoa(ge.Offset) + ": " + ge.Reason, ge.Hint
	}
	return err.Error(), ""
}

func checkPath(glob string) (reason, hint string) {
	switch {
	case hasTilde(glob):
		return checkGlob(match.Path, "/"+glob)
	case strings.HasPrefix(glob, "~"):
		return "~user is not known", "~/ is every home; write /home/user/ for one"
	}
	return checkGlob(match.Path, glob)
}

func checkLine(glob string) (reason, hint string) { return checkGlob(match.Line, glob) }

func checkSocket(glob string) (reason, hint string) { return checkPath(socketText(glob)) }

func matchSocket(glob, object string) bool {
	return match.Match(match.Path, socketText(glob), socketText(object))
}

// socketText is a socket's name, or a glob on such names, as the table has it: one that lies in no file system, @NAME, is
// /@NAME there, so that one walk serves both kinds.
func socketText(name string) string {
	if strings.HasPrefix(name, "@") {
		return "/" + name
	}
	return name
}

// TableText is an object as the table's walk takes it (enum op in bpf/include/policy.h); ok is false for what is no object of the
// operation.
func TableText(op Op, object []byte) (text []byte, ok bool) {
	switch {
	case op == OpUnixConnect:
		return []byte(socketText(string(object))), true
	case op.ofNet():
		text, ok := netText(op, string(object))
		return []byte(text), ok
	}
	return object, true
}

// cutPort splits name:port. The port is empty where none is named.
func cutPort(s string) (host, port string) {
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

func goodPort(port string) bool { return port != "0" && number(port, 1<<16-1) }

// number reports whether s is a number of at most most, written as the kernel side writes it: no sign, no zero in front.
func number(s string, most int) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 0 && n <= most && strconv.Itoa(n) == s
}

func checkDomain(glob string) (reason, hint string) {
	host, port := cutPort(glob)
	switch {
	case strings.Contains(host, "/"):
		return "is no domain name", "names here; addresses and CIDRs go to a rule on net.addr"
	case strings.Contains(glob, ":") && !goodPort(port):
		return "port " + strconv.Quote(port) + " is not between 1 and 65535", ""
	case host == "**":
		return "", ""
	case strings.Contains(host, "**"):
		return "** stands alone or not at all", "*.example.com is any number of labels"
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(host, "."), ".") {
		if label == "" {
			return "has an empty label", ""
		}
		if i := strings.IndexFunc(label, func(r rune) bool { return !domainRune(r) }); i >= 0 {
			return "has a character that no domain name has", "write the name's xn-- form where it is not ASCII"
		}
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return "is an address", "a rule on net.addr judges addresses"
	}
	return "", ""
}

func domainRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_*", r)
}

func matchDomain(glob, object string) bool {
	_, port := cutPort(object)
	return matchName(glob, object) && (port != "" || !strings.Contains(glob, ":"))
}

// matchName is matchDomain where a name that is looked up, without a port, is meant by globs with any.
func matchName(glob, object string) bool {
	gh, gp := cutPort(strings.ToLower(glob))
	oh, op := cutPort(strings.ToLower(object))
	if gp != "" && op != "" && gp != op {
		return false
	}
	if gh == "**" {
		return true
	}
	g := strings.Split(strings.TrimSuffix(gh, "."), ".")
	o := strings.Split(strings.TrimSuffix(oh, "."), ".")
	if g[0] == "*" && len(g) > 1 && len(o) > len(g) {
		o = o[len(o)-len(g):] // a leading * is one label or more
	}
	return slices.EqualFunc(g, o, func(g, o string) bool { return match.Match(match.Line, g, o) })
}

// endpoint is CIDR[:port[/proto]]. IPv6 with a port stands in brackets. Port 0 is that of protocols without ports, and of a server
// that leaves the port to the kernel.
type endpoint struct {
	net   netip.Prefix
	port  string
	proto string
}

func parseEndpoint(s string) (endpoint, bool) {
	var e endpoint
	addr := s
	if rest, ok := strings.CutPrefix(s, "["); ok {
		inside, tail, closed := strings.Cut(rest, "]")
		if !closed {
			return e, false
		}
		addr, tail = inside, strings.TrimPrefix(tail, ":")
		e.port, e.proto, _ = strings.Cut(tail, "/")
	} else if strings.Count(s, ":") == 1 {
		host, tail, _ := strings.Cut(s, ":")
		addr = host
		e.port, e.proto, _ = strings.Cut(tail, "/")
	}
	p, err := netip.ParsePrefix(addr)
	if err != nil {
		a, err := netip.ParseAddr(addr)
		if err != nil {
			return e, false
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	e.net = p
	if name, ok := protocols[e.proto]; ok {
		e.proto = name
	}
	return e, (e.port == "" || number(e.port, 1<<16-1)) && (slices.Contains([]string{"", "tcp", "udp"}, e.proto) || number(e.proto, 1<<8-1))
}

// protocols have a name as well as IANA's number; others have their number alone, ICMP 1 and SCTP 132.
var protocols = map[string]string{"6": "tcp", "17": "udp"}

func checkAddr(glob string) (reason, hint string) {
	if glob == "**" {
		return "", ""
	}
	e, ok := parseEndpoint(glob)
	if !ok {
		return "is no CIDR, CIDR:port or CIDR:port/udp", "as 10.0.0.0/8, 10.0.0.1:443, [2001:db8::/32]:443/udp or **"
	}
	if e.net.Addr().Is4In6() {
		return "is an IPv4 network written as IPv6", "as 10.0.0.0/8: objects are never written so"
	}
	if e.net != e.net.Masked() {
		return "has bits beyond its length", "did you mean " + strconv.Quote(e.net.Masked().String()) + "?"
	}
	return "", ""
}

func matchAddr(glob, object string) bool {
	if glob == "**" {
		return true
	}
	g, ok := parseEndpoint(glob)
	o, good := parseEndpoint(object)
	return ok && good && g.net.Contains(o.net.Addr().Unmap()) && (g.port == "" || g.port == o.port) && (g.proto == "" || g.proto == o.proto)
}

// checkTool accepts Tool, Tool(spec) and mcp__server__tool, as the agents' own settings spell them.
func checkTool(glob string) (reason, hint string) {
	name, spec, has := strings.Cut(glob, "(")
	if name == "" || has && !strings.HasSuffix(spec, ")") {
		return "is no tool call", "as Bash(git push *), mcp__crm__delete_* or WebFetch(domain:example.com)"
	}
	return checkGlob(match.Line, glob)
}

func matchTool(glob, object string) bool {
	if !strings.Contains(glob, "(") {
		object, _, _ = strings.Cut(object, "(") // the tool alone means every call of it
	}
	return match.Match(match.Line, glob, object)
}
