// SPDX-License-Identifier: Apache-2.0

// This file is the table of operations: what the language calls them, what their objects look like, which default
// holds for them and whether this build already refuses them in the kernel.

package enforce

// Op is an operation of the policy language. Its number is that of enum op in bpf/include/policy.h.
type Op uint8

// Operations whose objects are paths in the host's view.
const (
	OpExec Op = iota + 1
	OpExecMap
	OpExecWritten
	OpExecAnonymous
	OpFileRead
	OpFileWrite
	OpFileCreate
	OpFileDelete
	OpFileRename
	OpFileAttr
	OpProcSignal
	OpProcTrace
	OpUnixConnect
)

// OpExecArgv has command lines.
const OpExecArgv Op = 16

// Operations on networks and sockets.
const (
	OpNetDomain Op = iota + 20
	OpNetAddr
	OpNetListen
	OpNetFamily
)

// Operations that take privileges.
const (
	OpPrivSetuid Op = iota + 28
	OpPrivMount
	OpPrivUserns
	OpPrivBPF
	OpPrivModule
)

// Operations of the agents themselves.
const (
	OpConnectorStart Op = iota + 36
	OpSkillLoad
	OpAgentStart
	OpAgentRemote
	OpToolCall
)

const (
	opCount   = 48 // OPS: the length of a role's tables of defaults
	pathOps   = 16 // PATH_OPS: ids below it have host paths as objects
	netOps    = 4  // NET_OPS: from OpNetDomain on
	nameOps   = 4  // NAME_OPS: from OpConnectorStart on
	lineWords = 4  // LINE_WORDS
)

// text is the kind of an operation's object. A rule names only operations of one kind.
type text uint8

const (
	textPath   text = iota // a path in the host's view
	textLine               // a command line
	textDomain             // name or name:port
	textAddr               // CIDR, CIDR:port, CIDR:port/proto
	textSocket             // the path that a server bound, or @abstract
	textTool               // the agents' own permission grammar
	textName               // a bare name
	textFamily             // AF_PACKET, AF_INET/SOCK_RAW
)

var textNames = [...]string{"paths", "command lines", "domain names", "addresses", "socket names", "tool calls", "names", "socket families"}

func (t text) String() string { return textNames[t] }

// Class is a key of a role's defaults.
type Class string

// The classes, each with what holds where no role says otherwise. Foreign and Nameless are no operations but views:
// objects on file systems that the host has not mounted, and memfd and the like.
const (
	ClassNone      Class = ""
	ClassExec      Class = "exec"
	ClassFile      Class = "file"
	ClassNet       Class = "net"
	ClassUnix      Class = "unix"
	ClassConnector Class = "connector"
	ClassSkill     Class = "skill"
	ClassTool      Class = "tool"
	ClassForeign   Class = "foreign"
	ClassNameless  Class = "nameless"
)

var classDefaults = map[Class]Action{
	ClassExec: Allow, ClassFile: Allow, ClassNet: Deny, ClassUnix: Deny, ClassConnector: Ask, ClassSkill: Ask,
	ClassTool: Allow, ClassForeign: Allow, ClassNameless: Allow,
}

// opInfo is one row of the table. A row without a class is allowed where no rule matches: exec.map because every
// library would need a rule, exec.argv, exec.written and exec.anonymous because they are further questions about an exec
// whose default OpExec has asked already.
type opInfo struct {
	op       Op
	name     string
	text     text
	class    Class
	foreign  bool // the role's default for foreign objects answers it
	nameless bool // the role's default for nameless objects answers it; not for files, or a pipe would need a rule
	held     bool // this build's kernel programs refuse it
}

var ops = [...]opInfo{
	{OpExec, "exec", textPath, ClassExec, true, true, true},
	{OpExecMap, "exec.map", textPath, ClassNone, false, false, true},
	{OpExecArgv, "exec.argv", textLine, ClassNone, false, false, true},
	{OpExecWritten, "exec.written", textPath, ClassNone, true, true, true},
	{OpExecAnonymous, "exec.anonymous", textPath, ClassNone, true, true, true},
	{OpFileRead, "file.read", textPath, ClassFile, true, false, true},
	{OpFileWrite, "file.write", textPath, ClassFile, true, false, true},
	{OpFileCreate, "file.create", textPath, ClassFile, true, false, true},
	{OpFileDelete, "file.delete", textPath, ClassFile, true, false, true},
	{OpFileRename, "file.rename", textPath, ClassFile, true, false, true},
	{OpFileAttr, "file.attr", textPath, ClassFile, true, false, true},
	{OpNetDomain, "net.domain", textDomain, ClassNet, false, false, true},
	{OpNetAddr, "net.addr", textAddr, ClassNet, false, false, true},
	{OpNetListen, "net.listen", textAddr, ClassNet, false, false, true},
	{OpNetFamily, "net.family", textFamily, ClassNet, false, false, true},
	{OpUnixConnect, "unix.connect", textSocket, ClassUnix, false, false, true},
	{OpProcSignal, "proc.signal", textPath, ClassNone, false, false, true},
	{OpProcTrace, "proc.trace", textPath, ClassNone, false, false, true},
	{OpPrivSetuid, "priv.setuid", textName, ClassNone, false, false, false},
	{OpPrivMount, "priv.mount", textName, ClassNone, false, false, false},
	{OpPrivUserns, "priv.userns", textName, ClassNone, false, false, false},
	{OpPrivBPF, "priv.bpf", textName, ClassNone, false, false, true}, // and the next: to everybody, by guard.go
	{OpPrivModule, "priv.module", textName, ClassNone, false, false, true},
	{OpConnectorStart, "connector.start", textName, ClassConnector, false, false, true},
	{OpSkillLoad, "skill.load", textName, ClassSkill, false, false, true},
	{OpAgentStart, "agent.start", textName, ClassNone, false, false, true},
	{OpAgentRemote, "agent.remote", textName, ClassNone, false, false, false},
	{OpToolCall, "tool.call", textTool, ClassTool, false, false, false},
}

func (o Op) info() opInfo {
	for i := range ops {
		if ops[i].op == o {
			return ops[i]
		}
	}
	return opInfo{op: o, name: "?"}
}

// String is the name of o in policies, or "?" for a number that is no operation.
func (o Op) String() string { return o.info().name }

// Compiled reports whether rules on o reach the kernel's table: host paths, sockets among them, command lines, networks and the
// names of what is started do.
func (o Op) Compiled() bool { return o.walked() || o.ofName() }

// walked reports whether the objects of o are texts that the kernel walks.
func (o Op) walked() bool { return o == OpExecArgv || (o > 0 && o < pathOps) || o.ofNet() }

// ofNet reports whether the objects of o are a network's.
func (o Op) ofNet() bool { return o >= OpNetDomain && o < OpNetDomain+netOps }

// Held reports whether this build refuses o in the kernel. Rules on the others are read, checked and explained, and
// `reeve policy check` and `reeve doctor` say that nothing holds them yet.
func Held(o Op) bool { return o.info().held }

// ParseOp finds an operation by its name in policies.
func ParseOp(name string) (Op, bool) {
	for i := range ops {
		if ops[i].name == name {
			return ops[i].op, true
		}
	}
	return 0, false
}

// Ops lists every operation in the order of the design's table.
func Ops() []Op {
	all := make([]Op, len(ops))
	for i := range ops {
		all[i] = ops[i].op
	}
	return all
}
