// SPDX-License-Identifier: Apache-2.0

package sandbox

// The machine's part: reeved, alice, and one agent after the other.

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/messages"
	"github.com/reeve-sensor/reeve/testdata/stage"
)

// agent is one of those that bring a sandbox.
type agent struct {
	name   string // of the catalogue
	run    shell
	edit   []step // writes greet.py with the agent's own tools
	invoke func(ctx context.Context, p *stage.Person, url string) *exec.Cmd
}

const secret = "not-for-agents-7c1d40"

// project is where an agent works, below alice's home. Each has its own.
func (a agent) project(p *stage.Person) string { return filepath.Join(p.Home, "work-"+a.name) }

func agents(home string) []agent {
	bash := func(command string) messages.Tool {
		return messages.Tool{Name: "Bash", Input: map[string]any{"command": command, "description": "Work"}}
	}
	// Half a minute is the longest that Codex waits for a command before it says that it is still running.
	execute := func(command string) messages.Tool {
		return messages.Tool{Name: "exec_command", Input: map[string]any{"cmd": command, "yield_time_ms": 30000}}
	}
	greet := home + "/work-claude-code/greet.py"
	file := func(name string, input map[string]any) messages.Tool { return messages.Tool{Name: name, Input: input} }
	return []agent{
		{"claude-code", bash, []step{
			{"writing a file", file("Write", map[string]any{"file_path": greet, "content": "print(\"hello\")\n"}), nil, false},
			{"editing it", file("Edit", map[string]any{"file_path": greet, "old_string": "hello", "new_string": "hello, world"}), nil, false},
			{"reading it", file("Read", map[string]any{"file_path": greet}), []string{"hello, world"}, false},
		}, claude},
		{"codex", execute, []step{
			{"writing a file", execute("apply_patch <<'PATCH'\n*** Begin Patch\n*** Add File: greet.py\n+print(\"hello\")\n*** End Patch\nPATCH"), []string{"A greet.py"}, false},
			{"editing it", execute("apply_patch <<'PATCH'\n*** Begin Patch\n*** Update File: greet.py\n@@\n-print(\"hello\")\n+print(\"hello, world\")\n*** End Patch\nPATCH"), []string{"M greet.py"}, false},
		}, codex},
	}
}

func claude(ctx context.Context, p *stage.Person, url string) *exec.Cmd {
	cmd := p.Command(ctx, filepath.Join(p.Home, messages.ClaudeProgram), "-p", "Work.", "--permission-mode", "bypassPermissions")
	cmd.Env = append(append(cmd.Env, messages.Environ(url)...), messages.Emulated()...)
	return cmd
}

func codex(ctx context.Context, p *stage.Person, url string) *exec.Cmd {
	args := append([]string{"exec", "--skip-git-repo-check", "--sandbox", "workspace-write"}, messages.CodexSettings(url)...)
	return p.Command(ctx, filepath.Join(p.Home, messages.CodexProgram), append(args, "Work.")...)
}

func TestOnStage(t *testing.T) {
	if !*onStage {
		t.Skip("runs in the machine of TestSandboxes")
	}
	ctx := t.Context()
	p, err := stage.Lookup("alice")
	must(t, err)
	furnish(t, p)
	r, err := stage.Install(ctx, "bin")
	must(t, err)
	defer r.Stop()
	for _, a := range agents(p.Home) {
		t.Run(a.name, func(t *testing.T) { a.play(ctx, t, p, r) })
	}
	if key, err := p.Output(ctx, "cat", p.Home+"/.ssh/id_ed25519"); err != nil || key != secret+"\n" {
		t.Errorf("alice does not read her own key outside of the sessions: %q, %v", key, err)
	}
	if t.Failed() {
		t.Log(r.Said())
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func furnish(t *testing.T, p *stage.Person) {
	t.Helper()
	// Debian and Ubuntu leave user namespaces to everybody; Ubuntu's further switch is not in these kernels.
	if on, err := os.ReadFile("/proc/sys/kernel/unprivileged_userns_clone"); err == nil && strings.TrimSpace(string(on)) != "1" {
		t.Fatalf("unprivileged_userns_clone is %s", on)
	}
	must(t, p.Write(map[string]string{
		".ssh/id_ed25519": secret + "\n", ".ssh/known_hosts": "example.org ssh-ed25519 AAAA\n", ".bashrc": "# alice's shell starts here\n",
		".claude/settings.json":   `{"sandbox":{"enabled":true,"failIfUnavailable":true,"allowUnsandboxedCommands":false}}`,
		"work-claude-code/README": "A project.\n", "work-codex/README": "A project.\n",
	}))
	must(t, p.Own())
	for _, a := range agents(p.Home) { // what people open is a repository, of which both sandboxes protect parts
		_, err := p.Output(t.Context(), "git", "init", "-q", "-b", "main", a.project(p))
		must(t, err)
	}
}

func (a agent) play(ctx context.Context, t *testing.T, p *stage.Person, r *stage.Reeve) {
	steps := slices.Concat(confined(a.run), a.edit, ordinary(a.run), planted(a.run))
	ctx, cancel := context.WithTimeout(ctx, 6*time.Minute)
	defer cancel()
	var record bytes.Buffer
	begun := time.Now()
	said, err := messages.Play(scenario(steps), &record, func(url string) *exec.Cmd {
		cmd := a.invoke(ctx, p, url)
		cmd.Dir = a.project(p)
		return cmd
	})
	t.Logf("%s worked for %s", a.name, time.Since(begun).Round(100*time.Millisecond))
	if err != nil {
		t.Error(err)
	}
	a.checkResults(t, steps, &record)
	a.checkRefusals(ctx, t, p, r)
	a.checkFiles(ctx, t, p)
	if t.Failed() {
		t.Log(said)
	}
}

// checkResults compares what came back of each step with what it wants.
func (a agent) checkResults(t *testing.T, steps []step, record *bytes.Buffer) {
	t.Helper()
	got := map[int]messages.Result{}
	for lines := json.NewDecoder(record); lines.More(); {
		var one messages.Record
		must(t, lines.Decode(&one))
		for _, result := range one.Results {
			got[result.Turn] = result
		}
	}
	for i, s := range steps {
		result, ok := got[i]
		if !ok {
			t.Errorf("%s: did not come back", s.note)
		} else if wrong := s.wrong(result); wrong != "" {
			t.Errorf("%s: %s:\n%s", s.note, wrong, result.Content)
		}
		if strings.Contains(result.Content, secret) {
			t.Errorf("%s: the agent has seen the key", s.note)
		}
	}
	ours, err := os.Readlink("/proc/self/ns/mnt")
	must(t, err)
	if inside := namespace.FindString(got[0].Content); inside == "" || inside == ours {
		t.Errorf("commands run in the mount namespace %q, everybody else in %q", inside, ours)
	}
}

var namespace = regexp.MustCompile(`mnt:\[\d+\]`)

// checkRefusals wants the planted one alone, in all sessions of the agent: the helpers of Codex's sandbox begin child sessions.
func (a agent) checkRefusals(ctx context.Context, t *testing.T, p *stage.Person, r *stage.Reeve) {
	t.Helper()
	sessions, err := r.Ended(ctx, a.name)
	must(t, err)
	found, refused := map[stage.Occurrence]bool{}, 0 // a timeline has what happened in child sessions too
	for _, s := range sessions {
		timeline, err := r.Timeline(ctx, s.ID)
		must(t, err)
		refused += s.Refused
		for _, o := range timeline {
			if !o.Refused() {
				continue
			}
			if o.Op == "file.read" && o.Object == p.Home+"/.ssh/id_ed25519" && o.Rule == "ssh-keys" {
				found[o] = true
			} else {
				t.Errorf("refused: %+v", o)
			}
		}
	}
	if len(found) == 0 || refused != len(found) {
		t.Errorf("%d refusals counted, of the key %v; want one and no other", refused, found)
	}
	t.Logf("%s: %d sessions", a.name, len(sessions))
}

// checkFiles looks at what the work has left, whatever anyone reported.
func (a agent) checkFiles(ctx context.Context, t *testing.T, p *stage.Person) {
	t.Helper()
	left, err := p.Output(ctx, "sh", "-c", `cd "$1" && cat greet.py lib/list lib/er/8.txt && find lib -type f | sort && cd repo && git log --format=%s && git status --short && ls`, "sh", a.project(p))
	must(t, err)
	want := "print(\"hello, world\")\none\ntwo\nlinelib/er/3.txt\nlib/er/4.txt\nlib/er/5.txt\nlib/er/6.txt\nlib/er/7.txt\nlib/er/8.txt\nlib/list\nMove\nBegin\ncode\nsum.sh\n"
	if left != want {
		t.Errorf("left:\n%s\nwant:\n%s", left, want)
	}
	if _, err := os.Stat(p.Home + "/outside"); err == nil {
		t.Error("something was written outside of the sandbox")
	}
}
