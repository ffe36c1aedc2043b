// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/cut"
	"github.com/reeve-sensor/reeve/sensor/event"
)

type nowhere struct{ events int }

func (n *nowhere) Append(*event.Event) { n.events++ }

// Sessions that begin while the files are looked at are looked at next, from the oldest on.
func TestInheritedSocketsAreMarked(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	marked, proceed := make(chan uint64), make(chan bool)
	next := &nowhere{}
	i := newInheritor(next, func(after uint64) error {
		marked <- after
		<-proceed
		return nil
	}, slog.New(slog.DiscardHandler))
	done := make(chan bool)
	go func() {
		i.run(ctx)
		close(done)
	}()
	begin := func(id uint64, cause event.Cause) {
		i.Append(&event.Event{Kind: event.SessionStart, Cause: cause, Head: event.Head{Kind: event.SessionStart, Session: id}})
	}
	begin(7, event.CauseExec)
	if after := <-marked; after != 6 {
		t.Errorf("marked after %d, want 6", after)
	}
	begin(9, event.CauseBuild)
	begin(8, event.CauseExec)
	begin(3, event.CauseAdopt)
	proceed <- true
	if after := <-marked; after != 7 {
		t.Errorf("marked after %d, want 7: what adoption finds, it marks itself", after)
	}
	proceed <- true
	stop()
	<-done
	if next.events != 4 {
		t.Errorf("%d events were handed on, want 4", next.events)
	}
}

// A connection is ended where a packet of it was refused, and by what the record says of it alone.
func TestRefusedConnectionsAreEnded(t *testing.T) {
	flow := event.Flow{Address: netip.MustParseAddr("198.18.0.1"), Port: 443, Local: 40000, Protocol: unix.IPPROTO_TCP, Cookie: 5, Space: 6}
	datagram := flow
	datagram.Protocol = unix.IPPROTO_UDP
	refusal := event.Head{Kind: event.Network, Action: event.Deny, Flags: uint16(bpf.EventApplied), Error: -1, PID: 9}
	observed := refusal
	observed.Flags, observed.Error = 0, 0
	for name, c := range map[string]struct {
		event event.Event
		ended bool
	}{
		"refused":  {event.Event{Kind: event.Network, Head: refusal, Flow: &flow}, true},
		"observed": {event.Event{Kind: event.Network, Head: observed, Flow: &flow}, false},
		"datagram": {event.Event{Kind: event.Network, Head: refusal, Flow: &datagram}, false},
		"a-file":   {event.Event{Kind: event.Access, Head: refusal}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var got []cut.Connection
			next := &nowhere{}
			(&ender{next, func(c cut.Connection) { got = append(got, c) }}).Append(&c.event)
			if (len(got) == 1) != c.ended || next.events != 1 {
				t.Fatalf("ended %+v, handed on %d", got, next.events)
			}
			if want := (cut.Connection{Protocol: 6, Local: 40000, Port: 443, Address: flow.Address.As16(), Cookie: 5, Space: 6, PID: 9}); c.ended && got[0] != want {
				t.Errorf("%+v, want %+v", got[0], want)
			}
		})
	}
}
