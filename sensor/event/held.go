// SPDX-License-Identifier: Apache-2.0

// This file is what a session had open before it was one: files that nobody judged when they were opened, and sockets.

package event

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/reeve-sensor/reeve/bpf"
)

// Socket is what user space finds out about a socket: the kernel's record has its protocol and its number only.
type Socket struct {
	Family string `json:"family"` // inet, inet6, unix
	Local  string `json:"local,omitempty"`
	Remote string `json:"remote,omitempty"`
	State  string `json:"state,omitempty"`
}

// String is the socket's two ends, as far as they are known.
func (s *Socket) String() string {
	switch {
	case s == nil:
		return ""
	case s.Remote == "":
		return s.Local
	}
	return strings.TrimSpace(s.Local + " → " + s.Remote)
}

// IsSocket reports whether an event is about an open socket.
func (e *Event) IsSocket() bool { return e.Kind == Held && e.Head.Op == Op(bpf.OpNetFamily) }

// held is the part of an event that only a held object has. A pipe is the one that the kernel has no word for.
func (e *Event) held(r *Record) {
	e.Inode, e.Device = r.Inode, r.Device
	if e.Object == "" && e.View == ViewNameless {
		e.Object = fmt.Sprintf("pipe:[%d]", r.Inode)
	}
}

// Opened is the held object in words.
func Opened(object string, s *Socket) string {
	if ends := s.String(); ends != "" {
		return object + " " + ends
	}
	return object
}

// holds is the message of a held object.
func (e *Event) holds() string {
	text := "holds open " + Opened(e.Object, e.Socket)
	if !e.Head.Action.Refuses() {
		return text + ", since before its session"
	}
	text += ", which policy refuses to it"
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// network fills in what OCSF's class of networks is about.
func (e *Event) network(o fields) {
	if e.Flow != nil {
		e.flow(o)
		return
	}
	local := fields{"uid": fmt.Sprintf("socket:[%d]", e.Inode)}
	protocol := e.Object
	if s := e.Socket; s != nil {
		endpoint(local, s.Local)
		if s.Remote != "" {
			remote := fields{}
			endpoint(remote, s.Remote)
			o["dst_endpoint"] = remote
		}
	}
	o["src_endpoint"] = local
	o["connection_info"] = fields{"protocol_name": strings.ToLower(protocol), "direction_id": 0, "direction": "Unknown"}
}

// endpoint fills in an address and port, or the name of a socket that has none.
func endpoint(o fields, address string) {
	host, port, ok := cutLast(address, ":")
	n, err := strconv.ParseUint(port, 10, 16)
	switch {
	case ok && err == nil:
		o["ip"], o["port"] = strings.Trim(host, "[]"), n
	case address != "":
		o["name"] = address
	}
}

func cutLast(s, separator string) (before, after string, ok bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}
