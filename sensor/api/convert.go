// SPDX-License-Identifier: Apache-2.0

// This file turns what the sensor knows into what the sockets say.

package api

import (
	"time"

	"github.com/reeve-sensor/reeve/bpf"
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

// contained names the switches that are thrown.
func contained(x *session.Session) (names []string) {
	for _, s := range []struct {
		bit  bpf.SessionSwitch
		name string
	}{{bpf.SwitchFreeze, "frozen"}, {bpf.SwitchIsolate, "isolated"}, {bpf.SwitchDenyAll, "denied"}, {bpf.SwitchKill, "killed"}} {
		if x.Switches&uint32(s.bit) != 0 {
			names = append(names, s.name)
		}
	}
	return names
}

func (s *server) info(x *session.Session) *pb.SessionInfo {
	info := &pb.SessionInfo{
		Id: s.Boot.ID(x.ID), Agent: "unknown", Title: "unknown agent", Version: x.Version, User: s.Table.User(x.User()), Uid: x.User(),
		Role: s.Policies.RoleName(x.Role), Parent: s.Boot.ID(x.Parent), Conversation: x.Conversation, Cause: x.Cause.String(),
		BeganMs: millis(x.Began), EndedMs: millis(x.Ended), Pid: x.Root.PID, Cwd: x.Cwd, Processes: uint32(x.Living()),
		Actions: actions(x.Counts), Refused: x.Refused, Partial: x.Partial, Forgotten: x.Forgotten, Tty: x.TTY, Program: x.Program,
		Entrypoint: x.Entrypoint, Contained: contained(x),
	}
	if a := s.Catalogue.ByID(x.Agent); a != nil {
		info.Agent, info.Title, info.Observed = a.Name, a.Title, a.Observe
	}
	return info
}

func (s *server) event(e *event.Event, ocsf bool) *pb.Event {
	out := &pb.Event{
		Seq: e.Seq, TimeUs: e.Time.UnixMicro(), Kind: e.Kind.String(), Session: e.Session, Agent: e.Agent, User: e.User,
		Role: e.Role, Principal: e.Principal, Pid: e.Head.PID, Comm: e.Head.Comm, Op: e.Op, Object: object(e),
		Rule: e.Rule, Place: e.Place, Reason: e.Reason, Command: e.Command, Path: e.Path, Parent: e.Parent, Status: e.Status,
		Message: e.Message(), Notable: e.Notable(), Severity: e.Severity, Relief: e.Head.Relieved(),
		Network: network(e),
	}
	switch e.Kind {
	case event.Access, event.Exec, event.Held, event.Network:
		out.Action, out.Applied = e.Head.Action.String(), e.Head.Applied()
	case event.SessionStart:
		out.Cause = e.Cause.String()
	case event.Notice:
		out.Notice, out.By = e.Said.Name, e.Said.By.String()
	}
	if !ocsf {
		return out
	}
	if raw, err := e.OCSF(s.Host); err == nil {
		out.Ocsf = string(raw)
	}
	return out
}
