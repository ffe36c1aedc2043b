// SPDX-License-Identifier: Apache-2.0

package catalogue

// What Reeve must say of an agent when it is over, beside what the agent says of itself.

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/reeve-sensor/reeve/testdata/messages"
	"github.com/reeve-sensor/reeve/testdata/stage"
)

// session is a line of `reeve sessions --json`.
type session struct {
	ID, Agent, Version, User, Role, Parent, Conversation, Cause, Program string

	UID     uint32
	Partial bool
}

// event is as much as this test needs of a line of `reeve events --json`.
type event struct {
	Process  struct{ File struct{ Path string } }
	Unmapped struct {
		Reeve struct {
			Kind, Session, Agent, Op, Object, Action, Rule, Command string

			Applied bool
		}
	}
}

// own is where an agent keeps its conversation's id itself: in a file's name below its user's home, or in a file's text.
// OpenCode's is in a database; what it told the model is in the record.
var own = map[string]struct{ files, name, text string }{
	"claude-code": {".claude/projects/*/*.jsonl", `/([0-9a-f-]{36})\.jsonl$`, ``},
	"codex":       {".codex/sessions/*/*/*/rollout-*.jsonl", `-([0-9a-f]{8}-[0-9a-f-]{27})\.jsonl$`, ``},
	"gemini-cli":  {".gemini/tmp/*/chats/session-*.jsonl", ``, `"sessionId":"([0-9a-f-]{36})"`},
	"copilot-cli": {".copilot/session-state/*/events.jsonl", `/([0-9a-f-]{36})/events\.jsonl$`, ``},
}

// conversation is the agent's own id of its conversation.
func (a *run) conversation(t *testing.T) string {
	t.Helper()
	o, ok := own[a.Name]
	if !ok {
		i := slices.IndexFunc(a.records, func(r messages.Record) bool { return r.Conversation != "" })
		if i < 0 {
			t.Fatal("the agent told the model no conversation")
		}
		return a.records[i].Conversation
	}
	found, err := filepath.Glob(filepath.Join(a.person.Home, o.files))
	must(t, err)
	if len(found) != 1 {
		t.Fatalf("files of conversations: %q, want one", found)
	}
	in, expression := found[0], o.name
	if o.text != "" {
		text, err := os.ReadFile(found[0])
		must(t, err)
		in, expression = string(text), o.text
	}
	m := regexp.MustCompile(expression).FindStringSubmatch(in)
	if m == nil {
		t.Fatalf("no conversation in %s", found[0])
	}
	return m[1]
}

// checkSession wants one session, found by its agent's exec, and all that is to be known of it.
func (a *run) checkSession(ctx context.Context, t *testing.T) {
	t.Helper()
	_, err := a.reeve.Ended(ctx, a.Name)
	must(t, err)
	all, err := stage.Objects[session](ctx, a.reeve, "sessions", "--all", "--json")
	must(t, err)
	all = slices.DeleteFunc(all, func(s session) bool { return s.Agent != a.Name })
	if len(all) != 1 {
		t.Fatalf("sessions %+v, want one", all)
	}
	s := all[0]
	t.Logf("%+v", s)
	got := session{Version: s.Version, User: s.User, Role: s.Role, Conversation: s.Conversation, Cause: s.Cause, UID: s.UID, Partial: s.Partial}
	want := session{Version: a.Version, User: "alice", Role: "default", Conversation: a.conversation(t), Cause: "exec", UID: uint32(a.person.UID)}
	if got != want {
		t.Errorf("session %+v, want %+v", got, want)
	}
	a.checkEvents(ctx, t, s.ID)
}

// checkEvents: commands are told as the model asked for them, and the refusal of the key is the session's.
func (a *run) checkEvents(ctx context.Context, t *testing.T, id string) {
	t.Helper()
	events, err := stage.Objects[event](ctx, a.reeve, "events", "--session", id, "--all", "--json")
	must(t, err)
	a.writeStart(t, events)
	commands, refusals := map[string]int{}, 0
	for _, e := range events {
		r := e.Unmapped.Reeve
		if r.Command != "" {
			commands[r.Command]++
		}
		if !r.Applied || !slices.Contains([]string{"kill", "deny", "ask"}, r.Action) {
			continue
		}
		refusals++
		if r.Object != a.person.Home+"/.ssh/id_ed25519" || r.Rule != "ssh-keys" || r.Op != "file.read" {
			t.Errorf("refused: %+v", r)
		}
	}
	for _, turn := range []int{0, 2} {
		if command := a.scenario.Turns[turn].Tools[0].Input["command"].(string); commands[command] != 1 {
			t.Errorf("%q was told %d times; commands %v", command, commands[command], commands)
		}
	}
	// The agent may look for itself what its command would: a second refusal of the same.
	if refusals == 0 {
		t.Error("no refusal in the session, want the key's")
	}
}
