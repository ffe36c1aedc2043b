// SPDX-License-Identifier: Apache-2.0

package work

// The machine's part: each piece of work outside of every session and then in one, and what Reeve says of the sessions.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/stage"
)

const secret = "not-for-agents-41ab09"

// outcome is what a command ended with.
type outcome struct {
	code        int
	said, plain string // standard error and output
	tree        map[string]string
	took        time.Duration
}

func TestOnStage(t *testing.T) {
	if !*onStage {
		t.Skip("runs in the machine of TestOrdinaryWork")
	}
	p, err := stage.Lookup("alice")
	must(t, err)
	must(t, os.MkdirAll(p.Home, 0o755))
	must(t, os.Chown(p.Home, p.UID, p.GID))
	furnish(t, p)
	openRoot(t)
	r, err := stage.Install(t.Context(), "bin")
	must(t, err)
	defer r.Stop()
	for _, w := range all {
		t.Run(w.name, func(t *testing.T) { w.compare(t.Context(), t, p, r) })
	}
	checkRefusals(t.Context(), t, p, r)
	if t.Failed() {
		t.Log(r.Said())
	}
}

// openRoot lets alice reach Go where the host keeps it in root's home.
func openRoot(t *testing.T) {
	t.Helper()
	for folder := os.Getenv("GOROOT"); folder != "/" && folder != "."; folder = filepath.Dir(folder) {
		info, err := os.Stat(folder)
		must(t, err)
		if info.Mode()&0o005 != 0o005 {
			must(t, os.Chmod(folder, info.Mode()|0o055))
		}
	}
}

func (w work) compare(ctx context.Context, t *testing.T, p *stage.Person, r *stage.Reeve) {
	outside := w.do(ctx, t, p, w.alone(ctx, p))
	inside := w.do(ctx, t, p, w.governed(ctx, t, p, r))
	t.Logf("%d names; outside %s, in a session %s", len(outside.tree), outside.took.Round(100*time.Millisecond), inside.took.Round(100*time.Millisecond))
	if outside.code != 0 {
		t.Errorf("the work itself fails: code %d\n%s", outside.code, outside.said)
	}
	if outside.code != inside.code || outside.said != inside.said || outside.plain != inside.plain {
		t.Errorf("outside: code %d\n%s%s\ninside: code %d\n%s%s", outside.code, outside.said, outside.plain, inside.code, inside.said, inside.plain)
	}
	if wrong := difference(outside.tree, inside.tree); wrong != "" {
		t.Errorf("what is left differs:\n%s", wrong)
	}
	if len(outside.tree) == 0 {
		t.Error("nothing was left to compare")
	}
}

// script is the command with what it needs to be found and to repeat itself.
func (w work) script() string {
	return fmt.Sprintf("export PATH=%s/bin:$PATH GOCACHE=~/cache GOFLAGS= GOTOOLCHAIN=local CGO_ENABLED=0 GIT_COMMITTER_DATE='@%d +0000' GIT_AUTHOR_DATE='@%d +0000'\ncd ~/work || exit\n%s",
		os.Getenv("GOROOT"), then.Unix(), then.Unix(), w.command)
}

// do runs the command in a fresh folder and looks at what it leaves.
func (w work) do(ctx context.Context, t *testing.T, p *stage.Person, run func(stdout, stderr io.Writer) error) outcome {
	t.Helper()
	folder := filepath.Join(p.Home, "work")
	fresh := `rm -rf ~/work ~/cache ~/.npm ~/.config && mkdir ~/work`
	if w.name == "go" {
		fresh += " && cp -r " + goCache + " ~/cache"
	}
	_, err := p.Output(ctx, "sh", "-c", fresh)
	must(t, err)
	var stdout, stderr bytes.Buffer
	begun := time.Now()
	err = run(&stdout, &stderr)
	o := outcome{said: stderr.String(), plain: stdout.String(), took: time.Since(begun)}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		o.code = exit.ExitCode()
	} else {
		must(t, err)
	}
	o.tree = w.snapshot(t, folder)
	return o
}

// alone runs the command as the person alone.
func (w work) alone(ctx context.Context, p *stage.Person) func(stdout, stderr io.Writer) error {
	return func(stdout, stderr io.Writer) error {
		cmd := p.Command(ctx, "bash", "-c", w.script())
		cmd.Stdout, cmd.Stderr = stdout, stderr
		return cmd.Run()
	}
}

// governed runs it in a session.
func (w work) governed(ctx context.Context, t *testing.T, p *stage.Person, r *stage.Reeve) func(stdout, stderr io.Writer) error {
	return func(stdout, stderr io.Writer) error {
		if w.adopted {
			return w.adopt(ctx, t, p, r, stdout, stderr)
		}
		cmd := p.Command(ctx, r.Program, "run", "--agent", "claude-code", "--", "bash", "-c", w.script())
		cmd.Stdout, cmd.Stderr = stdout, stderr
		return cmd.Run()
	}
}

// adopt runs it in a shell that waits until it is a session.
func (w work) adopt(ctx context.Context, t *testing.T, p *stage.Person, r *stage.Reeve, stdout, stderr io.Writer) error {
	t.Helper()
	cmd := p.Command(ctx, "bash", "-c", "read -r\n"+w.script())
	cmd.Stdout, cmd.Stderr = stdout, stderr
	wait, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	_, err = r.Output(ctx, "adopt", "--agent", "claude-code", strconv.Itoa(cmd.Process.Pid))
	must(t, err)
	_, err = io.WriteString(wait, "go on\n")
	must(t, err)
	must(t, wait.Close())
	return cmd.Wait()
}

// checkRefusals wants none in any session, but for the one that is the control.
func checkRefusals(ctx context.Context, t *testing.T, p *stage.Person, r *stage.Reeve) {
	t.Helper()
	key := p.Home + "/.ssh/id_ed25519"
	if out, err := p.Command(ctx, r.Program, "run", "--agent", "claude-code", "--", "cat", key).CombinedOutput(); err == nil {
		t.Errorf("the key is read in a session: %s", out)
	}
	if text, err := p.Output(ctx, "cat", key); err != nil || text != secret+"\n" {
		t.Errorf("the key is not read outside: %q, %v", text, err)
	}
	sessions, err := r.Ended(ctx, "claude-code")
	must(t, err)
	if len(sessions) != len(all)+1 {
		t.Errorf("%d sessions, want one for each piece of work and one for the control", len(sessions))
	}
	found, refused := map[stage.Occurrence]bool{}, 0
	for _, s := range sessions {
		timeline, err := r.Timeline(ctx, s.ID)
		must(t, err)
		refused += s.Refused
		for _, o := range timeline {
			if o.Refused() && o.Object == key && o.Rule == "ssh-keys" {
				found[o] = true
			} else if o.Refused() {
				t.Errorf("refused: %+v", o)
			}
		}
	}
	if len(found) == 0 || refused != len(found) {
		t.Errorf("%d refusals counted, of the key %v; want one and no other", refused, found)
	}
}
