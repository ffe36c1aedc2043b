// SPDX-License-Identifier: Apache-2.0

// This file reads the kernel's records. It is the only place that looks at bytes as structs: lengths are checked, one
// view is taken, everything is copied out.

package event

import (
	"bytes"
	"errors"
	"fmt"
	"unsafe"

	"github.com/reeve-sensor/reeve/bpf"
)

// ErrRecord says that bytes are no record of this ABI.
var ErrRecord = errors.New("not a record")

// Head is who acted and what was decided, from the kernel's own state at the moment of the act.
type Head struct {
	Kind      Kind
	Op        Op
	Time      uint64 // since boot, ns
	Session   uint64
	Started   uint64 // of the process; with PID it names a process for ever
	PID       uint32
	TID       uint32
	UID       uint32
	Agent     uint32
	Slot      uint16
	Principal uint16
	Role      uint16
	Taints    uint16
	Action    Action
	View      View
	Flags     uint16
	Error     int32
	Policy    uint64
	Comm      string
}

// Applied reports whether the action was carried out; it is not where the session is only observed.
func (h *Head) Applied() bool { return h.Flags&uint16(bpf.EventApplied) != 0 }

// Own says whether the agent's own program acted, or, of an exec, is what was executed.
func (h *Head) Own() bool { return h.Flags&uint16(bpf.EventAgent) != 0 }

// ByAgent says whether the agent's own program executed the one that acts.
func (h *Head) ByAgent() bool { return h.Flags&uint16(bpf.EventByAgent) != 0 }

// Unpinned reports whether what the principal runs is not known by its content: it may do what the agent may do too, and no more.
func (h *Head) Unpinned() bool { return h.Principal&uint16(bpf.PrincipalUnpinned) != 0 }

// Relieved reports whether an administrator let pass for a time what policy refuses.
func (h *Head) Relieved() bool { return h.Flags&uint16(bpf.EventRelief) != 0 }

// Moved reports whether an object was refused a new name, which would not hold what its own does (Op is file.rename), or
// below which it could bring what may not be written there (Op is file.write; Object is the new name).
func (h *Head) Moved() bool { return h.Flags&uint16(bpf.EventMove) != 0 }

// Switched reports whether a switch of the session refused it, whatever policy says.
func (h *Head) Switched() bool { return h.Flags&uint16(bpf.EventSwitch) != 0 }

// Guarded reports whether what guards the sensor itself refused it, whatever policy says. Object may be empty.
func (h *Head) Guarded() bool { return h.Flags&uint16(bpf.EventGuard) != 0 }

// Copied reports whether the object was judged by the name of a program whose bytes it has. The record has both names.
func (h *Head) Copied() bool { return h.Flags&uint16(bpf.EventCopy) != 0 }

// Record is one record of a ring, owned. Which fields beside Head mean something depends on the kind.
type Record struct {
	Head
	At uint64 // where it ends in the ring of verdicts; 0 of another

	Label      [bpf.LabelWords]uint64 // Access, Exec; Network: its first word
	Inode      uint64                 // Access, Derived
	Device     uint32                 // Access, Derived
	Generation uint32                 // Access, Derived
	Wanted     uint32                 // Access
	Repeats    uint64                 // Access, Network, Derived: acts like it by its process that were not recorded, since the last that was
	Text       []byte                 // Access, Derived: the object; Exec and lines: raw argv

	Name    string // Exec: last component of the object
	Length  uint64 // Exec: of the whole argv
	Argc    uint32 // Exec
	Skipped uint32 // Exec: arguments before the first that was judged
	Offset  uint64 // line: of this piece
	Last    bool   // line

	ParentPID     uint32 // Fork
	ParentStarted uint64 // Fork
	Status        int32  // Exit: as wait(2) gives it

	Parent   uint64 // SessionStart: session id
	LoginUID uint32 // SessionStart
	Cause    Cause  // SessionStart

	Flow Flow // Network

	Derivation Derivation // Derived

	Refused uint64 // SessionEnd: acts that were stopped in it
	Folded  uint64 // SessionEnd: acts that no record of their own tells
}

// view is raw as a T. raw must be at least as long and aligned to 8, as ring entries are; a copy is taken where it is not.
func view[T any](raw []byte) (*T, []byte, error) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	if len(raw) < size {
		return nil, nil, fmt.Errorf("%w: %d bytes of %d", ErrRecord, len(raw), size)
	}
	if uintptr(unsafe.Pointer(unsafe.SliceData(raw)))%unsafe.Alignof(zero) != 0 {
		raw = append(make([]byte, 0, len(raw)+8), raw...)
	}
	return (*T)(unsafe.Pointer(unsafe.SliceData(raw))), raw[size:], nil
}

// Decode reads one entry of a ring.
func Decode(raw []byte) (Record, error) {
	var r Record
	h, _, err := view[bpf.EventHeader](raw)
	if err != nil {
		return r, err
	}
	if int64(h.Size) != int64(len(raw)) {
		return r, fmt.Errorf("%w: says %d bytes, has %d", ErrRecord, h.Size, len(raw))
	}
	r.Head = head(h)
	switch r.Kind {
	case SessionStart, SessionClaim, SessionEnd:
		err = r.session(raw)
	case Access, Held:
		err = r.access(raw)
	case Network:
		err = r.flow(raw)
	case Derived:
		err = r.derived(raw)
	case Exec:
		err = r.exec(raw)
	case kindLine:
		err = r.line(raw)
	case Fork, Exit, Present:
		err = r.process(raw)
	default:
		err = fmt.Errorf("%w: kind %d", ErrRecord, r.Kind)
	}
	return r, err
}

func head(h *bpf.EventHeader) Head {
	comm, _, _ := bytes.Cut(h.Comm[:], []byte{0})
	return Head{
		Kind: Kind(h.Kind), Op: Op(h.Op), Time: h.Time, Session: h.Session, Started: h.Started,
		PID: h.Pid, TID: h.Tid, UID: h.Uid, Agent: h.Agent,
		Slot: h.Slot, Principal: h.Principal, Role: h.Role, Taints: h.Taints,
		Action: Action(h.Action), View: View(h.View), Flags: h.Flags, Error: h.Error,
		Policy: h.Policy, Comm: string(comm),
	}
}

func (r *Record) session(raw []byte) error {
	e, _, err := view[bpf.EventSession](raw)
	if err != nil {
		return err
	}
	r.Parent, r.LoginUID, r.Cause = e.Parent, e.Loginuid, Cause(e.Cause)
	r.Refused, r.Folded = e.Refused, e.Folded
	return nil
}

func (r *Record) access(raw []byte) error {
	e, tail, err := view[bpf.EventAccess](raw)
	if err != nil {
		return err
	}
	r.Label, r.Inode, r.Device, r.Generation, r.Wanted = e.Label, e.Inode, e.Device, e.InodeGeneration, e.Wanted
	r.Repeats = e.Repeats
	r.Text, err = text(tail, uint64(e.Text))
	r.Text = spoken(r.Op, r.Text)
	return err
}

// spoken is an object as people write it, of how the table spells it: enum op in bpf/include/policy.h.
func spoken(op Op, text []byte) []byte {
	switch {
	case op == Op(bpf.OpUnixConnect) && bytes.HasPrefix(text, []byte("/@")), op == Op(bpf.OpNetFamily) && bytes.HasPrefix(text, []byte("/")):
		return text[1:]
	}
	return text
}

func (r *Record) exec(raw []byte) error {
	e, tail, err := view[bpf.EventExec](raw)
	if err != nil {
		return err
	}
	r.Label, r.Length, r.Argc, r.Skipped = e.Label, e.Length, e.Argc, e.Skipped
	name, err := text(tail, uint64(e.Name))
	if err != nil {
		return err
	}
	r.Name = string(name)
	r.Text, err = text(tail[len(name):], uint64(e.Text))
	return err
}

func (r *Record) line(raw []byte) error {
	e, tail, err := view[bpf.EventLine](raw)
	if err != nil {
		return err
	}
	r.Offset, r.Last = e.Offset, e.Last != 0
	r.Text, err = text(tail, uint64(e.Text))
	return err
}

func (r *Record) process(raw []byte) error {
	e, _, err := view[bpf.EventProcess](raw)
	if err != nil {
		return err
	}
	r.ParentPID, r.ParentStarted, r.Status = e.ParentPid, e.ParentStarted, e.Status
	return nil
}

func text(tail []byte, size uint64) ([]byte, error) {
	if size > uint64(len(tail)) {
		return nil, fmt.Errorf("%w: %d bytes of text, has %d", ErrRecord, size, len(tail))
	}
	return bytes.Clone(tail[:size]), nil
}
