// SPDX-License-Identifier: Apache-2.0

// This file has the words for what networks are refused for besides rules: each of the kernel's reasons, what it means, and what
// whoever is refused can do. A test compares the tables with the headers.

package event

import (
	"fmt"

	"github.com/reeve-sensor/reeve/bpf"
)

// by says whether policy decided.
type by int

const (
	never        by = iota // whatever policy says
	always                 // a rule, or a default
	forAddresses           // where the address was asked for in the name's place
)

// detailOf says what the detail of a reason is a number of.
type detailOf int

const (
	detailNone detailOf = iota
	detailType          // of a DNS record
	detailHello
	detailRequest
	detailQuestion
)

// netReason is a row of the table of reasons.
type netReason struct {
	name   string // for programs; never changes
	by     by
	detail detailOf
	why    string // "" where the rule says it all
	advice string // what to do
}

var netReasons = [...]netReason{
	bpf.NetByRule: {name: "rule", by: always},
	bpf.NetNoName: {name: "no-name", by: always,
		why:    "no answer gave a name for the address, so it is judged by its number",
		advice: "ask for it by name, or have an administrator allow the address"},
	bpf.NetOtherName: {name: "other-name", by: always,
		why:    "the name that the connection asks for is none that an answer gave for the address",
		advice: "look the name up before connecting, and connect to an address of the answer; a client that keeps answers of its own has to be started anew"},
	bpf.NetHello: {name: "hello", by: forAddresses, detail: detailHello,
		why:    "the TLS hello names no server that can be judged",
		advice: "use a client that sends the server's name (SNI), or have an administrator allow the address"},
	bpf.NetRequest: {name: "request", by: forAddresses, detail: detailRequest,
		why:    "the HTTP request names no host that can be judged",
		advice: "send plain HTTP/1.1 with one Host, that of the name which was looked up, or use TLS"},
	bpf.NetQuestion: {name: "question", detail: detailQuestion,
		why:    "what goes to port 53 is no plain question for a name",
		advice: "look names up as the system does (getaddrinfo); nothing else may go to port 53"},
	bpf.NetRecordType: {name: "record-type", detail: detailType,
		why:    "records of this type can carry anything, only addresses (A, AAAA) may be asked for",
		advice: "ask for A or AAAA; most clients do so by themselves"},
	bpf.NetResolver: {name: "resolver", by: always, detail: detailType,
		why:    "the question goes to somebody who is no resolver of this machine, so the address is judged by its number",
		advice: "use the resolvers of this machine (/etc/resolv.conf)"},
	bpf.NetQUIC: {name: "quic",
		why:    "QUIC hides the name that it asks for",
		advice: "nothing: the client falls back to TCP by itself; HTTP/3 can be switched off where it does not"},
	bpf.NetOptions: {name: "options",
		why:    "the packet has IP options, or a header behind the first",
		advice: "send it without"},
	bpf.NetUnread: {name: "unread",
		why:    "what the connection sends could not be read, or not in its order",
		advice: "connect anew"},
	bpf.NetPort53: {name: "port-53",
		why:    "a session may not answer names itself",
		advice: "listen at another port"},
}

// detailNames are the parsers' reasons, by their numbers: why a hello, a request or a question cannot be judged.
var detailNames = map[detailOf][]string{
	detailHello: {
		"", "a record that does not carry a hello on", "a handshake that begins with something else", "a hello that is too long",
		"a length that does not agree with those around it", "an extension that comes twice", "not exactly one server name",
		"a server name that is no domain name", "an address as the server name", "an inner hello of ECH by itself",
		"something behind the hello", "a second hello that asks for something else",
	},
	detailRequest: {
		"", "a head that is too long", "CONNECT", "a target of no known form", "HTTP/0.9", "HTTP/2", "a version that is neither 1.0 nor 1.1",
		"a CR or LF by itself", "a folded line", "a malformed field", "no Host", "a field that comes twice", "a Host that is none",
		"a target that names another host", "a Content-Length that is no number", "a Transfer-Encoding that cannot be followed",
		"a malformed chunk",
	},
	detailQuestion: {
		"", "a message that ends early", "a label of an unknown type", "a pointer that leads forward", "a name that is too long",
		"a record with data of a wrong size", "bytes behind the message", "not exactly one question", "a compressed question",
		"a byte that no host's name has", "a class that is not IN", "an operation that is not QUERY", "a message that is too costly to read",
	},
}

// recordTypes are DNS types by IANA's numbers, as far as they are met; others are written as RFC 3597, section 5, has it.
var recordTypes = map[uint32]string{
	1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 17: "RP", 24: "SIG", 25: "KEY", 28: "AAAA",
	29: "LOC", 33: "SRV", 35: "NAPTR", 39: "DNAME", 41: "OPT", 43: "DS", 44: "SSHFP", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 50: "NSEC3",
	52: "TLSA", 61: "OPENPGPKEY", 64: "SVCB", 65: "HTTPS", 99: "SPF", 251: "IXFR", 252: "AXFR", 255: "ANY", 256: "URI", 257: "CAA",
}

// unknownReason is the row of what a newer kernel side may say.
var unknownReason = netReason{name: "unknown", why: "for a reason that this version does not know"}

func (r NetReason) row() netReason {
	if int64(r) < int64(len(netReasons)) {
		return netReasons[r]
	}
	return unknownReason
}

// String is the reason in one word, for programs.
func (r NetReason) String() string { return r.row().name }

func (f *Flow) detailKind() detailOf {
	if kind := f.Reason.row().detail; kind != detailNone || !f.Question {
		return kind
	}
	return detailType
}

// DetailName is the reason's own number in words; "" where it says nothing.
func (f *Flow) DetailName(op Op) string {
	kind := f.detailKind()
	names := detailNames[kind]
	switch {
	case kind == detailNone:
		return ""
	case kind == detailType && recordTypes[f.Detail] != "":
		return recordTypes[f.Detail]
	case kind == detailType:
		return fmt.Sprintf("TYPE%d", f.Detail)
	case int64(f.Detail) < int64(len(names)):
		return names[f.Detail]
	}
	return fmt.Sprint(f.Detail)
}

// Why is what decided beside the rules, in one sentence; "" where nothing did.
func (f *Flow) Why(op Op) string {
	why, kind := f.Reason.row().why, f.detailKind()
	if detail := f.DetailName(op); why != "" && detail != "" && kind != detailType {
		return why + ": " + detail
	}
	return why
}

// Why is what decided beside the rule of an event, in one sentence; "" where nothing did. A switch asks for no reason.
func (e *Event) Why() string {
	if e.Flow == nil || e.Head.Switched() || e.Head.Action == Allow {
		return ""
	}
	return e.Flow.Why(e.Head.Op)
}

// Advice is what whoever was refused can do, where the reason says it.
func (e *Event) Advice() string {
	if e.Why() == "" {
		return ""
	}
	return e.Flow.Reason.row().advice
}
