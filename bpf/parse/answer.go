// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

package parse

import (
	"encoding/binary"
	"net/netip"
	"unsafe"
)

// DNS is what was found in a message.
type DNS struct {
	parseDns
	addresses [64][16]byte
}

// Hello is where a TLS connection is.
type Hello struct{ parseTlsHello }

// Request is where an HTTP/1 connection is.
type Request struct{ parseHttp }

// Stream is where a connection of DNS over TCP is.
type Stream struct{ parseDnsStream }

// Learned is an address of the name that a message asks for.
type Learned struct {
	Address netip.Addr
	TTL     uint32 // seconds, the smallest of the way
	Chain   int    // 1: the question's name has it; one more for each CNAME between
}

// Pointer is where user space's parser has the state, and where addresses go.
func (d *DNS) Pointer() (state, addresses unsafe.Pointer) {
	return unsafe.Pointer(&d.parseDns), unsafe.Pointer(&d.addresses)
}

// Pointer is where user space's parser has its state.
func (h *Hello) Pointer() unsafe.Pointer { return unsafe.Pointer(&h.parseTlsHello) }

// Pointer is where user space's parser has its state.
func (r *Request) Pointer() unsafe.Pointer { return unsafe.Pointer(&r.parseHttp) }

// Pointer is where user space's parser has its state.
func (s *Stream) Pointer() unsafe.Pointer { return unsafe.Pointer(&s.parseDnsStream) }

// name is the text of a domain, whole or not.
func (d *parseDomain) name() string { return string(d.Text[:min(d.Length, uint32(len(d.Text)))]) }

// Question is the name that the message asks for, without a dot at its end.
func (d *DNS) Question() string { return d.Name.name() }

// Has tells whether a flag is set: "answer", "truncated", "plain" or "cut".
func (d *DNS) Has(flag string) bool { return d.Flags&dnsFlags[flag] != 0 }

// Learned lists the addresses that the message gives the name that it asks for.
func (d *DNS) Learned() []Learned {
	var all []Learned
	for i, r := range d.Records[:min(d.Count, uint32(len(d.Records)))] {
		if r.Chain != 0 {
			all = append(all, Learned{netip.AddrFrom16(d.addresses[i]).Unmap(), r.Ttl, int(r.Chain)})
		}
	}
	return all
}

// Name is the server's name, once the hello is named.
func (h *Hello) Name() string { return h.parseTlsHello.Name.name() }

// Has tells whether a flag is set: "ech", "early" or "second".
func (h *Hello) Has(flag string) bool { return h.Flags&helloFlags[flag] != 0 }

// Over tells whether nothing that follows is looked at.
func (h *Hello) Over() bool { return h.parseTlsHello.Over != 0 }

// Host is the name or address that the request asks for, once its head is over.
func (r *Request) Host() string {
	if parseAuthorityKind(r.parseHttp.Host.Kind) == parseAuthorityKindAUTHORITY_ADDRESS {
		return netip.AddrFrom16(r.parseHttp.Host.Address).String()
	}
	return r.parseHttp.Host.Name.name()
}

// Port is that of the Host, 0 where it has none.
func (r *Request) Port() int { return int(r.parseHttp.Host.Port) }

// Method is the request's, as it is spelled.
func (r *Request) Method() string {
	text := binary.LittleEndian.AppendUint64(nil, r.parseHttp.Method[0])
	text = binary.LittleEndian.AppendUint64(text, r.parseHttp.Method[1])
	for len(text) > 0 && text[len(text)-1] == 0 {
		text = text[:len(text)-1]
	}
	return string(text)
}

// Message is the one that is whole, nil as long as none is.
func (s *Stream) Message() []byte {
	if parseDnsStreamResult(s.Result) != parseDnsStreamResultDNS_STREAM_MESSAGE {
		return nil
	}
	return s.Text[:s.Size]
}
