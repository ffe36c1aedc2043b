// SPDX-License-Identifier: Apache-2.0

package connectors

// A dialogue is one run of the agent: what its model asks for, what came back, and what Reeve says of it.

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/messages"
	"github.com/reeve-sensor/reeve/testdata/stage"
)

// dialogue is what will be asked for, each with what must come back, and the refusals that must be told.
type dialogue struct {
	*play
	t      *testing.T
	turns  []messages.Turn
	checks []func(said string)
	tells  []refusal

	session string // once it is over
}

// refusal is an event as far as it must be told.
type refusal struct {
	Principal, Op, Object, Action string
}

// event is a line of `reeve events --json`.
type event struct {
	Unmapped struct {
		Reeve struct {
			refusal
			Applied bool
			Rule    string
		}
	}
}

// dialogue begins one. What connectors may not read or fetch, the agent beside them may, each time; and it takes its time, in
// which connectors start that the agent does not wait for.
func (p *play) dialogue(t *testing.T) *dialogue {
	d := &dialogue{play: p, t: t}
	d.bash("the agent's own hand", "sleep 15; cat ~/private/plan && curl -s http://www.refused.test/hello && curl -s http://"+bare+"/hello", func(said string) bool {
		return hasAll(said, secret) && strings.Count(said, served) == 2
	})
	return d
}

func (d *dialogue) ask(turn messages.Turn, check func(said string)) {
	d.turns, d.checks = append(d.turns, turn), append(d.checks, check)
}

// bash has the agent run a command.
func (d *dialogue) bash(note, command string, fits func(said string) bool) {
	d.ask(turn(note, "Bash", map[string]any{"command": command, "description": note}), func(said string) {
		if !fits(said) {
			d.t.Errorf("%s: %s came back as\n%s", note, command, said)
		}
	})
}

// absent asks a connector that has not started.
func (d *dialogue) absent(c connector, a attempt) {
	d.ask(turn(c.name+": "+a.note, c.tools(a.tool), a.input), func(said string) {
		if said == "" || strings.Contains(said, a.wants) {
			d.t.Errorf("%s has started: %s came back as %q", c.name, a.note, said)
		}
	})
}

// calls asks a connector that has.
func (d *dialogue) calls(c connector, a attempt) {
	if a.op != "" {
		d.tells = append(d.tells, refusal{"connector:" + c.name, a.op, a.object, "deny"})
	}
	d.ask(turn(c.name+": "+a.note, c.tools(a.tool), a.input), func(said string) {
		if got := strings.Contains(said, a.wants); said == "" || got == (a.op != "") || strings.Contains(said, "No such tool") {
			d.t.Errorf("%s: %s came back as %q", c.name, a.note, said)
		}
	})
}

// held wants it told that connectors were not started.
func (d *dialogue) held(all ...connector) {
	for _, c := range all {
		d.tells = append(d.tells, refusal{"agent", "connector.start", c.name, "ask"})
	}
}

// run lets the agent work, and looks at what came of it.
func (d *dialogue) run() {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 8*time.Minute)
	defer cancel()
	before := d.sessions(ctx, "claude-code")
	scenario := &messages.Scenario{About: "an agent with two connectors", Turns: append(d.turns, messages.Turn{Text: "Done."})}
	var record bytes.Buffer
	begun := time.Now()
	said, err := messages.Play(scenario, &record, func(url string) *exec.Cmd { return d.command(ctx, url) })
	d.t.Logf("%d turns in %s", len(d.turns), time.Since(begun).Round(100*time.Millisecond))
	if err != nil {
		d.t.Errorf("%v\n%s", err, said)
	}
	results := map[int]string{}
	for lines := json.NewDecoder(&record); lines.More(); {
		var one messages.Record
		must(d.t, lines.Decode(&one))
		for _, r := range one.Results {
			results[r.Turn] = r.Content
		}
	}
	for i, check := range d.checks {
		check(results[i])
	}
	d.over(ctx, "claude-code", before)
}

// over looks at the one session of an agent that was not there before, when it has ended.
func (d *dialogue) over(ctx context.Context, agent string, before []string) {
	d.t.Helper()
	after := slices.DeleteFunc(d.sessions(ctx, agent), func(id string) bool { return slices.Contains(before, id) })
	if len(after) != 1 {
		d.t.Fatalf("new sessions of %s: %q, want one", agent, after)
	}
	d.session = after[0]
	d.checkTold(ctx, after[0])
}

// command is the agent as alice starts it.
func (d *dialogue) command(ctx context.Context, url string) *exec.Cmd {
	cmd := d.person.Command(ctx, filepath.Join(d.person.Home, messages.ClaudeProgram), "-p", "Work.", "--permission-mode", "bypassPermissions")
	cmd.Env = slices.Concat(cmd.Env, messages.Environ(url), messages.Emulated(), []string{
		"CLAUDE_CODE_MCP_STARTUP_WAIT_MS=120000", "MCP_TIMEOUT=120000", "MCP_TOOL_TIMEOUT=120000", "ENABLE_TOOL_SEARCH=false", // an emulated processor takes its time
	})
	cmd.Dir = filepath.Join(d.person.Home, "work")
	return cmd
}

// sessions are an agent's that have ended.
func (d *dialogue) sessions(ctx context.Context, agent string) (ids []string) {
	d.t.Helper()
	all, err := stage.Objects[stage.Session](ctx, d.reeve, "sessions", "--all", "--json")
	must(d.t, err)
	if all = slices.DeleteFunc(all, func(s stage.Session) bool { return s.Agent != agent }); len(all) > 0 {
		all, err = d.reeve.Ended(ctx, agent)
		must(d.t, err)
	}
	for _, s := range all {
		ids = append(ids, s.ID)
	}
	return ids
}

// checkTold wants each refusal that was meant on record, of who was refused, and no other of a connector's.
func (d *dialogue) checkTold(ctx context.Context, session string) {
	d.t.Helper()
	all, err := stage.Objects[event](ctx, d.reeve, "events", "--session", session, "--all", "--json")
	must(d.t, err)
	told := map[refusal]string{}
	for _, e := range all {
		r := e.Unmapped.Reeve
		if r.Applied && slices.Contains([]string{"kill", "deny", "ask"}, r.Action) {
			told[r.refusal] = r.Rule
		}
	}
	for _, want := range d.tells {
		if _, ok := told[want]; !ok {
			d.t.Errorf("not told: %+v", want)
		}
	}
	for r, rule := range told {
		if !slices.Contains(d.tells, r) {
			d.t.Errorf("told beside what was meant: %+v by %s", r, rule)
		}
	}
}
