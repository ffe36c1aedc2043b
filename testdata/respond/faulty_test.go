// SPDX-License-Identifier: Apache-2.0

package respond

// Faulty policies under the unit, where files are held: whatever the daemon is given, a session is refused what it was, and
// reads what it did.

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/testdata/faulty"
	"github.com/reeve-sensor/reeve/testdata/stage"
)

const folder = "/etc/reeve/policy.d"

// generation is that of the policy in force.
func generation(ctx context.Context, t *testing.T, r *stage.Reeve) uint64 {
	t.Helper()
	all, err := stage.Objects[struct{ Generation uint64 }](ctx, r, "policy", "show", "--running", "--json")
	must(t, err)
	return all[0].Generation
}

// errorsIn counts the lines that name an error, and gives them.
func errorsIn(text, mark string) (count int, lines string) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, mark) {
			count, lines = count+1, lines+line
		}
	}
	return count, lines
}

// applied asks for the configured policy, which must be refused.
func applied(ctx context.Context, t *testing.T, r *stage.Reeve) (count int, lines string) {
	t.Helper()
	cmd := exec.CommandContext(ctx, r.Program, "policy", "apply")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), " stays in force\n") {
		t.Errorf("reeve policy apply: %v\n%s", err, out)
	}
	return errorsIn(string(out), "reeve: error: ")
}

// reloaded has the unit read its policy again, which must refuse it.
func reloaded(ctx context.Context, t *testing.T, r *stage.Reeve) (count int, lines string) {
	t.Helper()
	before := len(r.Said())
	out, err := exec.CommandContext(ctx, "systemctl", "reload", "reeved").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const stays = "level=ERROR msg=\"the policy stays as it was\""
	said := func() string { return r.Said()[before:] }
	wait(t, r, "what the daemon says of its policy", func() bool {
		return strings.HasSuffix(said(), "\n") && (strings.Contains(said(), stays) || strings.Contains(said(), "policy applied"))
	})
	return errorsIn(said(), stays)
}

// reads is what a session of alice's says of a file that is denied and of one that is not.
func reads(ctx context.Context, t *testing.T, alice *stage.Person, runner ...string) string {
	t.Helper()
	argv := append(runner, "sh", "-c", "cat .ssh/id_ed25519 2>&1; cat notes")
	out, err := alice.Command(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v", argv, err)
	}
	return string(out)
}

func faultyPolicies(ctx context.Context, t *testing.T, r *stage.Reeve, alice *stage.Person) {
	must(t, alice.Write(map[string]string{".ssh/id_ed25519": "a key\n", "notes": "free\n"}))
	must(t, alice.Own())
	if got := reads(ctx, t, alice); got != "a key\nfree\n" {
		t.Fatalf("outside of every session: %q", got)
	}
	old := generation(ctx, t, r)
	for _, p := range faulty.Policies() {
		for way, give := range map[string]func(context.Context, *testing.T, *stage.Reeve) (int, string){"apply": applied, "reload": reloaded} {
			takeBack, err := p.Put(folder)
			must(t, err)
			count, said := give(ctx, t, r)
			must(t, takeBack())
			if count != 1 || !strings.Contains(said, p.Says) {
				t.Errorf("%s, %s: want one error with %q, got %d:\n%s", p.Name, way, p.Says, count, said)
			}
			if now := generation(ctx, t, r); now != old {
				t.Errorf("%s, %s: generation %d is in force, want %d", p.Name, way, now, old)
			}
			if got := reads(ctx, t, alice, "reeve", "run", "--"); !strings.HasSuffix(got, "Permission denied\nfree\n") || strings.Contains(got, "a key") {
				t.Errorf("%s, %s: a session reads %q", p.Name, way, got)
			}
		}
	}
	_, err := r.Output(ctx, "policy", "apply") // the control: what is right comes into force
	must(t, err)
	if now := generation(ctx, t, r); now <= old {
		t.Errorf("generation %d, then %d", old, now)
	}
}
