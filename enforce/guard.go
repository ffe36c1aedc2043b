// SPDX-License-Identifier: Apache-2.0

// This file is what no policy can take away: rules that keep sessions, root's too, from the sensor that watches them. They hold
// in every role, in observe mode and under break-glass.

package enforce

import (
	"slices"
	"strings"
)

// guardPrefix begins the ids of these rules, and of no other.
const guardPrefix = "guard-"

// GuardTerminal names the one that stands in no policy, since its object has no name: nobody types into a terminal but people.
const GuardTerminal = guardPrefix + "terminal"

// Where Reeve lives as it is packaged. What a configuration moves elsewhere comes by Options.Own.
var (
	ownFolders  = []string{"/etc/reeve", "/var/lib/reeve", "/run/reeve", "/sys/fs/bpf/reeve"}
	ownPrograms = []string{"/usr/bin/{reeve,reeved}", "/usr/sbin/reeved", "/usr/local/bin/{reeve,reeved}", "/usr/lib/reeve/**",
		"/{etc,run,usr/lib}/systemd/system/reeved.service", "/{etc,run,usr/lib}/systemd/system/reeved.service.*/**"}
	ownProcesses = []string{"/usr/{bin,sbin,local/bin}/reeved", "/usr/lib/reeve/**"}
	// Ways past every other check: memory, the kernel's tracing, its emergency keys.
	waysIn = []string{"/dev/{mem,kmem,port}", "/proc/{kcore,sysrq-trigger}", "/sys/kernel/{tracing,debug}/**"}
)

var (
	changing = []Op{OpFileWrite, OpFileCreate, OpFileDelete, OpFileRename, OpFileAttr}
	touching = append([]Op{OpFileRead}, changing...)
)

// guardRules are the rules that every policy ends with.
func guardRules(o Options) []Rule {
	var folders []string
	for _, f := range slices.Concat(ownFolders, o.Own) {
		if glob := quoteGlob(f) + "/**"; strings.HasPrefix(f, "/") && !slices.Contains(folders, glob) {
			folders = append(folders, glob)
		}
	}
	rules := []Rule{
		{ID: "state", On: touching, Match: folders, Reason: "Reeve's configuration, state and pins"},
		{ID: "programs", On: changing, Match: slices.Concat(ownPrograms, waysIn),
			Reason: "Reeve's own programs, and the ways into the kernel"},
		{ID: "sockets", On: []Op{OpUnixConnect}, Match: folders, Except: sessionSockets(folders),
			Reason: "Reeve's sockets are for people; session.sock is for sessions"},
		{ID: "processes", On: []Op{OpProcSignal, OpProcTrace}, Match: ownProcesses, Reason: "Reeve's own processes"},
		{ID: "kernel", On: []Op{OpPrivBPF, OpPrivModule}, Match: []string{"*"}, Reason: "programs and modules in the kernel could blind the sensor"},
	}
	for i := range rules {
		rules[i].Action, rules[i].Severity, rules[i].Tags = Deny, "critical", []string{"T1562.001"}
	}
	rules = append(rules, Rule{ID: "asking", On: []Op{OpUnixConnect}, Match: sessionSockets(folders), Action: Allow,
		Reason: "whoever was refused may ask why"})
	for i := range rules {
		rules[i].ID, rules[i].Place = guardPrefix+rules[i].ID, builtIn
	}
	return rules
}

var builtIn = Place{File: "built-in"}

// sessionSockets is the one socket in a folder that sessions may reach.
func sessionSockets(folders []string) []string {
	var out []string
	for _, f := range folders {
		out = append(out, strings.TrimSuffix(f, "**")+"session.sock")
	}
	return out
}

// Guard is the rule that guards Reeve from an operation on an object, which may have no name, "": nil where none does.
func (p *Policy) Guard(op Op, object string, homes []string) *Rule {
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Guards() && slices.Contains(r.On, op) && (object == "" || p.matches(r, object, homes) != "") {
			return r
		}
	}
	return nil
}

// Guards reports whether the rule refuses whatever the policy says.
func (r *Rule) Guards() bool { return r.Place == builtIn && r.Action.Refuses() }
