// SPDX-License-Identifier: Apache-2.0

// This file turns what the sensor knows into what the sockets say.

package api

import (
	"time"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/session"
)

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func actions(counts [len(event.Actions)]uint64) map[string]uint64 {
	out := map[string]uint64{}
	for i, n := range counts {
		if n > 0 {
			out[event.Actions[i]] = n
		}
	}
	return out
}

func (s *server) info(x *session.Session) *pb.SessionInfo {
	info := &pb.SessionInfo{
		Id: s.Boot.ID(x.ID), Agent: "unknown", Title: "unknown agent", Version: x.Version, User: s.Table.User(x.User()), Uid: x.User(),
		Role: s.Policies.RoleName(x.Role), Parent: s.Boot.ID(x.Parent), Conversation: x.Conversation, Cause: x.Cause.String(),
		BeganMs: millis(x.Began), EndedMs: millis(x.Ended), Pid: x.Root.PID, Cwd: x.Cwd, Processes: uint32(x.Living()),
		Actions: actions(x.Counts), Refused: x.Refused, Partial: x.Partial, Forgotten: x.Forgotten, Tty: x.TTY, Program: x.Program,
		Entrypoint: x.Entrypoint,
	}
	if a := s.Catalogue.ByID(x.Agent); a != nil {
		info.Agent, info.Title, info.Observed = a.Name, a.Title, a.Observe
	}
	return info
}

// flatten lists a session's processes in the order of their trees.
func (s *server) flatten(out []*pb.Process, x *session.Session, nodes []*session.Node, depth uint32) []*pb.Process {
	for _, n := range nodes {
		out = append(out, &pb.Process{
			Pid: n.PID, Started: n.Started, ParentPid: n.Parent.PID, ParentStarted: n.Parent.Started, Comm: n.Comm, Path: n.Path,
			Line: n.Line, Command: n.Command, Cwd: n.Cwd, BeganMs: millis(n.Began), EndedMs: millis(n.Ended), Status: n.Status,
			Actions: actions(n.Counts), Depth: depth, Session: s.Boot.ID(x.ID),
		})
		out = s.flatten(out, x, n.Children, depth+1)
	}
	return out
}

func (s *server) event(e *event.Event, ocsf bool) *pb.Event {
	out := &pb.Event{
		Seq: e.Seq, TimeUs: e.Time.UnixMicro(), Kind: e.Kind.String(), Session: e.Session, Agent: e.Agent, User: e.User,
		Role: e.Role, Principal: e.Principal, Pid: e.Head.PID, Comm: e.Head.Comm, Op: e.Op, Object: e.Object,
		Rule: e.Rule, Place: e.Place, Reason: e.Reason, Command: e.Command, Path: e.Path, Parent: e.Parent, Status: e.Status,
		Message: e.Message(), Notable: e.Notable(),
	}
	switch e.Kind {
	case event.Access, event.Exec:
		out.Action, out.Applied = e.Head.Action.String(), e.Head.Applied()
	case event.SessionStart:
		out.Cause = e.Cause.String()
	}
	if !ocsf {
		return out
	}
	if raw, err := e.OCSF(s.Host); err == nil {
		out.Ocsf = string(raw)
	}
	return out
}
