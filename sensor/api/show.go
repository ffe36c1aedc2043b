// SPDX-License-Identifier: Apache-2.0

// This file lays a session out: its processes as one tree with those of its child sessions, and what was open before it.

package api

import (
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/session"
)

// drawing is a session's tree in the making. A child session's stands where the process is that began it.
type drawing struct {
	s     *server
	table *session.Table
	out   []*pb.Process
}

// processes lists the processes of a session and of all that began inside of it, in the tree's order.
func (s *server) processes(t *session.Table, x *session.Session) []*pb.Process {
	d := &drawing{s: s, table: t}
	d.session(x, 0)
	return d.out
}

func (d *drawing) session(x *session.Session, depth uint32) {
	inside := map[session.Key][]*session.Session{}
	for _, c := range d.table.Children(x.ID) {
		if c.ID > x.ID { // none is older than what it began in
			inside[c.Root] = append(inside[c.Root], c)
		}
	}
	for _, n := range x.Tree() {
		d.process(x, n, inside, depth)
	}
	for _, c := range d.table.Children(x.ID) {
		if inside[c.Root] != nil { // the process that it began in is no longer held
			d.session(c, depth+1)
		}
	}
}

// process draws one process. One that did nothing but begin a child session is drawn there only.
func (d *drawing) process(x *session.Session, n *session.Node, inside map[session.Key][]*session.Session, depth uint32) {
	began := inside[n.Key]
	delete(inside, n.Key)
	if len(began) == 0 || n.Execs > 0 || len(n.Children) > 0 {
		d.out = append(d.out, d.s.process(x, n, depth))
		depth++
	}
	for _, c := range began {
		d.session(c, depth)
	}
	for _, c := range n.Children {
		d.process(x, c, inside, depth)
	}
}

func (s *server) process(x *session.Session, n *session.Node, depth uint32) *pb.Process {
	return &pb.Process{
		Pid: n.PID, Started: n.Started, ParentPid: n.Parent.PID, ParentStarted: n.Parent.Started, Comm: n.Comm, Path: n.Path,
		Line: n.Line, Command: n.Command, Cwd: n.Cwd, BeganMs: millis(n.Began), EndedMs: millis(n.Ended), Status: n.Status,
		Actions: actions(n.Counts), Depth: depth, Session: s.Boot.ID(x.ID), Principal: n.Principal,
	}
}

// held adds what a session had open before it was one.
func (s *server) held(reply *pb.SessionReply, x *session.Session) {
	reply.HeldUnlisted += x.HeldUnlisted
	for _, h := range x.Held() {
		out := &pb.Held{
			Session: s.Boot.ID(x.ID), Pid: h.Process.PID, Comm: h.Comm, Processes: uint32(h.Processes), Op: h.Op, Object: h.Object,
			View: h.View.String(), Action: h.Action.String(), Refused: h.Action.Refuses(), Rule: h.Rule, Place: h.Place, Reason: h.Reason,
		}
		if h.Socket != nil {
			out.Family, out.Local, out.Remote, out.State = h.Socket.Family, h.Socket.Local, h.Socket.Remote, h.Socket.State
		}
		reply.Held = append(reply.Held, out)
	}
}

// object is what an event is about, in one text.
func object(e *event.Event) string { return event.Opened(e.Object, e.Socket) }
