// SPDX-License-Identifier: Apache-2.0

package live

// Records as the rings carry them, read without the product's own decoder: the tests would share its mistakes.

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/reeve-sensor/reeve/bpf"
)

func headerOf(raw []byte) bpf.EventHeader { return as[bpf.EventHeader](raw) }

func as[T any](raw []byte) T {
	var v T
	if err := binary.Read(bytes.NewReader(raw), binary.LittleEndian, &v); err != nil {
		panic(err)
	}
	return v
}

// object is the text of an access.
func (r record) object() string {
	a := as[bpf.EventAccess](r.raw)
	text := string(r.raw[binary.Size(a):][:a.Text])
	switch bpf.Op(r.Op) {
	case bpf.OpNetFamily: // what a session held has the kernel's own name
		return strings.TrimPrefix(text, "/")
	case bpf.OpUnixConnect:
		if strings.HasPrefix(text, "/@") {
			return text[1:]
		}
	}
	return text
}

// route is a record of networks: the name that it is about, if any, and the other end.
func (r record) route() (e bpf.EventNet, name string, at netip.AddrPort) {
	e = as[bpf.EventNet](r.raw)
	name = string(r.raw[binary.Size(e):][:e.Text])
	return e, name, netip.AddrPortFrom(netip.AddrFrom16(e.Address).Unmap(), e.Port)
}

// lineOf puts a command line together from the records of one process.
func lineOf(records []record, pid uint32) (name, raw string) {
	for _, r := range records {
		if r.Pid != pid {
			continue
		}
		switch bpf.EventKind(r.Kind) {
		case bpf.KindExec:
			e := as[bpf.EventExec](r.raw)
			text := r.raw[binary.Size(e):]
			name, raw = string(text[:e.Name]), string(text[e.Name:][:e.Text])
		case bpf.KindLine:
			l := as[bpf.EventLine](r.raw)
			raw += string(r.raw[binary.Size(l):][:l.Text])
		}
	}
	return name, raw
}
