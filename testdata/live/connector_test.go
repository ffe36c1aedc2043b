// SPDX-License-Identifier: Apache-2.0

package live

// Connectors are known by the exact command that the agent's own program executes. The agent is a copy of the guest's busybox whose
// shell forks and executes, as agents do.

import (
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
)

const (
	client = "/data/agents/busybox-client"
	server = "/data/connectors/busybox-server"
	other  = "/data/connectors/busybox-other"
)

const connectorPolicy = `
[[connector]]
name = "files"
command = ["server", "cat", "/data/secret/key"]

[[connector]]
name = "spaced"
command = ["server", "echo", "a", "b c"]

[[connector]]
name = "parent"
command = ["server", "sh", "-c", "/bin/busybox cat /data/secret/key; exit $?"]

[[connector]]
name = "script"
command = ["/data/connectors/script", "one"]

[[rule]]
id = "server-reads-no-key"
principal = "connector:files"
on = ["file.read"]
match = ["/data/secret/**"]
action = "deny"
reason = "test"

[[rule]]
id = "parent-reads-no-key"
principal = "connector:parent"
on = ["file.read"]
match = ["/data/secret/**"]
action = "deny"
reason = "test"
`

var clients = []enforce.Agent{{ID: 31, Name: "client", Exec: []string{client}}}

// connectors puts the programs in place and applies a policy.
func connectors(t *testing.T, text string) *enforce.Image {
	files(t)
	for _, path := range []string{client, server, other} {
		copyOf(t, path)
	}
	script(t, "/data/connectors/script", "#!/bin/busybox sh\n/bin/busybox sh -c 'exit 0'\n")
	im := policy(t, text, clients...)
	t.Cleanup(func() { must(t, kernel.SetCommands(nil, true)) })
	return im
}

// command is what the policy declares as name, found on disk, with what was decided about it.
type command struct {
	name    string // "": what a configuration names and nobody declares
	program string
	args    []string
	flags   bpf.StartFlag
}

// known tells the kernel of commands, and of no others.
func known(t *testing.T, im *enforce.Image, list ...command) {
	t.Helper()
	knownBeside(t, im, nil, list...)
}

// knownBeside tells it of commands that are left open too.
func knownBeside(t *testing.T, im *enforce.Image, open []sensor.Open, list ...command) {
	t.Helper()
	var all []sensor.Known
	for _, c := range list {
		all = append(all, knownCommand(t, im, c))
	}
	told := sensor.Commands(all)
	maps.Copy(told, sensor.OpenCommands(open))
	must(t, kernel.SetCommands(told, true))
}

func knownCommand(t *testing.T, im *enforce.Image, c command) sensor.Known {
	t.Helper()
	number, _ := im.NameNumber(enforce.OpConnectorStart, c.name)
	start := bpf.Start{Principal: uint16(number), Flags: uint16(c.flags)}
	if c.flags&bpf.StartPinned != 0 {
		f, err := os.Open(c.program)
		must(t, err)
		stamp, err := sensor.Stamp(f)
		must(t, err)
		must(t, f.Close())
		stamp.Principal, stamp.Flags = start.Principal, start.Flags
		start = stamp
	}
	return sensor.Known{Command: sensor.Command{User: bpf.CommandAnyone, Name: c.program, Program: c.program, Args: c.args}, Start: start}
}

var (
	filesCommand  = command{"files", server, []string{"cat", "/data/secret/key"}, bpf.StartApproved}
	spacedCommand = command{"spaced", server, []string{"echo", "a", "b c"}, bpf.StartApproved}
	parentCommand = command{"parent", server, []string{"sh", "-c", "/bin/busybox cat /data/secret/key; exit $?"}, bpf.StartApproved}
	scriptCommand = command{"script", "/data/connectors/script", []string{"one"}, bpf.StartApproved}
)

// principalsOf runs a line in the agent's own shell and gives the principals of the programs that ran, by their line.
func principalsOf(t *testing.T, im *enforce.Image, line string) (map[string]string, result) {
	t.Helper()
	out := start(t)
	out.do(act{Do: "noop"})
	stop := watch(t)
	r := out.do(act{Do: "exec", Path: client, Argv: []string{"sh", "-c", line}})
	found := map[string]string{}
	for _, rec := range stop() {
		if bpf.EventKind(rec.Kind) != bpf.KindExec {
			continue
		}
		e := as[bpf.EventExec](rec.raw)
		number, unpinned := enforce.PrincipalNumber(uint32(e.Head.Principal))
		who := im.Principals[number]
		if unpinned {
			who += "?"
		}
		name, raw := lineOf([]record{rec}, rec.Pid)
		words := strings.Split(strings.TrimSuffix(raw, "\x00"), "\x00")
		found[name+" "+strings.Join(words[1:], "|")] = who
	}
	return found, r
}

func TestConnectorIsItsCommand(t *testing.T) {
	im := connectors(t, connectorPolicy)
	known(t, im, filesCommand, spacedCommand, parentCommand, scriptCommand)
	for name, c := range map[string]struct {
		line, program, want string
	}{
		"the command":                {server + ` echo a "b c"; true`, "busybox-server echo|a|b c", "connector:spaced?"},
		"divided otherwise":          {server + ` echo "a b" c; true`, "busybox-server echo|a b|c", "agent"},
		"as three words":             {server + ` echo a b c; true`, "busybox-server echo|a|b|c", "agent"},
		"an argument more":           {server + ` echo a "b c" ""; true`, "busybox-server echo|a|b c|", "agent"},
		"an argument less":           {server + ` echo a; true`, "busybox-server echo|a", "agent"},
		"another program":            {other + ` echo a "b c"; true`, "busybox-other echo|a|b c", "agent"},
		"from a tool's shell":        {`/bin/busybox sh -c '` + server + ` echo a "b c"; true'; true`, "busybox-server echo|a|b c", "agent"},
		"a script, whatever runs it": {`/data/connectors/script one; true`, "busybox sh|-c|exit 0", "connector:script?"},
		"a script, another word":     {`/data/connectors/script two; true`, "busybox sh|-c|exit 0", "agent"},
	} {
		t.Run(name, func(t *testing.T) {
			if found, r := principalsOf(t, im, c.line); found[c.program] != c.want {
				t.Errorf("%q acts as %q, want %q (%+v, %v)", c.program, found[c.program], c.want, r, found)
			}
		})
	}
}

// argv[0] is what the agent makes of it, and another name of the program is the same program.
func TestConnectorByAnotherName(t *testing.T) {
	im := connectors(t, connectorPolicy)
	known(t, im, spacedCommand)
	must(t, os.RemoveAll("/data/connectors/busybox-link"))
	must(t, os.Symlink(server, "/data/connectors/busybox-link"))
	link := spacedCommand
	known(t, im, link, command{"", "/data/connectors/busybox-link", spacedCommand.args, 0}) // as a configuration may have it
	found, _ := principalsOf(t, im, `/data/connectors/busybox-link echo a "b c"; true`)
	if who := found["busybox-server echo|a|b c"]; who != "connector:spaced?" {
		t.Errorf("%v", found)
	}
}

// Its rules hold from its first instruction, in what it starts too, and the agent's shell is not bound by them.
func TestConnectorIsHeld(t *testing.T) {
	im := connectors(t, connectorPolicy)
	known(t, im, filesCommand, parentCommand)
	for name, c := range map[string]struct {
		line string
		held bool
	}{
		"the connector":           {server + " cat /data/secret/key; exit $?", true},
		"what it starts":          {server + " sh -c '/bin/busybox cat /data/secret/key; exit $?'; exit $?", true},
		"the agent itself":        {"/bin/busybox cat /data/secret/key; exit $?", false},
		"the command from a tool": {"/bin/busybox sh -c '" + server + " cat /data/secret/key; exit $?'; exit $?", false},
	} {
		t.Run(name, func(t *testing.T) {
			if found, r := principalsOf(t, im, c.line); (r.Status != 0) != c.held || r.Signal != 0 {
				t.Errorf("%+v, want held %t; %v", r, c.held, found)
			}
		})
	}
}

// starts runs a line in the agent's shell, and tells whether the last program was killed.
func starts(t *testing.T, line string) bool {
	t.Helper()
	r := start(t).do(act{Do: "exec", Path: client, Argv: []string{"sh", "-c", line + "; exit $?"}})
	switch {
	case r.Errno != 0 || r.Signal != 0:
		t.Fatalf("%s: %+v", line, r)
	case r.Status == 128+int(unix.SIGKILL):
		return false
	case r.Status != 0:
		t.Fatalf("%s: %+v", line, r)
	}
	return true
}

func TestConnectorStartIsJudged(t *testing.T) {
	const line = server + ` echo a "b c"`
	rule := func(action, match string) string {
		return connectorPolicy + "\n[[rule]]\nid = \"starts\"\non = [\"connector.start\"]\nmatch = [\"" + match + "\"]\naction = \"" + action + "\"\nreason = \"test\"\n"
	}
	undeclared := spacedCommand
	undeclared.name = ""
	with := func(c command, flags bpf.StartFlag) command { c.flags = flags; return c }
	for name, c := range map[string]struct {
		policy string
		known  []command
		starts bool
	}{
		"nobody knows it":                   {connectorPolicy, nil, true},
		"declared, and nobody approved it":  {connectorPolicy, []command{with(spacedCommand, 0)}, false},
		"declared and approved":             {connectorPolicy, []command{spacedCommand}, true},
		"configured alone":                  {connectorPolicy, []command{with(undeclared, 0)}, false},
		"configured and approved":           {connectorPolicy, []command{with(undeclared, bpf.StartApproved)}, true},
		"allowed by its name":               {rule("allow", "spaced"), []command{with(spacedCommand, 0)}, true},
		"allowed by its name, taken back":   {rule("allow", "spaced"), []command{with(spacedCommand, bpf.StartRevoked)}, false},
		"another one is allowed":            {rule("allow", "files"), []command{with(spacedCommand, 0)}, false},
		"another one, and it is undeclared": {rule("allow", "spaced"), []command{with(undeclared, 0)}, false},
		"denied by its name, approved":      {rule("deny", "spaced"), []command{spacedCommand}, false},
		"denied as undeclared, approved":    {rule("deny", "?"), []command{with(undeclared, bpf.StartApproved)}, false},
		"another program by its name":       {connectorPolicy, []command{{"spaced", "/data/elsewhere/busybox-server", spacedCommand.args, bpf.StartApproved}}, false},
		"other arguments":                   {connectorPolicy, []command{{"spaced", server, []string{"echo", "a"}, 0}}, true},
		"only audited":                      {rule("audit", "*"), []command{with(spacedCommand, 0)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			im := connectors(t, c.policy)
			known(t, im, c.known...)
			if got := starts(t, line); got != c.starts {
				t.Errorf("starts: %t, want %t", got, c.starts)
			}
			if !starts(t, "/bin/busybox sh -c '"+line+"'") {
				t.Error("the agent's tool is held for what looks like a connector")
			}
			if r := start(t).do(act{Do: "exec", Path: server, Argv: []string{"echo", "a", "b c"}}); r.Signal != 0 {
				t.Errorf("outside of sessions: %+v", r)
			}
		})
	}
}

// What only looks like a command with variables is a connector that nobody knows, unless it is what user space knows that an agent makes
// of it. What differs in what is certain is what any program is.
func TestConnectorWithVariablesIsJudged(t *testing.T) {
	const line = server + ` echo a "b c"`
	unknown := connectorPolicy + "\n[[rule]]\nid = \"starts\"\non = [\"connector.start\"]\nmatch = [\"?\"]\naction = \"allow\"\nreason = \"test\"\n"
	open := func(args int, fixed string, flags bpf.StartFlag) []sensor.Open {
		return []sensor.Open{{User: bpf.CommandAnyone, Name: server, Args: args, Fixed: fixed, Flags: flags}}
	}
	filled := func(flags bpf.StartFlag, args ...string) command { return command{"spaced", server, args, flags} }
	const approved, revoked = bpf.StartApproved, bpf.StartRevoked
	for name, c := range map[string]struct {
		policy string
		open   []sensor.Open
		known  []command
		starts bool
		who    string
	}{
		"its value is not known":            {connectorPolicy, open(3, "echo\x00a\x00", approved), nil, false, ""},
		"nothing before it is certain":      {connectorPolicy, open(3, "", 0), nil, false, ""},
		"the value is another one":          {connectorPolicy, open(3, "echo\x00a\x00", 0), []command{filled(approved, "echo", "a", "b")}, false, ""},
		"the value is known, and approved":  {connectorPolicy, open(3, "echo\x00a\x00b", 0), []command{filled(approved, "echo", "a", "b c")}, true, "connector:spaced?"},
		"the value is known, not approved":  {connectorPolicy, open(3, "echo\x00a\x00", 0), []command{filled(0, "echo", "a", "b c")}, false, ""},
		"whatever nobody knows is allowed":  {unknown, open(3, "echo\x00a\x00", 0), nil, true, "agent"},
		"and this one is taken back":        {unknown, open(3, "echo\x00a\x00", revoked), nil, false, ""},
		"another argument before it":        {connectorPolicy, open(3, "echo\x00b\x00", 0), nil, true, "agent"},
		"the argument begins otherwise":     {connectorPolicy, open(3, "echo\x00a\x00c", 0), nil, true, "agent"},
		"another number of arguments":       {connectorPolicy, open(4, "", 0), nil, true, "agent"},
		"another program's, with variables": {connectorPolicy, []sensor.Open{{User: bpf.CommandAnyone, Name: other, Args: 3}}, nil, true, "agent"},
	} {
		t.Run(name, func(t *testing.T) {
			im := connectors(t, c.policy)
			knownBeside(t, im, c.open, c.known...)
			want := 128 + int(unix.SIGKILL)
			if c.starts {
				want = 0
			}
			var r result
			var who string
			judged := func() bool { return r.Errno == 0 && r.Signal == 0 && r.Status == want && (!c.starts || who == c.who) }
			unlessLeftOut(t, func() bool {
				var found map[string]string
				found, r = principalsOf(t, im, line+"; exit $?")
				who = found["busybox-server echo|a|b c"]
				return judged()
			})
			if !judged() {
				t.Errorf("%+v as %q, want exit %d as %q", r, who, want, c.who)
			}
			if !starts(t, "/bin/busybox sh -c '"+line+"'") {
				t.Error("the agent's tool is held for what looks like a connector")
			}
			if r := start(t).do(act{Do: "exec", Path: server, Argv: []string{"echo", "a", "b c"}}); r.Signal != 0 {
				t.Errorf("outside of sessions: %+v", r)
			}
		})
	}
}

func TestConnectorStartIsTold(t *testing.T) {
	im := connectors(t, connectorPolicy)
	asked := spacedCommand
	asked.flags = 0
	known(t, im, asked)
	stop := watch(t)
	starts(t, server+` echo a "b c"`)
	for _, r := range stop() {
		if bpf.EventKind(r.Kind) != bpf.KindAccess || r.Op != uint16(bpf.OpConnectorStart) {
			continue
		}
		e := as[bpf.EventAccess](r.raw)
		text := string(r.raw[len(r.raw)-int(e.Text):])
		if im.NameOf(enforce.OpConnectorStart, e.Wanted) == "spaced" && text == server &&
			bpf.Action(e.Head.Action) == bpf.ActionAsk && e.Head.Error == -int32(unix.EPERM) {
			return
		}
		t.Errorf("%+v %q", e, text)
	}
	t.Error("nothing is told")
}

const principalPolicy = `
[[role]]
name = "default"
mode = "enforce"
defaults = { file = "deny" }

[[connector]]
name = "reader"
command = ["server", "cat", "/data/secret/key"]

[[rule]]
id = "all-but-secrets"
on = ["file.read", "file.write"]
match = ["/**"]
except = ["/data/secret/**"]
action = "allow"

[[rule]]
id = "reader-reads"
principal = "connector:reader"
on = ["file.read"]
match = ["/data/secret/**"]
action = "allow"
`

// Who is not known by content may do no more than the agent; who is, what its rules say, for as long as it is that content.
func TestUnpinnedMayOnlyRestrict(t *testing.T) {
	reader := func(flags bpf.StartFlag) command {
		return command{"reader", server, []string{"cat", "/data/secret/key"}, flags | bpf.StartApproved}
	}
	read := func(t *testing.T) int {
		return start(t).do(act{Do: "exec", Path: client, Argv: []string{"sh", "-c", server + " cat /data/secret/key; exit $?"}}).Status
	}
	im := connectors(t, principalPolicy)
	known(t, im, reader(0))
	if read(t) == 0 {
		t.Error("it may read what the agent may not, and nobody knows what it is")
	}
	known(t, im, reader(bpf.StartPinned))
	if status := read(t); status != 0 {
		t.Errorf("it may not read what its rule allows: exit %d", status)
	}
	f, err := os.OpenFile(server, os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	_, err = f.Write([]byte("x"))
	must(t, err)
	must(t, f.Close())
	if read(t) == 0 {
		t.Error("it may read what the agent may not, and is not what was looked at")
	}
}

// What is started by the declared command and has other content is held as what is declared, may do no more than the agent, and starts
// under nobody's name.
func TestOtherContentKeepsToTheRules(t *testing.T) {
	const line = server + " cat /data/secret/key; exit $?"
	sum := "sha256 = \"" + strings.Repeat("1", 64) + "\"\n"
	rule := func(action, match string) string {
		return "\n[[rule]]\nid = \"starts\"\non = [\"connector.start\"]\nmatch = [\"" + match + "\"]\naction = \"" + action + "\"\nreason = \"test\"\n"
	}
	with := func(policy, name string) string {
		return strings.Replace(policy, "name = \""+name+"\"\n", "name = \""+name+"\"\n"+sum, 1)
	}
	held, wider := with(connectorPolicy, "files"), with(principalPolicy, "reader")
	for name, c := range map[string]struct {
		policy, connector string
		flags             bpf.StartFlag
		starts            bool
	}{
		"approved as it is":              {held, "files", bpf.StartApproved, true},
		"nobody approved it":             {held, "files", 0, false},
		"allowed by the declared name":   {held + rule("allow", "files"), "files", 0, false},
		"allowed as what nobody knows":   {held + rule("allow", "?"), "files", 0, false},
		"allowed by both":                {held + rule("allow", "*"), "files", 0, true},
		"denied by the declared name":    {held + rule("deny", "files"), "files", bpf.StartApproved, false},
		"denied as what nobody knows":    {held + rule("deny", "?"), "files", bpf.StartApproved, false},
		"taken back":                     {held + rule("allow", "*"), "files", bpf.StartRevoked, false},
		"allowed more than the agent is": {wider, "reader", bpf.StartApproved, true},
	} {
		t.Run(name, func(t *testing.T) {
			im := connectors(t, c.policy)
			known(t, im, command{c.connector, server, []string{"cat", "/data/secret/key"}, c.flags | bpf.StartOther})
			found, r := principalsOf(t, im, line)
			killed := r.Status == 128+int(unix.SIGKILL)
			if r.Errno != 0 || r.Signal != 0 || killed == c.starts {
				t.Fatalf("%+v, want it to start: %t; %v", r, c.starts, found)
			}
			if c.starts && (r.Status == 0 || found["busybox-server cat|/data/secret/key"] != "connector:"+c.connector+"?") {
				t.Errorf("it reads what is refused, or is somebody else: %+v, %v", r, found)
			}
		})
	}
}

// What a session wrote is no connector that anybody declared.
func TestWrittenIsNoConnector(t *testing.T) {
	im := connectors(t, connectorPolicy)
	known(t, im, spacedCommand)
	if starts(t, "/bin/busybox cp "+other+" "+server+"; "+server+` echo a "b c"`) {
		t.Error("what the session wrote starts as what was approved")
	}
	copyOf(t, server)
}

// A connector that starts the agent's program has a session begin, and stays who it is.
func TestConnectorStaysItselfAsAgent(t *testing.T) {
	const line = client + " cat /data/secret/key; exit $?"
	im := connectors(t, strings.Replace(connectorPolicy, `"/bin/busybox cat /data/secret/key; exit $?"`, `"`+line+`"`, 1))
	known(t, im, command{"parent", server, []string{"sh", "-c", line}, bpf.StartApproved})
	if found, r := principalsOf(t, im, server+" sh -c '"+line+"'; exit $?"); r.Status == 0 {
		t.Errorf("the connector reads by way of the agent what its rules refuse: %v", found)
	}
	if found, r := principalsOf(t, im, "/bin/busybox sh -c '"+line+"'; exit $?"); r.Status != 0 {
		t.Errorf("what is no connector is held: %+v, %v", r, found)
	}
}

func TestAgentStartIsJudged(t *testing.T) {
	im := connectors(t, connectorPolicy+"\n[[rule]]\nid = \"no-client\"\non = [\"agent.start\"]\nmatch = [\"client\"]\naction = \"deny\"\nreason = \"test\"\n")
	out := start(t)
	out.do(act{Do: "noop"})
	stop := watch(t)
	r := out.do(act{Do: "exec", Path: client, Argv: []string{"true"}})
	if r.Signal != syscall.SIGKILL {
		t.Errorf("%+v", r)
	}
	told := slices.ContainsFunc(stop(), func(r record) bool {
		return bpf.EventKind(r.Kind) == bpf.KindAccess && r.Op == uint16(bpf.OpAgentStart) && r.Error == -int32(unix.EPERM) &&
			im.NameOf(enforce.OpAgentStart, as[bpf.EventAccess](r.raw).Wanted) == "client"
	})
	if !told {
		t.Error("nothing is told")
	}
	connectors(t, connectorPolicy)
	if r := out.do(act{Do: "exec", Path: client, Argv: []string{"true"}}); r.Signal != 0 || r.Errno != 0 {
		t.Errorf("without the rule: %+v", r)
	}
}

// What people decided about an agent holds for whom they decided it, and nobody's word stands over what policy denies.
func TestAgentIsDecidedAbout(t *testing.T) {
	const alice, bob = 1000, 1001
	rule := func(action string) string {
		return "\n[[rule]]\nid = \"client-starts\"\non = [\"agent.start\"]\nmatch = [\"client\"]\naction = \"" + action + "\"\nreason = \"test\"\n"
	}
	decided := func(uid uint32, flags bpf.StartFlag) sensor.Decisions {
		return sensor.Decisions{{Uid: uid, Agent: clients[0].ID}: flags}
	}
	t.Cleanup(func() { must(t, kernel.SetDecided(nil, true)) })
	for name, c := range map[string]struct {
		policy     string
		decided    sensor.Decisions
		alice, bob bool // starts
	}{
		"nobody decided, and nothing is asked":   {"", nil, true, true},
		"one person's is taken back":             {"", decided(alice, bpf.StartRevoked), false, true},
		"taken back, though a rule allows it":    {rule("allow"), decided(alice, bpf.StartRevoked), false, true},
		"everybody's is taken back":              {"", decided(bpf.CommandAnyone, bpf.StartRevoked), false, false},
		"asked for":                              {rule("ask"), nil, false, false},
		"asked for, and one person's approved":   {rule("ask"), decided(alice, bpf.StartApproved), true, false},
		"asked for, and everybody's approved":    {rule("ask"), decided(bpf.CommandAnyone, bpf.StartApproved), true, true},
		"everybody's approved, not one person's": {rule("ask"), sensor.Decisions{{Uid: bpf.CommandAnyone, Agent: clients[0].ID}: bpf.StartApproved, {Uid: bob, Agent: clients[0].ID}: 0}, true, false},
		"another agent is approved":              {rule("ask"), sensor.Decisions{{Uid: alice, Agent: clients[0].ID + 1}: bpf.StartApproved}, false, false},
		"denied, and approved":                   {rule("deny"), decided(bpf.CommandAnyone, bpf.StartApproved), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			connectors(t, connectorPolicy+c.policy)
			must(t, kernel.SetDecided(c.decided, true))
			for uid, starts := range map[uint32]bool{alice: c.alice, bob: c.bob} {
				r := start(t).do(act{Do: "exec", Path: client, Argv: []string{"true"}, User: uid})
				if r.Errno != 0 || r.Signal == syscall.SIGKILL == starts || starts && r.Status != 0 {
					t.Errorf("of %d: %+v, want it to start: %t", uid, r, starts)
				}
				if r := start(t).do(act{Do: "exec", Path: other, Argv: []string{"true"}, User: uid}); r.Signal != 0 || r.Errno != 0 || r.Status != 0 {
					t.Errorf("a bystander of %d: %+v", uid, r)
				}
			}
		})
	}
}
