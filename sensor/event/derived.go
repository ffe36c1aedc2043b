// SPDX-License-Identifier: Apache-2.0

// This file is what a session brought about and somebody else ran: what it wrote, executed, mapped, or read as a program by an
// interpreter; and what a server executed that it had just spoken with. The event is the session's, for that is who answers for it; who
// ran it is the process of the event.

package event

import (
	"fmt"

	"github.com/reeve-sensor/reeve/bpf"
)

// Derivation is what is said of a file that a session brought about that somebody else runs.
type Derivation struct {
	By     uint64 // session that runs it; 0 outside of all
	Within string // the same, as users spell it; "" outside of all
	Since  uint64 // since boot, ns: when the session first opened it for writing, or spoke with the server; 0 where that is not known
	Server uint32 // process that the session spoke with, and whose child or grandchild runs it; 0 where the session wrote it
	Reader string // the program that reads it as a program; "" where the kernel executes or maps it
	Why    string // what makes that reading a run: "start-up file of a shell"
}

func (r *Record) derived(raw []byte) error {
	e, tail, err := view[bpf.EventDerived](raw)
	if err != nil {
		return err
	}
	r.Derivation = Derivation{By: e.By, Since: e.Since, Server: e.Server}
	r.Inode, r.Device, r.Generation, r.Repeats = e.Inode, e.Device, e.InodeGeneration, e.Repeats
	r.Text, err = text(tail, uint64(e.Text))
	return err
}

// derives is the part of an event that only such a run has.
func (e *Event) derives(r *Record) {
	d := r.Derivation
	e.Op, e.Object, e.Repeats, e.Derivation = r.Op.String(), string(r.Text), r.Repeats, &d
	e.Inode, e.Device = r.Inode, r.Device
}

// Sourced is a file that a session wrote and that somebody else read as a program, as user space found it out.
type Sourced struct {
	Session   uint64 // that wrote
	Principal uint16 // likewise
	By        uint64 // that reads; 0 outside of all
	Object    string // the file
	Reader    string // the program that reads it
	Why       string
	PID       uint32
	Started   uint64 // since boot, ns
	UID       uint32
	Comm      string
}

// NewSourced makes the event of a file that was read as a program. at is the moment on the kernel's clock.
func NewSourced(s *Sourced, at uint64) *Event {
	op := Op(bpf.OpFileRead)
	return &Event{
		Kind: Derived, Op: op.String(), Object: s.Object, View: ViewHost,
		Head: Head{
			Kind: Derived, Op: op, Time: at, Session: s.Session, Started: s.Started, PID: s.PID, TID: s.PID, UID: s.UID,
			Principal: s.Principal, Action: Allow, View: ViewHost, Comm: s.Comm,
		},
		Derivation: &Derivation{By: s.By, Reader: s.Reader, Why: s.Why},
	}
}

// derivation is what is said of such a run; nothing where the event is none.
func (e *Event) derivation() Derivation {
	if e.Derivation == nil {
		return Derivation{}
	}
	return *e.Derivation
}

var derivedVerbs = map[Op]string{
	OpExec: "executes", OpExecMap: "maps the code of", Op(bpf.OpFileRead): "runs", Op(bpf.OpUnixConnect): "executes",
}

// runs is the message of a file that somebody else runs.
func (e *Event) runs() string {
	d := e.derivation()
	who := fmt.Sprintf("%s of %s (%d)", orElse(e.Head.Comm, "a process"), orElse(e.User, fmt.Sprint(e.Head.UID)), e.Head.PID)
	if d.Within != "" {
		who += ", in session " + d.Within + ","
	}
	text := fmt.Sprintf("%s %s %s, ", who, orElse(derivedVerbs[e.Head.Op], "runs"), orElse(e.Object, "a file without a name"))
	if d.Server != 0 {
		text += fmt.Sprintf("started by process %d, with which session %s had just spoken", d.Server, e.Session)
	} else {
		text += fmt.Sprintf("which session %s wrote", e.Session)
	}
	if d.Why != "" {
		text += ": " + d.Why
	}
	if e.Repeats > 0 {
		text += fmt.Sprintf(" (%d times)", 1+e.Repeats)
	}
	return text
}

// reeve is what OCSF has no place for of such a run.
func (d *Derivation) reeve() fields {
	o := fields{}
	for key, value := range map[string]string{"by_session": d.Within, "reader": d.Reader, "why": d.Why} {
		if value != "" {
			o[key] = value
		}
	}
	if d.Server != 0 {
		o["server_pid"] = d.Server
	}
	return o
}

// Weigh says how severe it is that somebody of a user runs what a session of an author wrote. That other users do, root among them, is
// how an agent's work would reach beyond the rights that it was given.
func (e *Event) Weigh(author uint32, known bool) {
	switch d := e.derivation(); {
	case known && e.Head.UID != author:
		e.Severity = "high"
	case d.Reader != "":
		e.Severity = "medium" // nobody meant to run anything
	default:
		e.Severity = "low" // people run what they had built
	}
}

// finding fills in what OCSF's class of findings is about.
func (e *Event) finding(h Host, o fields) {
	o["finding_info"] = fields{
		"uid": fmt.Sprintf("agent-derived@%s:%s", orElse(e.Session, h.Name), e.Object), "title": e.Kind.String(), "desc": e.runs(),
	}
	o["resources"] = []fields{{"type": "file", "name": e.Object}, e.resource(h)}
	o["status_id"], o["status"] = 1, "New"
}
