// SPDX-License-Identifier: Apache-2.0

package actor

// The names of the test network, and what a resolver says of them.

import (
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// The zone: what is asked for, and what is answered. @ is a further name.
var zone = map[string][]string{
	"www.allowed.test":    {"198.18.0.3", "2001:2:0:1::3"},
	"echo.allowed.test":   {"198.18.0.3"},
	"chain.allowed.test":  {"@one.elsewhere.test", "@two.elsewhere.test", "198.18.0.4"},
	"long.allowed.test":   {"198.18.0.5"}, // by TCP alone
	"exact.test":          {"198.18.0.6"},
	"files.test":          {"198.18.0.7"},
	"rebind.allowed.test": {PrivateAt, "127.0.0.1", MetadataAt, "fd00::1", "::1", "::ffff:127.0.0.1"},
	unanswered:            nil,
}

// Where the resolver is, and who is not to be reached by what it says.
const (
	ResolverAt = "198.18.0.2"
	DNSPort    = 53
	PrivateAt  = "10.9.9.9"
	MetadataAt = "169.254.169.254"
)

const (
	onlyByTCP  = "long.allowed.test"
	unanswered = "silent.allowed.test"
)

// Answer is what the zone says. A name that it has not leads to 198.18.0.8.
func Answer(q []byte, byTCP bool) []byte {
	var asked dnsmessage.Message
	if err := asked.Unpack(q); err != nil || len(asked.Questions) == 0 {
		return []byte("this is no question")
	}
	one := asked.Questions[0]
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: asked.ID, Response: true, RecursionAvailable: true}, Questions: asked.Questions}
	name := strings.ToLower(strings.TrimSuffix(one.Name.String(), "."))
	if name == unanswered {
		return nil
	}
	if name == onlyByTCP && !byTCP {
		m.Truncated = true
		return packed(m)
	}
	list, ok := zone[name]
	if !ok {
		list = []string{"198.18.0.8"}
	}
	owner := one.Name
	for _, text := range list {
		head := dnsmessage.ResourceHeader{Name: owner, Class: dnsmessage.ClassINET, TTL: 60}
		if next, ok := strings.CutPrefix(text, "@"); ok {
			owner = dnsmessage.MustNewName(next + ".")
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.CNAMEResource{CNAME: owner}})
			continue
		}
		switch a := netip.MustParseAddr(text); {
		case a.Is4() && one.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: a.As4()}})
		case a.Is6() && one.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	return packed(m)
}

func packed(m dnsmessage.Message) []byte {
	text, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return text
}
