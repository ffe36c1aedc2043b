// SPDX-License-Identifier: Apache-2.0

// This file holds the words for the kernel's numbers: kinds of records, actions, and operations as policies spell them.

package event

import (
	"slices"

	"github.com/reeve-sensor/reeve/bpf"
)

// Kind says what happened.
type Kind uint16

// The kinds that reach users. A command line's further pieces are joined before.
const (
	SessionStart = Kind(bpf.KindSessionStart)
	SessionClaim = Kind(bpf.KindSessionClaim)
	SessionEnd   = Kind(bpf.KindSessionEnd)
	Access       = Kind(bpf.KindAccess)
	Exec         = Kind(bpf.KindExec)
	Fork         = Kind(bpf.KindFork)
	Exit         = Kind(bpf.KindExit)
	Held         = Kind(bpf.KindHeld)
	Present      = Kind(bpf.KindPresent)
	Network      = Kind(bpf.KindNet)
	Derived      = Kind(bpf.KindDerived)

	kindLine = Kind(bpf.KindLine)
)

var kindNames = map[Kind]string{
	SessionStart: "session.start", SessionClaim: "session.claim", SessionEnd: "session.end",
	Access: "access", Exec: "exec", Fork: "fork", Exit: "exit", Held: "held", Present: "present", Notice: "notice",
	Network: "network", Derived: "agent-derived",
}

func (k Kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return "?"
}

// ParseKind finds a kind by its name.
func ParseKind(name string) (Kind, bool) {
	for k, n := range kindNames {
		if n == name {
			return k, true
		}
	}
	return 0, false
}

// Action is what a rule or a default decided, strictest first.
type Action uint8

// The actions, with the kernel's numbers.
const (
	Kill  = Action(bpf.ActionKill)
	Deny  = Action(bpf.ActionDeny)
	Ask   = Action(bpf.ActionAsk)
	Audit = Action(bpf.ActionAudit)
	Allow = Action(bpf.ActionAllow)
)

// Actions are the names of actions, strictest first.
var Actions = [bpf.Actions]string{"kill", "deny", "ask", "audit", "allow"}

func (a Action) String() string {
	if int(a) < len(Actions) {
		return Actions[a]
	}
	return "?"
}

// Refuses reports whether a stops the act where the session is enforced.
func (a Action) Refuses() bool { return a <= Ask }

// Op is an operation of the policy language.
type Op uint16

// The operations that readers of events tell apart.
const (
	OpExec     = Op(bpf.OpExec)
	OpExecMap  = Op(bpf.OpExecMap)
	OpExecArgv = Op(bpf.OpExecArgv)
)

var opNames = map[Op]string{
	Op(bpf.OpExec): "exec", Op(bpf.OpExecMap): "exec.map", Op(bpf.OpExecWritten): "exec.written",
	Op(bpf.OpExecAnonymous): "exec.anonymous", Op(bpf.OpExecArgv): "exec.argv",
	Op(bpf.OpFileRead): "file.read", Op(bpf.OpFileWrite): "file.write", Op(bpf.OpFileCreate): "file.create",
	Op(bpf.OpFileDelete): "file.delete", Op(bpf.OpFileRename): "file.rename", Op(bpf.OpFileAttr): "file.attr",
	Op(bpf.OpProcSignal): "proc.signal", Op(bpf.OpProcTrace): "proc.trace",
	Op(bpf.OpNetDomain): "net.domain", Op(bpf.OpNetAddr): "net.addr", Op(bpf.OpNetListen): "net.listen",
	Op(bpf.OpNetFamily): "net.family", Op(bpf.OpUnixConnect): "unix.connect",
	Op(bpf.OpPrivSetuid): "priv.setuid", Op(bpf.OpPrivMount): "priv.mount", Op(bpf.OpPrivUserns): "priv.userns",
	Op(bpf.OpPrivBpf): "priv.bpf", Op(bpf.OpPrivModule): "priv.module",
	Op(bpf.OpConnectorStart): "connector.start", Op(bpf.OpSkillLoad): "skill.load",
	Op(bpf.OpAgentStart): "agent.start", Op(bpf.OpAgentRemote): "agent.remote", Op(bpf.OpToolCall): "tool.call",
}

func (o Op) String() string {
	if name, ok := opNames[o]; ok {
		return name
	}
	return "?"
}

// View says how an object was named.
type View uint8

// The views, with the kernel's numbers.
const (
	ViewHost     = View(bpf.ViewHost)
	ViewForeign  = View(bpf.ViewForeign)
	ViewNameless = View(bpf.ViewNameless)
	ViewRefused  = View(bpf.ViewRefused)
)

var viewNames = []string{"host", "foreign", "nameless", "refused"}

func (v View) String() string {
	if int(v) < len(viewNames) {
		return viewNames[v]
	}
	return "?"
}

var causeNames = []string{"exec", "adopt", "seed", "build"}

// Cause says how a session came to be.
type Cause uint32

// The causes, with the kernel's numbers.
const (
	CauseExec  = Cause(bpf.CauseExec)
	CauseAdopt = Cause(bpf.CauseAdopt)
	CauseSeed  = Cause(bpf.CauseSeed)
	CauseBuild = Cause(bpf.CauseBuild)
)

// AtExec reports whether the session began within an exec: by its file's name, or by its build.
func (c Cause) AtExec() bool { return c == CauseExec || c == CauseBuild }

func (c Cause) String() string {
	if int(c) < len(causeNames) {
		return causeNames[c]
	}
	return "?"
}

// KindNames lists the kinds in alphabetical order, for help texts.
func KindNames() []string {
	names := make([]string, 0, len(kindNames))
	for _, n := range kindNames {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
