// SPDX-License-Identifier: Apache-2.0

// This file is what goes over a network, as it was judged: a connection, a packet, a question for a name, a server that begins.
// Objects are spelt as policies spell them, so that what an event says can be asked of `reeve policy explain`.

package event

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/reeve-sensor/reeve/bpf"
)

// Flow is where somebody in a session wanted to go, or where they wanted to answer.
type Flow struct {
	Address  netip.Addr // of the other end; of this one where it listens
	Port     uint16     // of that end; 0 where there is none, and of a server whose port the kernel chooses
	Local    uint16     // port of this end; 0 where it has none yet
	Protocol uint32     // IPPROTO_..., IANA's number
	Domain   string     // the name that is asked for or that led there; "" where there is none
	Reason   NetReason
	Detail   uint32 // of the reason, or the type that a question is for
	Cookie   uint64 // of the socket, never given out twice within a boot
	Space    uint32 // inode of the network namespace
	Question bool   // a name is looked up; nothing is connected
}

// NetReason says why a network's answer is not what the rules alone say.
type NetReason uint32

var (
	opNetDomain = Op(bpf.OpNetDomain)
	opNetAddr   = Op(bpf.OpNetAddr)
	opNetListen = Op(bpf.OpNetListen)
)

func (r *Record) flow(raw []byte) error {
	e, tail, err := view[bpf.EventNet](raw)
	if err != nil {
		return err
	}
	domain, err := text(tail, uint64(e.Text))
	r.Repeats = e.Repeats
	r.Label[0] = e.Label
	r.Flow = Flow{
		Address: netip.AddrFrom16(e.Address).Unmap(), Port: e.Port, Local: e.Local, Protocol: e.Protocol, Domain: string(domain),
		Reason: NetReason(e.Reason), Detail: e.Detail, Cookie: e.Cookie, Space: e.Space,
		Question: r.Flags&uint16(bpf.EventQuestion) != 0,
	}
	return err
}

// flows is the part of an event that only networks have.
func (e *Event) flows(r *Record) {
	f := r.Flow
	e.Op, e.Repeats, e.Flow = r.Op.String(), r.Repeats, &f
	e.Object = f.object(r.Op)
}

// object is what was judged, as policies spell it. What has no name is told by its address.
func (f *Flow) object(op Op) string {
	switch {
	case op != opNetDomain || f.Domain == "":
		return f.Endpoint()
	case f.Question || f.Port == 0:
		return f.Domain
	}
	return f.Domain + ":" + strconv.Itoa(int(f.Port))
}

// Endpoint is 203.0.113.7:443/tcp or [2001:db8::1]:443/udp. A protocol that is neither has its number.
func (f *Flow) Endpoint() string {
	return netip.AddrPortFrom(f.Address, f.Port).String() + "/" + f.ProtocolName()
}

var protocolNames = map[uint32]string{6: "tcp", 17: "udp"}

// ProtocolName is tcp, udp, or the number of another protocol.
func (f *Flow) ProtocolName() string {
	if name, ok := protocolNames[f.Protocol]; ok {
		return name
	}
	return strconv.FormatUint(uint64(f.Protocol), 10)
}

// IsQuestion reports whether the event is about a name that is looked up.
func (e *Event) IsQuestion() bool { return e.Flow != nil && e.Flow.Question }

// ByPolicy reports whether a rule or a default of the policy decided; else the reason did, whatever policy says.
func (e *Event) ByPolicy() bool {
	if e.Flow == nil {
		return true
	}
	by := e.Flow.Reason.row().by
	return by == always || by == forAddresses && e.Head.Op == opNetAddr
}

// Reached reports whether an address was judged that a name had led to: only rules that refuse it speak of it then, no default.
func (e *Event) Reached() bool {
	f := e.Flow
	return f != nil && f.Domain != "" && e.Head.Op == opNetAddr && f.Reason == NetReason(bpf.NetByRule)
}

// Where is what an event's object does not say: the other end of a name, the name of an address, what a question is for.
func (e *Event) Where() string {
	f := e.Flow
	switch {
	case f == nil:
		return ""
	case e.IsQuestion() && e.Object == f.Domain:
		return fmt.Sprintf("(%s) of %s", orElse(f.DetailName(e.Head.Op), "?"), f.Endpoint())
	case e.Object != f.Endpoint():
		return "at " + f.Endpoint()
	case f.Domain != "":
		return "for " + f.Domain
	}
	return ""
}

// flowActivity is OCSF's class and activity: a question, a server, a connection that came about or did not.
func (e *Event) flowActivity() activity {
	switch {
	case e.IsQuestion():
		return activity{classDNS, 1, "Query"}
	case e.Head.Op == opNetListen:
		return activity{classNetwork, 7, "Listen"}
	case e.Refused():
		return activity{classNetwork, 5, "Refuse"}
	}
	return activity{classNetwork, 1, "Open"}
}

// flow fills in what OCSF's classes of networks are about.
func (e *Event) flow(o fields) {
	f := e.Flow
	server, direction := fields{"ip": f.Address.String(), "port": f.Port}, 2
	if f.Domain != "" && !e.IsQuestion() {
		server["hostname"] = f.Domain
	}
	o["dst_endpoint"] = server
	switch {
	case e.Head.Op == opNetListen:
		direction = 1 // who connects is not known
	case f.Local != 0:
		o["src_endpoint"] = fields{"port": f.Local}
	}
	o["connection_info"] = fields{
		"uid": strconv.FormatUint(f.Cookie, 10), "protocol_num": f.Protocol, "protocol_name": f.ProtocolName(),
		"protocol_ver_id": f.version(), "protocol_ver": fmt.Sprintf("Internet Protocol version %d (IPv%[1]d)", f.version()),
		"direction_id": direction, "direction": []string{"", "Inbound", "Outbound"}[direction],
	}
	if e.IsQuestion() {
		o["query"] = fields{"hostname": orUnknown(f.Domain), "class": "IN"}
		if kind := f.DetailName(e.Head.Op); f.detailKind() == detailType {
			o["query"].(fields)["type"] = kind
		}
	}
}

func (f *Flow) version() int {
	if f.Address.Is4() {
		return 4
	}
	return 6
}

// reeve is what OCSF has no place for of a network.
func (f *Flow) reeve(op Op) fields {
	o := fields{
		"address": f.Address.String(), "port": f.Port, "protocol": f.ProtocolName(), "reason": f.Reason.String(),
		"socket": strconv.FormatUint(f.Cookie, 10), "namespace": f.Space,
	}
	for key, value := range map[string]string{"domain": f.Domain, "detail": f.DetailName(op), "why": f.Why(op)} {
		if value != "" {
			o[key] = value
		}
	}
	if f.Local != 0 {
		o["local_port"] = f.Local
	}
	return o
}

// redacted is a copy without secrets: a name is a text that a session chooses.
func (f *Flow) redacted() *Flow {
	clean := *f
	clean.Domain = Redact(strings.Clone(f.Domain))
	return &clean
}
