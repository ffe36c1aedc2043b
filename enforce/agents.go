// SPDX-License-Identifier: Apache-2.0

// The catalogue of agents as rows of the kernel's table. An agent has one for what is executed; one that is a script has a
// second for the names that an interpreter may be given, and all interpreters share one that is no agent.

package enforce

import (
	"fmt"
	"slices"

	"github.com/reeve-sensor/reeve/enforce/match"
)

// Agent is one entry of the catalogue, as the kernel needs it.
type Agent struct {
	ID           uint32
	Name         string   // as rules on agent.start have it
	Host         bool     // only contains: the agents that it starts are child sessions
	Observe      bool     // sessions begin in observe mode, whatever the role says
	Relaunch     bool     // starts itself once more as its child, which goes on with the session
	Exec         []string // globs of its executables; ~ is every home
	Scripts      []string // of further names by which an interpreter is given its script
	Interpreters []string // of programs that may run it
}

// agentRow is a row: what it is, and which paths it means.
type agentRow struct {
	id, flags uint32
	globs     []string
}

// rowsOf are the rows of a catalogue: agents first, in order, since of several that match the first holds.
func rowsOf(agents []Agent) []agentRow {
	var rows, scripts []agentRow
	interpreters := agentRow{flags: agentInterpreter}
	for _, a := range agents {
		rows = append(rows, agentRow{a.ID, a.flags(), a.Exec})
		if len(a.Scripts) > 0 {
			scripts = append(scripts, agentRow{a.ID, a.flags() | agentScript, a.Scripts})
		}
		for _, g := range a.Interpreters {
			if !slices.Contains(interpreters.globs, g) {
				interpreters.globs = append(interpreters.globs, g)
			}
		}
	}
	rows = append(rows, scripts...)
	if len(interpreters.globs) > 0 {
		rows = append(rows, interpreters)
	}
	return rows
}

func (a *Agent) flags() (flags uint32) {
	for flag, on := range map[uint32]bool{agentHost: a.Host, agentObserve: a.Observe, agentRelaunch: a.Relaunch} {
		if on {
			flags |= flag
		}
	}
	return flags
}

func (r agentRow) append(b []byte, groups uint64) []byte {
	return le.AppendUint64(le.AppendUint32(le.AppendUint32(b, r.id), r.flags), groups)
}

// agentRules give each row a group of its own, so that the label's bits are rows.
func agentRules(rows []agentRow, homes []string) []match.Rule {
	rules := make([]match.Rule, len(rows))
	for i, r := range rows {
		rules[i] = match.Rule{ID: fmt.Sprintf("agent %d", r.id), Group: i}
		for _, g := range r.globs {
			if !hasTilde(g) {
				rules[i].Match = append(rules[i].Match, g)
				continue
			}
			for _, h := range homes {
				rules[i].Match = append(rules[i].Match, h+g[1:])
			}
		}
	}
	return slices.DeleteFunc(rules, func(r match.Rule) bool { return len(r.Match) == 0 })
}

// AgentOf is the catalogue's agent that an executed path is, and its flags; 0 is none.
func (t Table) AgentOf(path []byte) (id, flags uint32) {
	id, flags = t.agentRow(path)
	if flags&(agentScript|agentInterpreter) != 0 {
		return 0, 0
	}
	return id, flags
}

// ScriptOf is the agent of which an interpreter is given a script by this path, and its flags; 0 is none.
func (t Table) ScriptOf(path []byte) (id, flags uint32) {
	id, flags = t.agentRow(path)
	if flags&agentInterpreter != 0 {
		return 0, 0
	}
	return id, flags &^ agentScript
}

// Interprets says whether an executed path runs scripts that may be agents.
func (t Table) Interprets(path []byte) bool {
	_, flags := t.agentRow(path)
	return flags&agentInterpreter != 0
}

// agentRow is the row that a path matches; of several the first holds.
func (t Table) agentRow(path []byte) (id, flags uint32) {
	label := match.Walk(t.blob, t.agents, match.Path, path)
	for i := range t.agentCount {
		if label.Has(int(i)) {
			at := t.agentTable + i*agentSize
			return le.Uint32(t.blob[at:]), le.Uint32(t.blob[at+4:])
		}
	}
	return 0, 0
}
