// SPDX-License-Identifier: Apache-2.0

// Coverage: what the running kernel lets be held, by effect. Every operation is tried by a child of the sensor's own in a
// session that has it switched off; version numbers and the list of security modules prove nothing.

package sensor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// Coverage is how much is held.
type Coverage string

const (
	// Full: every operation of this build is refused where it is to be.
	Full Coverage = "full"
	// Network: where to is, and nothing else.
	Network Coverage = "network"
	// Observe: at least one is not; what is seen is recorded.
	Observe Coverage = "observe"
	// None: no program runs.
	None Coverage = "none"
)

// coverages begin with what holds least.
var coverages = []Coverage{None, Observe, Network, Full}

// Reaches reports whether as much is held as is required; "" requires nothing.
func (c Coverage) Reaches(required Coverage) bool {
	return slices.Index(coverages, c) >= slices.Index(coverages, required)
}

// State says what becomes of one operation.
type State string

const (
	// Held operations are refused where policy says so.
	Held State = "held"
	// Seen operations are recorded and cannot be refused.
	Seen State = "seen"
	// NotSeen operations go by.
	NotSeen State = "not seen"
)

// Effect is one row of the table of operations.
type Effect struct {
	Op     bpf.Op
	State  State
	Reason string // "" where it is held
}

// Finding is what was found, and what stood in the way of more.
type Finding struct {
	Coverage Coverage
	Form     bpf.Form
	Effects  []Effect // one for each operation, in the order of attempts
	Reason   error    // nil at Full
	Passed   error    // why forms that hold more were passed over; nil where this is the first of them
}

// attempt is one way into an operation.
type attempt struct {
	op      bpf.Op
	trial   string
	want    outcome // what the kernel answers where it holds
	program string  // without which, on kernels that have not its hook, this is no way in; "" where all have
}

var (
	noPermission = outcome{Errno: unix.EPERM}
	noAccess     = outcome{Errno: unix.EACCES}
)

// attempts are what is tried. Loading a module is not: the daemon itself has no right to. Nor are starts of connectors and
// agents, which the program decides that judges command lines. An operation with several ways in is held if all of them are.
var attempts = []attempt{
	{bpf.OpExec, "exec", noPermission, ""},
	{bpf.OpExecMap, "map", noPermission, ""},
	{bpf.OpExecMap, "mprotect", noPermission, ""},
	{bpf.OpExecArgv, "exec", outcome{Signal: unix.SIGKILL}, ""},
	{bpf.OpExecWritten, "written", noPermission, ""},
	{bpf.OpExecAnonymous, "anonymous", noPermission, ""},
	{bpf.OpFileRead, "read", noAccess, ""},
	{bpf.OpFileRead, "receive", noAccess, ""},
	{bpf.OpSkillLoad, "skill", noPermission, ""},
	{bpf.OpFileWrite, "write", noAccess, ""},
	{bpf.OpFileWrite, "truncate", noAccess, ""},
	{bpf.OpFileCreate, "create", noAccess, ""},
	{bpf.OpFileCreate, "mkfifo", noAccess, ""},
	{bpf.OpFileCreate, "mkdir", noAccess, ""},
	{bpf.OpFileCreate, "symlink", noAccess, ""},
	{bpf.OpFileCreate, "link", noAccess, ""},
	{bpf.OpFileDelete, "unlink", noAccess, ""},
	{bpf.OpFileDelete, "rmdir", noAccess, ""},
	{bpf.OpFileRename, "rename", noAccess, ""},
	{bpf.OpFileAttr, "chmod", noAccess, ""},
	{bpf.OpFileAttr, "setxattr", noAccess, ""},
	{bpf.OpFileAttr, "removexattr", noAccess, ""},
	{bpf.OpFileAttr, "setacl", noAccess, ""},
	{bpf.OpFileAttr, "removeacl", noAccess, ""},
	{bpf.OpFileAttr, "chattr", noAccess, bpf.SetFlags},
	{bpf.OpProcTrace, "trace", noAccess, ""},
	{bpf.OpProcSignal, "signal", noPermission, ""},
	{bpf.OpPrivBpf, "bpf", noPermission, ""},
	{bpf.OpNetFamily, "socket", noPermission, ""},
	{bpf.OpNetAddr, "meet", noPermission, ""},
	{bpf.OpNetAddr, "meetsix", noPermission, ""},
	{bpf.OpNetAddr, "tell", noPermission, ""},
	{bpf.OpNetDomain, "ask", noPermission, ""},
	{bpf.OpNetListen, "listen", noPermission, ""},
	{bpf.OpNetListen, "bind", noPermission, ""},
	{bpf.OpUnixConnect, "connect", noAccess, ""},
	{bpf.OpUnixConnect, "send", noAccess, ""},
}

// findTries bounds how often a canary tries anew.
const findTries = 5

// Find sums up what a canary finds held. race: where the kernel left checks out meanwhile (Skipped), what went on may be an
// accident that the next trial does not have; what holds in no trial is not held.
func (k *Kernel) Find(ctx context.Context) (Finding, error) {
	for try := 1; ; try++ {
		before, err := k.Skipped()
		if err != nil {
			return Finding{}, err
		}
		effects, err := k.Try(ctx)
		if err != nil {
			return Finding{}, err
		}
		after, err := k.Skipped()
		if err != nil {
			return Finding{}, err
		}
		if f := finding(k.Form, effects); f.Coverage == most(k.Form) || after == before || try == findTries {
			return f, nil
		}
	}
}

// Try lets a canary try every operation against the attached programs. An error says that nothing could be found out.
func (k *Kernel) Try(ctx context.Context) ([]Effect, error) {
	var effects []Effect
	var c *canary
	for _, a := range attempts {
		if c == nil {
			var err error
			if c, err = k.cage(ctx); err != nil {
				return nil, err
			}
		}
		if c.absent[a.trial] || (a.program != "" && most(k.Form) == Full && k.Program(a.program) == nil) {
			continue
		}
		e, killed, err := k.attempt(c, a)
		if err != nil {
			return nil, errors.Join(err, c.end())
		}
		effects = add(effects, e)
		if killed {
			c = nil
		}
	}
	if c == nil {
		return effects, nil
	}
	return effects, c.end()
}

// cage starts a canary, makes it a session's, and sees before that it can do everything unhindered: what fails then would
// prove nothing later.
func (k *Kernel) cage(ctx context.Context) (*canary, error) {
	c, err := startCanary(k.Cgroup)
	if err != nil {
		return nil, err
	}
	for _, a := range attempts {
		o, err := c.try(a.trial)
		if absent(o) {
			c.absent[a.trial] = true
			continue
		}
		if err != nil || o != (outcome{}) {
			return nil, errors.Join(err, fmt.Errorf("the canary cannot %s while nothing hinders it: %v", a.trial, o), c.end())
		}
	}
	c.slot, err = k.Adopt(ctx, Adoption{
		PID: uint32(c.cmd.Process.Pid), Agent: bpf.AgentCanary, Flags: bpf.SessionObserve, only: k.set().number(),
	})
	if err != nil {
		return nil, errors.Join(err, c.end())
	}
	return c, nil
}

// add keeps one effect an operation, the weakest.
func add(effects []Effect, e Effect) []Effect {
	i := slices.IndexFunc(effects, func(x Effect) bool { return x.Op == e.Op })
	if i < 0 {
		return append(effects, e)
	}
	effects[i] = weaker(effects[i], e)
	return effects
}

// attempt switches one operation off for the canary's session and lets it try. A second look kills instead of refusing:
// the canary's child, or the canary itself.
func (k *Kernel) attempt(c *canary, a attempt) (e Effect, killed bool, err error) {
	e.Op = a.op
	s, err := k.session(c.slot)
	if err != nil {
		return e, false, err
	}
	change := bpf.Change{Slot: c.slot, Generation: s.Generation, Role: bpf.KeepRole, DeniedSet: 1 << a.op, DeniedClear: ^uint64(1 << a.op)}
	if err := k.Change(change); err != nil {
		return e, false, err
	}
	got, err := c.try(a.trial)
	if err != nil {
		if !c.killed() {
			return e, false, err
		}
		got, killed = outcome{Signal: unix.SIGKILL}, true
	}
	if s, err = k.session(c.slot); err != nil {
		return e, killed, err
	}
	seen := s.Seen&(1<<a.op) != 0
	switch {
	case got == a.want, k.Form == bpf.FormTwice && got.Signal == unix.SIGKILL:
		e.State = Held
	case seen:
		e.State, e.Reason = Seen, a.trial+" went on: "+got.String()
	default:
		e.State, e.Reason = NotSeen, a.trial+" went by"
	}
	return e, killed, nil
}

func (o outcome) String() string {
	switch {
	case o.Signal != 0:
		return o.Signal.String()
	case o.Errno != 0:
		return o.Errno.Error()
	}
	return "it succeeded"
}

var order = []State{Held, Seen, NotSeen}

func weaker(a, b Effect) Effect {
	if slices.Index(order, b.State) > slices.Index(order, a.State) {
		return b
	}
	return a
}

// ErrNotHeld says that programs sit on their hooks and do not take effect for some operations.
var ErrNotHeld = errors.New("not refused when tried")

// most is what a form can hold.
func most(form bpf.Form) Coverage {
	switch form {
	case bpf.FormObserve:
		return Observe
	case bpf.FormNetwork:
		return Network
	}
	return Full
}

// destinations are what Network holds.
var destinations = []bpf.Op{bpf.OpNetDomain, bpf.OpNetAddr}

// finding sums effects up.
func finding(form bpf.Form, effects []Effect) Finding {
	f := Finding{Coverage: Full, Form: form, Effects: effects}
	var open []string
	for _, e := range effects {
		if e.State != Held {
			open = append(open, fmt.Sprintf("%s (%s)", event.Op(e.Op), e.Reason))
		}
	}
	if len(open) > 0 {
		f.Coverage, f.Reason = Observe, fmt.Errorf("%s: %w (as %s)", strings.Join(open, ", "), ErrNotHeld, form)
	}
	if form == bpf.FormNetwork && heldAll(effects, destinations) {
		f.Coverage = Network
	}
	return f
}

// heldAll reports whether each operation was tried, and is held.
func heldAll(effects []Effect, ops []bpf.Op) bool {
	return !slices.ContainsFunc(ops, func(op bpf.Op) bool {
		return !slices.ContainsFunc(effects, func(e Effect) bool { return e.Op == op && e.State == Held })
	})
}
