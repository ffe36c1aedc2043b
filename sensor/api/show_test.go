// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"fmt"
	"strings"
	"testing"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// forked is the record of a new process; its start is its pid.
func forked(id uint64, pid, parent uint32) *event.Event {
	return &event.Event{Kind: event.Fork, Time: at(int(pid)), ParentPID: parent, ParentStarted: uint64(parent),
		Head: event.Head{Kind: event.Fork, Session: id, PID: pid, Started: uint64(pid), Action: event.Allow, Comm: "x"}}
}

func executed(id uint64, pid uint32, line string) *event.Event {
	return &event.Event{Kind: event.Exec, Time: at(int(pid)), Object: line,
		Head: event.Head{Kind: event.Exec, Session: id, PID: pid, Started: uint64(pid), Action: event.Allow}}
}

func began(id, parent uint64, pid uint32) *event.Event {
	e := begin(id, parent, 0)
	e.Head.PID, e.Head.Started = pid, uint64(pid)
	return e
}

func drawn(list []*pb.Process) []string {
	var lines []string
	for _, p := range list {
		lines = append(lines, fmt.Sprintf("%s%s %d %s", strings.Repeat("  ", int(p.Depth)), p.Session, p.Pid, p.Line))
	}
	return lines
}

func TestChildSessionsStandWhereTheyBegan(t *testing.T) {
	f := serve(t, 0)
	for _, e := range []*event.Event{
		began(10, 0, 20), executed(10, 20, "agent"),
		forked(10, 21, 20), executed(10, 21, "bash"), // stays itself, then becomes the second agent
		forked(10, 22, 20), // becomes the first agent at once
		began(11, 10, 22), executed(11, 22, "first"), forked(11, 23, 22), executed(11, 23, "tool"),
		began(12, 10, 21), executed(12, 21, "second"),
		began(13, 11, 24), executed(13, 24, "deep"), // whose fork was lost
		forked(10, 25, 20), executed(10, 25, "last"),
	} {
		f.table.Apply(e)
	}
	reply, err := f.dial(t, Admin).Session(context.Background(), &pb.SessionRequest{Id: "3f2a-a"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"3f2a-a 20 agent",
		"  3f2a-a 21 bash",
		"    3f2a-c 21 second",
		"  3f2a-b 22 first",
		"    3f2a-b 23 tool",
		"    3f2a-d 24 deep",
		"  3f2a-a 25 last",
	}
	if got := drawn(reply.Processes); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("drawn:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSessionShowsWhatIsHeld(t *testing.T) {
	f := serve(t, 0)
	holds := func(op, object string, a event.Action) *event.Event {
		return &event.Event{Kind: event.Held, Time: at(1), Op: op, Object: object, View: event.ViewHost, Inode: uint64(len(object)),
			Head: event.Head{Kind: event.Held, Session: 1, PID: 1, Started: 1, Action: a, Comm: "agent"}}
	}
	secret := holds("file.read", "/secret", event.Deny)
	secret.Rule, secret.Reason, secret.Place = "secrets", "no", "p.toml:3"
	socket := holds("net.family", "TCP", event.Allow)
	socket.Socket = &event.Socket{Family: "inet", Local: "127.0.0.1:1", Remote: "127.0.0.1:2", State: "ESTABLISHED"}
	for _, e := range []*event.Event{secret, socket} {
		f.table.Apply(e)
		f.store.Append(e)
	}
	c := f.dial(t, Admin)
	reply, err := c.Session(context.Background(), &pb.SessionRequest{Id: "3f2a-1"})
	if err != nil {
		t.Fatal(err)
	}
	if len(reply.Held) != 2 || !reply.Held[0].Refused || reply.Held[0].Rule != "secrets" || reply.Held[0].Place != "p.toml:3" ||
		reply.Held[1].Refused || reply.Held[1].Remote != "127.0.0.1:2" || reply.HeldUnlisted != 0 {
		t.Errorf("held: %v", reply.Held)
	}
	for _, e := range reply.Timeline {
		if e.Kind == "held" {
			t.Errorf("the timeline tells it again: %v", e)
		}
	}
	stream, err := c.Events(context.Background(), &pb.EventsRequest{Kinds: []string{"held"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/secret deny", "TCP 127.0.0.1:1 → 127.0.0.1:2 allow"} {
		r, err := stream.Recv()
		if err != nil || r.Event.Object+" "+r.Event.Action != want || r.Event.Applied {
			t.Errorf("event %v, %v, want %s", r, err, want)
		}
	}
}
