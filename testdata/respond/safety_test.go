// SPDX-License-Identifier: Apache-2.0

package respond

// What keeps a policy from doing harm, by the whole daemon: a broken glass that mends itself, a policy that nobody confirms, a
// session that is refused too often. None reaches further than it should.

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/stage"
)

// denialsMost is what the configuration lets a session be refused within a minute. Who asks once a second stays below.
const denialsMost = "100"

// lenient is a policy that refuses nothing.
const lenient = "version = 1\nbase = \"none\"\n[[role]]\nname = \"default\"\n"

func safety(ctx context.Context, t *testing.T, r *stage.Reeve, alice *stage.Person) {
	must(t, alice.Write(map[string]string{".ssh/id_ed25519": "a key\n", "notes": "free\n", "lenient.toml": lenient}))
	must(t, alice.Own())
	ctx, cancel := context.WithTimeout(ctx, 8*time.Minute)
	defer cancel()
	g := asksOften(ctx, t, r, alice)
	defer g.end()
	g.breaks(ctx, t)
	t.Run("spike", func(t *testing.T) { spike(ctx, t, r, alice) })
	t.Run("unconfirmed", func(t *testing.T) { unconfirmed(ctx, t, r, alice) })
	g.mends(ctx, t)
}

// noticed counts what the sensor itself said by that name.
func noticed(ctx context.Context, t *testing.T, r *stage.Reeve, name string) int {
	t.Helper()
	out, err := r.Output(ctx, "events", "--kind", "notice", "--limit", "1000")
	must(t, err)
	return strings.Count(out, name)
}

// asking is a session that asks for a key once a second, and keeps what it gets.
type asking struct {
	r    *stage.Reeve
	cmd  *exec.Cmd
	id   string
	kept string
}

func asksOften(ctx context.Context, t *testing.T, r *stage.Reeve, alice *stage.Person) *asking {
	t.Helper()
	a := &asking{r: r, kept: filepath.Join(alice.Home, "kept")}
	a.cmd = alice.Command(ctx, "reeve", "run", "--", "sh", "-c", "while :; do cat .ssh/id_ed25519 >> kept 2> /dev/null; sleep 1; done")
	must(t, a.cmd.Start())
	wait(t, r, "a session that is refused", func() bool {
		all, err := stage.Objects[stage.Session](ctx, r, "sessions", "--json")
		must(t, err)
		for _, s := range all {
			a.id = s.ID
		}
		return len(all) == 1 && all[0].Refused > 1
	})
	if size(a.kept) > 0 {
		t.Fatal("it has the key without a broken glass")
	}
	return a
}

func (a *asking) end() {
	_ = a.cmd.Process.Kill()
	_ = a.cmd.Wait()
}

func (a *asking) refused(ctx context.Context, t *testing.T) int {
	t.Helper()
	all, err := stage.Objects[stage.Session](ctx, a.r, "sessions", "--json")
	must(t, err)
	for _, s := range all {
		if s.ID == a.id {
			return s.Refused
		}
	}
	t.Fatalf("session %s is over", a.id)
	return 0
}

// breaks: an administrator may, and is told by everything that speaks of it; others, and whoever is in a session, may not.
func (a *asking) breaks(ctx context.Context, t *testing.T) {
	t.Helper()
	ask := []string{"break-glass", "--for", "1m", "--reason", "the build is on fire"}
	inside := append([]string{"run", "--", "/usr/bin/reeve"}, append(ask, "--host")...)
	if out, err := exec.CommandContext(ctx, a.r.Program, inside...).CombinedOutput(); err == nil {
		t.Errorf("root broke the glass from inside a session: %s", out)
	}
	if n := noticed(ctx, t, a.r, "break-glass.begin"); n != 0 {
		t.Errorf("the glass was broken %d times before anybody did", n)
	}
	said, err := a.r.Output(ctx, append(ask, "--session", a.id)...)
	must(t, err)
	wait(t, a.r, "the key", func() bool { return size(a.kept) > 0 })
	status, err := a.r.Output(ctx, "status")
	must(t, err)
	for _, text := range []string{said, status} {
		if !strings.Contains(text, "policy refuses nothing in session "+a.id) || !strings.Contains(text, "the build is on fire") {
			t.Errorf("it is not loud about it:\n%s", text)
		}
	}
	if n := noticed(ctx, t, a.r, "break-glass.begin"); n != 1 {
		t.Errorf("the glass was broken once, and told %d times", n)
	}
}

// mends: it ends by itself, which is told, and the session is refused what it was before.
func (a *asking) mends(ctx context.Context, t *testing.T) {
	t.Helper()
	wait(t, a.r, "the end of it", func() bool { return noticed(ctx, t, a.r, "break-glass.end") == 1 })
	more := func(than int) func() bool { return func() bool { return a.refused(ctx, t) > than } }
	first := a.refused(ctx, t)
	wait(t, a.r, "a refusal", more(first))
	had := size(a.kept)
	wait(t, a.r, "more of them", more(first+3))
	if now := size(a.kept); now != had {
		t.Errorf("the glass is whole again, and %d bytes of the key became %d", had, now)
	}
}

// spike: a session that is refused too often is only audited from then on, and no other.
func spike(ctx context.Context, t *testing.T, r *stage.Reeve, alice *stage.Person) {
	cmd := alice.Command(ctx, "reeve", "run", "--", "bash", "-c", "until read -r key < .ssh/id_ed25519; do :; done 2> /dev/null; echo \"$key\"")
	out, err := cmd.Output()
	if string(out) != "a key\n" {
		t.Errorf("refused for ever: %q, %v", out, err)
	}
	wait(t, r, "what is said of it", func() bool { return noticed(ctx, t, r, "safety.audit") == 1 })
	if got := reads(ctx, t, alice, "reeve", "run", "--"); !strings.HasSuffix(got, "Permission denied\nfree\n") {
		t.Errorf("another session reads %q", got)
	}
}

// unconfirmed: a policy that nobody confirms is in force for its time, and then what was before it is.
func unconfirmed(ctx context.Context, t *testing.T, r *stage.Reeve, alice *stage.Person) {
	const back = "policy.rolled-back"
	for within, told := 15*time.Second, noticed(ctx, t, r, back); ; within *= 4 {
		said, err := r.Output(ctx, "policy", "apply", "--confirm-within", within.String(), filepath.Join(alice.Home, "lenient.toml"))
		must(t, err)
		got := reads(ctx, t, alice, "reeve", "run", "--")
		over := noticed(ctx, t, r, back) > told
		if got != "a key\nfree\n" && over && within < time.Minute {
			told++ // the machine was too slow to see it
			continue
		}
		if got != "a key\nfree\n" {
			t.Errorf("under the new policy: %q; %s", got, said)
		}
		wait(t, r, "the policy to be taken back", func() bool { return noticed(ctx, t, r, back) == told+1 })
		break
	}
	if got := reads(ctx, t, alice, "reeve", "run", "--"); !strings.HasSuffix(got, "Permission denied\nfree\n") {
		t.Errorf("taken back: %q", got)
	}
	if out, err := exec.CommandContext(ctx, r.Program, "policy", "apply", "--confirm").CombinedOutput(); err == nil || !bytes.Contains(out, []byte("no policy waits")) {
		t.Errorf("what was taken back is confirmed: %v, %s", err, out)
	}
}
