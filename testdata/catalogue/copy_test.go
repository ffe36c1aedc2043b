// SPDX-License-Identifier: Apache-2.0

package catalogue

// Real agents whose programs lie where no catalogue has them: a build that came with the catalogue, and one that the daemon learned
// when it began at its own place. Neither talks to a model.

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/messages"
	"github.com/reeve-sensor/reeve/testdata/stage"
)

const (
	codexVersion = "9.9.9" // that no catalogue knows
	codexRelease = ".codex/packages/standalone/releases/" + codexVersion + "/codex"
	tool         = "bin/tool" // below the home
)

// renamed runs agents under another name.
type renamed struct {
	person *stage.Person
	reeve  *stage.Reeve
}

func (r *renamed) at(name string) string { return filepath.Join(r.person.Home, name) }

// copy makes a file of alice's of another one, changed.
func (r *renamed) copy(t *testing.T, from, to string, change func(text []byte) []byte) {
	t.Helper()
	text, err := os.ReadFile(from)
	must(t, err)
	must(t, os.MkdirAll(filepath.Dir(to), 0o755))
	must(t, os.WriteFile(to, change(text), 0o755))
	must(t, os.Chown(to, r.person.UID, r.person.GID))
}

// begun are the sessions of an agent that began for a cause.
func (r *renamed) begun(ctx context.Context, t *testing.T, agent, cause string) []session {
	t.Helper()
	all, err := stage.Objects[session](ctx, r.reeve, "sessions", "--all", "--json")
	must(t, err)
	return slices.DeleteFunc(all, func(s session) bool { return s.Agent != agent || s.Cause != cause })
}

// serves starts a program that waits for its input, and waits for a session that it begins with a version.
func (r *renamed) serves(ctx context.Context, t *testing.T, agent, cause string, cmd *exec.Cmd) session {
	t.Helper()
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	defer func() { in.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		for _, s := range r.begun(ctx, t, agent, cause) {
			if s.Version != "" {
				return s
			}
		}
	}
	t.Fatalf("sessions of %s by %s: %+v, want one with a version", agent, cause, r.begun(ctx, t, agent, cause))
	return session{}
}

func same(text []byte) []byte { return text }

func (r *renamed) play(ctx context.Context, t *testing.T) {
	ctx, cancel := context.WithTimeout(ctx, 8*time.Minute)
	defer cancel()
	must(t, os.MkdirAll(r.at("bin"), 0o755))
	t.Run("shipped", func(t *testing.T) { r.shipped(ctx, t) })
	t.Run("learned", func(t *testing.T) { r.learned(ctx, t) })
}

// shipped: a copy of Claude Code is one, and a program with another header is none.
func (r *renamed) shipped(ctx context.Context, t *testing.T) {
	program := r.at(messages.ClaudeProgram)
	r.copy(t, program, r.at(tool), func(text []byte) []byte { text[9] = 1; return text }) // in the padding of e_ident
	_, err := r.person.Output(ctx, r.at(tool), "--version")
	must(t, err)
	if s := r.begun(ctx, t, "claude-code", "build"); len(s) != 0 {
		t.Errorf("of another header: %+v", s)
	}
	r.copy(t, program, r.at(tool), same)
	said, err := r.person.Output(ctx, r.at(tool), "--version")
	must(t, err)
	t.Log(said)
	deadline := time.Now().Add(time.Minute)
	for len(r.begun(ctx, t, "claude-code", "build")) == 0 && time.Now().Before(deadline) {
		time.Sleep(200 * time.Millisecond)
	}
	if s := r.begun(ctx, t, "claude-code", "build"); len(s) != 1 || s[0].User != "alice" || s[0].Partial {
		t.Errorf("sessions of the copy: %+v, want one", s)
	}
	must(t, os.Remove(r.at(tool)))
}

// learned: a version that begins where its installer puts it is known when it lies elsewhere, by that version, and when its own file
// is gone.
func (r *renamed) learned(ctx context.Context, t *testing.T) {
	found, err := filepath.Glob(r.at(".local/lib/node_modules/@openai/codex/node_modules/@openai/codex-linux-*/vendor/*/bin/codex"))
	must(t, err)
	if len(found) != 1 {
		t.Fatalf("programs of Codex: %q", found)
	}
	r.copy(t, found[0], r.at(codexRelease), func(text []byte) []byte { return append(text, 0) })
	if s := r.serves(ctx, t, "codex", "exec", r.person.Command(ctx, r.at(codexRelease), "mcp-server")); s.Version != codexVersion {
		t.Errorf("at its own place: %+v", s)
	}
	must(t, os.Rename(r.at(codexRelease), r.at(tool)))
	s := r.serves(ctx, t, "codex", "build", r.person.Command(ctx, r.at(tool), "mcp-server"))
	if s.Version != codexVersion || s.Program != r.at(tool) || s.User != "alice" {
		t.Errorf("elsewhere: %+v", s)
	}
	must(t, os.Remove(r.at(tool)))
}
