// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/netip"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
)

func TestWhyTellsOfNetworks(t *testing.T) {
	f := serve(t, 0)
	e := event.Single(&event.Record{
		Head: event.Head{Kind: event.Network, Op: event.Op(bpf.OpNetAddr), Session: 1, PID: 1, Started: 1, Action: event.Deny, Flags: uint16(bpf.EventApplied)},
		Flow: event.Flow{Address: netip.MustParseAddr("203.0.113.7"), Port: 443, Local: 40000, Protocol: 17, Cookie: 9, Space: 8, Reason: event.NetReason(bpf.NetQUIC)},
	})
	e.Time, e.Session = at(20), "3f2a-1"
	f.store.Append(e)
	r, err := f.dial(t, Admin).Why(context.Background(), &pb.WhyRequest{Session: "3f2a-1"})
	if err != nil || len(r.Refusals) != 1 {
		t.Fatalf("%v, %v", r, err)
	}
	got := r.Refusals[0]
	if n := got.Network; got.Kind != "network" || got.Object != "203.0.113.7:443/udp" || !got.Applied || got.Action != "deny" || n.GetReason() != "quic" ||
		n.Why == "" || n.Address != "203.0.113.7" || n.Port != 443 || n.LocalPort != 40000 || n.Protocol != "udp" || n.Socket != 9 || n.Namespace != 8 {
		t.Errorf("%v", got)
	}
	stream, err := f.dial(t, Admin).Events(context.Background(), &pb.EventsRequest{Kinds: []string{"network"}})
	if err != nil {
		t.Fatal(err)
	}
	if reply, err := stream.Recv(); err != nil || reply.Event.Network.GetWhy() == "" {
		t.Errorf("%v, %v", reply, err)
	}
}
