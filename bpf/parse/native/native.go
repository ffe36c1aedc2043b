// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

//go:build cgo

package native

/*
#cgo CFLAGS: -I${SRCDIR}/../../include -I${SRCDIR}/../../fuzz -O2 -Wall -Wextra -Wno-unused-function -Werror
#include "feed.h"

static void native_dns(void *dns, const u8 *message, u32 size, void *addresses)
{
	struct dns *d = dns;

	feed_dns(d, message, size);
	for (u32 i = 0; i < d->count; i++)
		if (d->records[i].chain)
			dns_address(&d->records[i], message, (u8 *)addresses + i * 16);
}

static u32 native_hello(void *hello, const u8 *bytes, u32 size, int begin)
{
	if (begin)
		tls_begin(hello);
	return feed_hello(hello, bytes, size);
}

static u32 native_request(void *request, const u8 *bytes, u32 size, int begin)
{
	if (begin)
		http_begin(request);
	return feed_http(request, bytes, size);
}

static u32 native_stream(void *stream, const u8 *bytes, u32 size, int begin)
{
	if (begin)
		dns_stream_begin(stream);
	return feed_stream(stream, bytes, size);
}

static u32 native_class(const u8 *address)
{
	return address_class(address);
}
*/
import "C"

import (
	"unsafe"

	"github.com/reeve-sensor/reeve/bpf/parse"
)

// User runs the parsers in user space; it has the methods of parse.Kernel, and no errors.
type User struct{}

// bytes is C's view of data, whose first byte must be there.
func bytes(data []byte) (*C.u8, C.u32) {
	return (*C.u8)(unsafe.Pointer(unsafe.SliceData(data))), C.u32(len(data))
}

func flag(begin bool) C.int {
	if begin {
		return 1
	}
	return 0
}

// DNS judges one message.
func (User) DNS(message []byte) (*parse.DNS, error) {
	d := new(parse.DNS)
	state, addresses := d.Pointer()
	text, size := bytes(message)
	C.native_dns(state, text, size, addresses)
	return d, nil
}

// Hello takes bytes of a connection into h.
func (User) Hello(h *parse.Hello, data []byte, begin bool) (int, error) {
	text, size := bytes(data)
	return int(C.native_hello(h.Pointer(), text, size, flag(begin))), nil
}

// Request takes bytes of a connection into r, up to the end of a head.
func (User) Request(r *parse.Request, data []byte, begin bool) (int, error) {
	text, size := bytes(data)
	return int(C.native_request(r.Pointer(), text, size, flag(begin))), nil
}

// Stream takes bytes of DNS over TCP into s, up to the end of a message.
func (User) Stream(s *parse.Stream, data []byte, begin bool) (int, error) {
	text, size := bytes(data)
	return int(C.native_stream(s.Pointer(), text, size, flag(begin))), nil
}

// Class tells what kind of place the address is.
func (User) Class(address [16]byte) (string, error) {
	text, _ := bytes(address[:])
	return parse.ClassName(uint32(C.native_class(text))), nil
}
