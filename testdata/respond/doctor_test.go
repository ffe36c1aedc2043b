// SPDX-License-Identifier: Apache-2.0

package respond

// doctor where everything is held: status 0, and only there.

import (
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/testdata/stage"
)

// fullCoverage wants what doctor finds as objects, one a line, and a status that says that nothing is missing.
func fullCoverage(ctx context.Context, t *testing.T) {
	out, err := exec.CommandContext(ctx, "bin/reeve", "doctor", "--json").Output()
	if err != nil {
		t.Errorf("coverage is full: %v", err)
	}
	states := map[string]string{}
	for line := range strings.Lines(string(out)) {
		var row struct{ Name, State string }
		if err := json.Unmarshal([]byte(line), &row); err != nil || row.Name == "" || row.State == "" {
			t.Errorf("%v: %s", err, line)
		}
		states[strings.TrimSpace(row.Name)] = row.State
	}
	for _, name := range []string{"programs", "exec", "exec.argv", "file.read", "file.write", "net.domain", "kernel"} {
		if states[name] != "ok" {
			t.Errorf("%s: %q\n%s", name, states[name], out)
		}
	}
}

// unprivileged: who may not try says so, and does not answer yes.
func unprivileged(ctx context.Context, t *testing.T, alice *stage.Person) {
	doctor := alice.Command(ctx, "/usr/bin/reeve", "doctor")
	out, err := doctor.CombinedOutput()
	if status := doctor.ProcessState.ExitCode(); status != 1 || !strings.Contains(string(out), "coverage: unknown\n") {
		t.Errorf("exit %d, %v\n%s", status, err, out)
	}
}
