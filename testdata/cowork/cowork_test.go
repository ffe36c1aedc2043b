// SPDX-License-Identifier: Apache-2.0

package cowork

// What must be true of a Cowork task: who is in which session, what was refused to whom and by which rule, and that nobody
// outside of the sessions was refused anything.

import (
	"slices"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/testdata/messages"
)

const (
	home    = "/home/alice"
	key     = home + "/.ssh/id_ed25519"
	desktop = "/usr/lib/claude-desktop/claude-desktop"
	helper  = "/usr/lib/claude-desktop/resources/cowork-linux-helper"
	claude  = home + "/.config/Claude/claude-code/" + claudeVersion + "/claude"
)

// session is a session as `reeve sessions --json` has it.
type session struct {
	ID, Agent, Version, User, Role, Parent, Conversation, Entrypoint, Cause, Program string

	UID       uint32
	PID       uint32
	Processes int
	Refused   int
	Partial   bool
	Ended     *string
}

// shown is `reeve session show --json`.
type shown struct {
	Session   session
	Children  []session
	Processes []struct {
		Session, Comm, Path, Line string

		PID    uint32
		Parent uint32 `json:"parent_pid"`
		Ended  *string
	}
}

// event is as much as this test needs of a line of `reeve events --json`.
type event struct {
	Message  string
	Unmapped struct {
		Reeve struct {
			Kind, Session, Agent, Op, Object, Action, Rule string

			Applied bool
		}
	}
	Actor struct {
		Process struct {
			PID  uint32
			Name string
			User struct{ Name string }
		}
	}
}

func TestCowork(t *testing.T) {
	out := play(t)
	live := objects[session](t, out, "sessions-live.json")
	host, child := find(t, live, "claude-desktop"), find(t, live, "claude-code")

	t.Run("both-sessions-find-themselves", func(t *testing.T) {
		if len(live) != 2 || host.ID == child.ID {
			t.Errorf("sessions: %+v, want two", live)
		}
		checkSession(t, host, session{Parent: "", Program: desktop})
		checkSession(t, child, session{Parent: host.ID, Program: claude, Version: claudeVersion})
	})
	t.Run("Desktops-session-holds-helper-and-server", func(t *testing.T) { checkTree(t, out, host, child) })
	t.Run("the-child-says-how-and-for-which-conversation", func(t *testing.T) { checkConversation(t, out) })
	t.Run("the-guest-reads-what-policy-permits", func(t *testing.T) { checkInside(t, out) })
	t.Run("the-agents-own-tools-are-held", func(t *testing.T) { checkTools(t, out) })
	t.Run("each-refusal-names-session-and-rule", func(t *testing.T) { checkRefusals(t, out, host, child) })
	t.Run("nobody-else-is-refused", func(t *testing.T) { checkControl(t, out) })
	t.Run("doctor-says-what-is-opaque", func(t *testing.T) {
		doctor := left(t, out, "doctor.txt")
		if !strings.Contains(doctor, "virtual machines") || !strings.Contains(doctor, "opaque") || !strings.Contains(doctor, "coverage: full") {
			t.Errorf("doctor does not say that Cowork's guest is opaque:\n%s", doctor)
		}
		if strings.Contains(doctor, "doctor: exit") { // the stage's own line
			t.Errorf("coverage is full, and doctor answers no:\n%s", doctor)
		}
	})
}

// find gives the only session of an agent.
func find(t *testing.T, all []session, agent string) session {
	t.Helper()
	var found []session
	for _, s := range all {
		if s.Agent == agent {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d sessions of %s, want one: %+v", len(found), agent, all)
	}
	return found[0]
}

// checkSession wants a session that the exec of its agent began, of alice in the role of everyone.
func checkSession(t *testing.T, s, want session) {
	t.Helper()
	got := session{Parent: s.Parent, Program: s.Program, Version: s.Version}
	if got.Parent != want.Parent || got.Program != want.Program || got.Version != want.Version {
		t.Errorf("%s: %+v, want %+v", s.Agent, got, want)
	}
	if s.Cause != "exec" || s.Partial {
		t.Errorf("%s: began by %q, partial %v, want whole and by exec", s.Agent, s.Cause, s.Partial)
	}
	if s.User != "alice" || s.UID != 4200 || s.Role != "default" {
		t.Errorf("%s: user %s (%d), role %s", s.Agent, s.User, s.UID, s.Role)
	}
}

// checkTree looks at the processes while all are running.
func checkTree(t *testing.T, out string, host, child session) {
	t.Helper()
	s := only(t, objects[shown](t, out, "host-live.json"))
	if len(s.Children) != 1 || s.Children[0].ID != child.ID {
		t.Errorf("children %+v, want %s alone", s.Children, child.ID)
	}
	type place struct {
		session, program string
		parent           uint32
	}
	var running []place
	for _, p := range s.Processes {
		if p.Ended == nil {
			running = append(running, place{p.Session, p.Path, p.Parent})
		}
	}
	server := "/usr/lib/qemu/virtiofsd"
	if !slices.Contains(running, place{host.ID, server, host.PID}) {
		server = "/usr/libexec/virtiofsd" // of newer distributions
	}
	for _, want := range []place{
		{host.ID, desktop, 0}, {host.ID, helper, host.PID}, {host.ID, server, host.PID}, {child.ID, claude, 0},
	} {
		if !slices.Contains(running, want) {
			t.Errorf("%+v is not among what runs: %+v", want, running)
		}
	}
	for _, p := range running {
		if p.program == claude && p.session != child.ID {
			t.Errorf("Claude Code runs in %s too", p.session)
		}
	}
}

func only(t *testing.T, all []shown) shown {
	t.Helper()
	if len(all) != 1 {
		t.Fatalf("%d objects, want one", len(all))
	}
	return all[0]
}

// checkConversation compares with what Claude Code itself told Desktop.
func checkConversation(t *testing.T, out string) {
	t.Helper()
	child := only(t, objects[shown](t, out, "child.json")).Session
	said := objects[struct {
		Session string `json:"session_id"`
	}](t, out, "audit.jsonl")
	if len(said) == 0 || said[0].Session == "" || child.Conversation != said[0].Session {
		t.Errorf("conversation %q, want %+v", child.Conversation, said)
	}
	if child.Entrypoint != "local-agent" {
		t.Errorf("entrypoint %q, want local-agent, which is Cowork", child.Entrypoint)
	}
}

// checkInside reads the console of Cowork's guest.
func checkInside(t *testing.T, out string) {
	t.Helper()
	inside := left(t, out, "inside.log")
	for _, want := range []string{
		"inside: permitted: read: notes of the task\n", "inside: excepted: read: example.org ssh-ed25519 AAAA\n",
		"inside: denied: refused: ", "inside: again: refused: ", "id_ed25519': Permission denied\n",
		"inside: page: read: a page\n", "inside: metadata: refused: ", "inside: end\n",
	} {
		if !strings.Contains(inside, want) {
			t.Errorf("the guest's console lacks %q:\n%s", want, inside)
		}
	}
	if strings.Contains(inside, secret) {
		t.Error("the key has come into the guest")
	}
}

// checkTools reads what Claude Code told its model.
func checkTools(t *testing.T, out string) {
	t.Helper()
	var results []messages.Result
	for _, r := range objects[messages.Record](t, out, "record.jsonl") {
		results = append(results, r.Results...)
	}
	want := []messages.Result{{Content: "notes of the task"}, {Error: true, Content: "ermission denied"}, {Error: true, Content: "ermission denied"}, {Content: "4 " + home}}
	if len(results) != len(want) {
		t.Fatalf("%d results of %d tool calls: %+v", len(results), len(want), results)
	}
	for i, r := range results {
		if r.Error != want[i].Error || !strings.Contains(r.Content, want[i].Content) {
			t.Errorf("tool call %d: %+v, want %+v", i, r, want[i])
		}
	}
	if strings.Contains(left(t, out, "record.jsonl")+left(t, out, "audit.jsonl"), secret) {
		t.Error("the agent has seen the key")
	}
}

// refusal is one as events tell it.
type refusal struct{ session, agent, process, op, object, rule string }

// checkRefusals wants those of the guest's reads, of where it went, and of the two tool calls, and not one more.
func checkRefusals(t *testing.T, out string, host, child session) {
	t.Helper()
	var got []refusal
	for _, e := range objects[event](t, out, "events.json") {
		r := e.Unmapped.Reeve
		if r.Kind != "access" && slices.Contains([]string{"", "allow", "audit"}, r.Action) {
			continue
		}
		process := e.Actor.Process
		if r.Action != "deny" || !r.Applied || process.User.Name != "alice" {
			t.Errorf("not expected: %s: %+v", e.Message, r)
		}
		if process.PID == child.PID {
			process.Name = "claude" // any of its threads
		}
		if one := (refusal{r.Session, r.Agent, process.Name, r.Op, r.Object, r.Rule}); !slices.Contains(got, one) {
			got = append(got, one)
		}
	}
	want := []refusal{
		{host.ID, "claude-desktop", "virtiofsd", "file.read", key, "ssh-keys"},
		{host.ID, "claude-desktop", "cowork-linux-he", "net.addr", "169.254.169.254:80/tcp", "cloud-metadata"},
		{child.ID, "claude-code", "claude", "file.read", key, "ssh-keys"},
		{child.ID, "claude-code", "cat", "file.read", key, "ssh-keys"},
	}
	for _, one := range want {
		if !slices.Contains(got, one) {
			t.Errorf("no refusal %+v among %+v", one, got)
		}
	}
	if len(got) != len(want) {
		t.Errorf("refusals %+v, want %+v", got, want)
	}
	if s := only(t, objects[shown](t, out, "host.json")).Session; s.Refused < 3 || s.Processes != 0 || s.Ended == nil {
		t.Errorf("Desktop's session at its end: %+v, want 3 refusals and no process", s)
	}
}

// checkControl looks at the same acts by processes that no agent started.
func checkControl(t *testing.T, out string) {
	t.Helper()
	if got := left(t, out, "outside.txt"); got != secret+"\n" {
		t.Errorf("alice reads her key beside the sessions: %q", got)
	}
	console := left(t, out, "control.log")
	for _, want := range []string{
		"inside: denied: read: " + secret + "\n", "inside: again: read: " + secret + "\n",
		"inside: page: read: a page\n", "inside: metadata: read: a page\n", "inside: end\n",
	} {
		if !strings.Contains(console, want) {
			t.Errorf("the same guest outside of every session lacks %q:\n%s", want, console)
		}
	}
	if all := objects[session](t, out, "sessions-control.json"); len(all) != 2 {
		t.Errorf("the control became a session: %+v", all)
	}
}
