// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/api"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/session"
	"github.com/reeve-sensor/reeve/sensor/store"
)

// fake is a daemon without a kernel.
type fake struct{ *session.Table }

func (f fake) Recount() {}

func (f fake) View(g func(*session.Table)) { g(f.Table) }
func (fake) User(uint32) string            { return "alice" }

func (fake) Adopt(_ context.Context, a api.Adoption) (uint64, error) { return uint64(a.PID), nil }
func (fake) Take(_ context.Context, m api.Measure) (int, error) {
	return 10 * len(m.Family), nil
}
func (fake) Owner(uint32) (uint32, error) { return uint32(os.Getuid()), nil }
func (fake) Coverage() string             { return "observe" }
func (fake) Programs() []*pb.Program      { return nil }
func (fake) Held() (string, []*pb.Effect, bool) {
	return "tracepoint", []*pb.Effect{{Op: "exec", State: "seen", Reason: "exec went by"}, {Op: "file.read", State: "not seen"}}, true
}
func (fake) Counters() ([]*pb.Counter, error) { return nil, nil }
func (fake) Summary() *pb.Policy              { return &pb.Policy{Generation: 3, Base: "balanced"} }
func (fake) Apply(_ context.Context, files []*pb.PolicyFile, _ time.Duration) (*pb.PolicyApplyReply, error) {
	if len(files) > 0 {
		return &pb.PolicyApplyReply{Policy: &pb.Policy{Generation: 3}, Problems: []*pb.PolicyProblem{{Text: "a.toml:1: no", Hint: "yes"}}}, nil
	}
	return &pb.PolicyApplyReply{Policy: &pb.Policy{Generation: 4}, Applied: true}, nil
}
func (fake) Confirm(context.Context) bool { return false }
func (fake) Text(asJSON bool) string {
	if asJSON {
		return `{"kind":"role","name":"default"}` + "\n"
	}
	return "base balanced\n"
}
func (fake) RoleName(uint16) string           { return "default" }
func (fake) RoleByName(string) (uint32, bool) { return 0, false }
func (fake) RoleOf(uint32) uint32             { return 0 }
func (fake) Instead(*event.Event) string      { return "allowed by exception: ~/.ssh/*.pub" }

func (fake) Begin(p api.Place, _ map[uint64]bool, lasts time.Duration, reason string, by event.Actor) (api.Relief, error) {
	return api.Relief{Place: p, Began: began, Until: began.Add(lasts), Reason: reason, By: by}, nil
}
func (fake) End(p api.Place, _ event.Actor) (bool, error) { return p.Session == 0, nil }
func (fake) Reliefs() []api.Relief {
	return []api.Relief{{Began: began, Until: time.Now().Add(time.Hour), Reason: "CI is on fire", By: event.Actor{User: "root", Login: "alice"}}}
}

// daemon serves the fake and returns an env that reaches it.
func daemon(t *testing.T) (*env, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	agents, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	table, events := session.New(session.DefaultLimits), store.NewMemory(1<<20)
	head := event.Head{Session: 1, PID: 900, Started: 1, UID: uint32(os.Getuid()), Agent: 1, Action: event.Allow}
	start := &event.Event{Kind: event.SessionStart, Time: began, Head: head, LoginUID: ^uint32(0), Session: "3f2a-1", Agent: "claude-code", User: "alice"}
	head.Action, head.Flags, head.Op = event.Deny, uint16(bpf.EventApplied), event.Op(bpf.OpFileRead)
	denied := &event.Event{Kind: event.Access, Time: began.Add(time.Second), Head: head, Session: "3f2a-1", Op: "file.read", Object: "/home/alice/.ssh/id", Rule: "ssh-keys", Reason: "not for agents"}
	said := event.NewNotice(event.Said{Name: event.SafetyAudit, Message: "it is only audited", Session: 1}, 1, began.Add(2*time.Second))
	said.Session = "3f2a-1"
	for _, e := range []*event.Event{start, denied, said} {
		table.Apply(e)
		events.Append(e)
	}
	f := fake{table}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	b := api.Backend{Table: f, Events: events, Kernel: f, Contain: f, Policies: f, Glass: f, Catalogue: agents, Boot: "3f2a", Started: began, Notes: func() []string { return nil },
		Plugins: func() []*pb.Plugin {
			return []*pb.Plugin{{Name: "contain", State: "running", Actions: []string{"freeze", "kill"}}, {Name: "pager", State: "starting"}}
		}}
	go func() { done <- api.Serve(ctx, dir, -1, b, func(int) (uint64, error) { return 0, nil }) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for n := 0; ; n++ {
		if _, err := os.Stat(filepath.Join(dir, api.Sockets[api.Inside])); err == nil {
			break
		}
		if n > 500 {
			t.Fatal("the sockets do not appear")
		}
		time.Sleep(10 * time.Millisecond)
	}
	config := filepath.Join(t.TempDir(), "reeve.toml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "run = %q\n", dir), 0o644); err != nil {
		t.Fatal(err)
	}
	e, out := shown(false)
	stderr := &bytes.Buffer{}
	e.stderr, e.config = stderr, config
	return e, out, stderr
}

// What a rule wants of a plugin that does not know it is told before the rule fires, where a daemon runs that can be asked.
func TestPolicyIsHeldAgainstWhatPluginsAnswerTo(t *testing.T) {
	const rule = "version = 1\nbase = \"none\"\n[[rule]]\nid = \"x\"\non = [\"file.read\"]\nmatch = [\"/x\"]\naction = \"deny\"\nrespond = [\"contain:frieze\", \"contain:kill\", \"pager:any\"]\n"
	file := filepath.Join(t.TempDir(), "a.toml")
	if err := os.WriteFile(file, []byte(rule), 0o644); err != nil {
		t.Fatal(err)
	}
	e, out, stderr := daemon(t)
	raw, err := os.ReadFile(e.config)
	if err != nil {
		t.Fatal(err)
	}
	const plugins = "[[plugin]]\nname = \"contain\"\n[[plugin]]\nname = \"pager\"\n"
	if err := os.WriteFile(e.config, append(raw, plugins...), 0o644); err != nil {
		t.Fatal(err)
	}
	if code := dispatch(context.Background(), e, []string{"policy", "check", file}); code != 0 {
		t.Errorf("exit %d: %s", code, stderr)
	}
	want := "warning: " + file + ":8: rule \"x\": respond[0]: plugin \"contain\" knows no action \"frieze\": nothing will respond\n  hint: did you mean \"freeze\"?\nok: "
	if !strings.HasPrefix(out.String(), want) {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	out.Reset()
	if err := os.WriteFile(e.config, []byte("run = \"/nowhere\"\n"+plugins), 0o644); err != nil {
		t.Fatal(err)
	}
	if code := dispatch(context.Background(), e, []string{"policy", "check", file}); code != 0 || !strings.HasPrefix(out.String(), "ok: ") {
		t.Errorf("without a daemon: exit %d, %s%s", code, out, stderr)
	}
}

func TestCommandsAgainstADaemon(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.toml")
	if err := os.WriteFile(file, []byte("version = 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	e, out, stderr := daemon(t)
	for _, tc := range []struct {
		line   string
		code   int
		stdout string
		stderr string
	}{
		{"status", 1, "seen       exec\nnot seen   file.read\n", ""}, // less than at its start
		{"status", 1, "coverage   observe", ""},
		{"sessions", 0, "3f2a-1   Claude Code", ""},
		{"session show 1", 0, "✗ deny   file.read   /home/alice/.ssh/id", ""},
		{"session show 9", 1, "", "reeve: no session 3f2a-9\nhint: reeve sessions --all"},
		{"session show zz!", 2, "", "reeve: \"zz!\": not a session id"},
		{"session kill 3f2a-1", 0, "10 processes killed\n", ""},
		{"session freeze --reason hm 3f2a-1", 0, "10 processes stopped\n", ""},
		{"session isolate 1", 0, "no network and no sockets of others from now on\n", ""},
		{"session deny 1", 0, "everything is refused from now on\n", ""},
		{"session thaw 1", 0, "the session goes on, 10 of its processes were stopped\n", ""},
		{"session thaw 9", 1, "", "reeve: no session 3f2a-9"},
		{"events", 0, "claude-code begins", ""},
		{"events --session 1 --kind access", 0, "ssh-keys: not for agents", ""},
		{"events --kind nonsense", 2, "", "reeve: no kind of event \"nonsense\""},
		{"why", 0, "allowed by exception: ~/.ssh/*.pub", ""},
		{"why --last --json", 0, `"instead":"allowed by exception: ~/.ssh/*.pub"`, ""},
		{"adopt 33", 0, "session 3f2a-11, coverage observe", ""},
		{"adopt --role x 33", 2, "", "reeve: the policy has no role \"x\""},
		{"run --require full -- true", 125, "", "reeve: coverage is observe, full is required"},
		{"events --kind notice", 0, "3f2a-1    ■ safety.audit  it is only audited", ""},
		{"status --json", 1, `"reason":"CI is on fire"`, ""},
		{"status", 1, "GLASS      broken: policy refuses nothing on this host for another ", ""},
		{"break-glass --host --for 15m --reason why", 0, "BREAK-GLASS: policy refuses nothing on this host until 2026-11-22 10:36:03\n  by alice: why\n", ""},
		{"break-glass --host --for 15m --reason why --json", 0, `"until":"2026-11-22T10:36:03Z"`, ""},
		{"break-glass --session 1 --for 15m --reason why", 0, "refuses nothing in session 3f2a-1 until", ""},
		{"break-glass --session 9 --for 15m --reason why", 1, "", "reeve: no session 3f2a-9"},
		{"break-glass --role x --for 15m --reason why", 2, "", "reeve: the policy has no role \"x\""},
		{"break-glass --host --end", 0, "policy holds again on this host\n", ""},
		{"break-glass --session 1 --end", 1, "", "reeve: no glass is broken in session 1"},
		{"policy show --running", 0, "generation 3", ""},
		{"policy apply", 0, "generation 4 in force", ""},
		{"policy apply " + file, 1, "", "reeve: error: a.toml:1: no\n  hint: yes\nreeve: not applied; generation 3 stays in force"},
		{"policy apply --confirm", 1, "", "reeve: no policy waits"},
	} {
		out.Reset()
		stderr.Reset()
		if code := dispatch(context.Background(), e, strings.Fields(tc.line)); code != tc.code {
			t.Errorf("%s: exit %d, want %d (%s)", tc.line, code, tc.code, stderr)
		}
		if !strings.Contains(out.String(), tc.stdout) || !strings.HasPrefix(stderr.String(), tc.stderr) {
			t.Errorf("%s:\nstdout %s\nstderr %s", tc.line, out, stderr)
		}
		speaksJSON(t, e, tc.line, tc.code)
	}
}

// speaksJSON has a command answer a program: with the same exit status, an object a line and nothing else.
func speaksJSON(t *testing.T, e *env, line string, code int) {
	t.Helper()
	words := strings.Fields(line)
	if c, _ := find(words); noJSON[c.name] != "" {
		return
	}
	before, out := e.stdout, &bytes.Buffer{}
	e.stdout = out
	defer func() { e.stdout = before }()
	if got := dispatch(context.Background(), e, append(words, "--json")); got != code {
		t.Errorf("%s --json: exit %d, want %d", line, got, code)
	}
	for text := range strings.Lines(out.String()) {
		if err := json.Unmarshal([]byte(text), &map[string]any{}); err != nil {
			t.Errorf("%s --json: %v in %q", line, err, text)
		}
	}
	if code == 0 && out.Len() == 0 {
		t.Errorf("%s --json: nothing is said", line)
	}
}

// noJSON are the commands that say nothing of their own, each with the reason.
var noJSON = map[string]string{
	"run": "what is printed is the command's that it runs",
}

func TestEveryCommandSpeaksJSON(t *testing.T) {
	for _, c := range table() {
		e, out := shown(false)
		if err := c.run(t.Context(), e, []string{"--help"}); !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%s --help: %v", c.name, err)
		}
		usage, flags, _ := strings.Cut(out.String(), "\n\n")
		switch has := strings.Contains(usage, "--json") && strings.Contains(flags, "  -json\n"); {
		case has && noJSON[c.name] != "":
			t.Errorf("%s has --json, and is listed as one that has not", c.name)
		case !has && noJSON[c.name] == "":
			t.Errorf("%s has no --json:\n%s", c.name, out)
		}
	}
}

func TestEventsAreOCSF(t *testing.T) {
	e, out, _ := daemon(t)
	if code := dispatch(context.Background(), e, []string{"events", "--json"}); code != 0 {
		t.Fatalf("exit %d", code)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines", len(lines))
	}
	var o struct {
		Class       int `json:"class_uid"`
		Disposition int `json:"disposition_id"`
		Unmapped    struct {
			Reeve struct{ Session, Rule string }
		}
	}
	if err := json.Unmarshal([]byte(lines[1]), &o); err != nil || o.Class != 1001 || o.Disposition != 2 || o.Unmapped.Reeve.Rule != "ssh-keys" {
		t.Errorf("%+v, %v", o, err)
	}
}
