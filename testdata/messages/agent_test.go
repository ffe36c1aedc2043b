// SPDX-License-Identifier: Apache-2.0

package messages

// The real Claude Code follows the script. Without a policy every forbidden act of the demo succeeds:
// this is the control for the tests in which the sensor refuses them.

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/vm"
	"github.com/reeve-sensor/reeve/testdata/vm/vmtest"
)

func TestClaudeCodeFollowsTheScript(t *testing.T) {
	claude := filepath.Join(vmtest.Layer(t, ClaudeLayer), "home/alice", ClaudeProgram)
	server := filepath.Join(vmtest.Build(t, "../..", "./testdata/messages/cmd/messages"), "messages")
	home := t.TempDir()
	record := filepath.Join(home, "record")
	makeHome(t, home)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	scenario, err := filepath.Abs("scenarios/demo.toml")
	if err != nil {
		t.Fatal(err)
	}
	// Root may not skip permissions, so the tools are allowed one by one.
	cmd := exec.CommandContext(ctx, server, "-record", record, "-set", "home="+home, "-set", "dir="+home+"/hello",
		scenario, "--", claude, "-p", "Write hello", "--allowedTools", "Bash Read Edit Write")
	cmd.Dir = filepath.Join(home, "hello")
	cmd.Env = append(os.Environ(), "HOME="+home)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "Done: the program") {
		t.Errorf("the last text did not reach the terminal:\n%s", out)
	}
	results := readResults(t, record)
	checkControl(t, results)
}

func makeHome(t *testing.T, home string) {
	t.Helper()
	for name, text := range map[string]string{".ssh/id_ed25519": "made for the scenario\n", "hello/.keep": "", ".bashrc": "# start\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(home, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestClaudeCodeInAGuest runs it as an ordinary user under a kernel where a policy could be in force.
func TestClaudeCodeInAGuest(t *testing.T) {
	vmtest.Machine(t)
	server := filepath.Join(vmtest.Build(t, "../..", "./testdata/messages/cmd/messages"), "messages")
	out := t.TempDir()
	result, err := vm.Run(context.Background(), vm.Config{
		Mode: vm.Root, Memory: 4096, Timeout: 10 * time.Minute, Out: out, Log: t.Output(),
		Layers: []string{vmtest.Layer(t, ClaudeLayer)},
		Files:  []vm.File{{From: server}, {From: "scenarios/demo.toml"}},
		Env:    Emulated(),
		Command: `set -e
			mkdir -p /home/alice/.ssh /home/alice/hello
			echo 'made for the scenario' > /home/alice/.ssh/id_ed25519
			chown -R alice: /home/alice/.ssh /home/alice/hello /out
			su alice -c 'cd ~/hello && /job/messages -record /out/record /job/demo.toml -- \
				~/.local/bin/claude -p "Write hello" --permission-mode bypassPermissions'
			grep 'alias x=y' /home/alice/.bashrc`,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("whole %s", result.Elapsed.Round(time.Second))
	if result.Code != 0 {
		t.Fatalf("code %d\n%s", result.Code, result.Console)
	}
	checkControl(t, readResults(t, filepath.Join(out, "record")))
}

func readResults(t *testing.T, name string) []Result {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []Result
	for lines := json.NewDecoder(f); lines.More(); {
		var r Record
		if err := lines.Decode(&r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r.Results...)
	}
	return all
}

// checkControl expects one result a tool call, and that what policy would forbid went through.
func checkControl(t *testing.T, results []Result) {
	t.Helper()
	s, err := Load("scenarios/demo.toml", nil)
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	for _, turn := range s.Turns {
		calls += len(turn.Tools)
	}
	if len(results) != calls {
		t.Errorf("%d results of %d tool calls", len(results), calls)
	}
	keys := 0
	for _, r := range results {
		note := s.Turns[r.Turn].Note
		if strings.Contains(note, "key") && strings.Contains(r.Content, "made for the scenario") {
			keys++
		}
		if strings.Contains(note, "exec.argv") && !strings.Contains(r.Content, "main -> main") {
			t.Errorf("%s: %s", note, r.Content)
		}
		if strings.HasPrefix(note, "allowed") && r.Error {
			t.Errorf("%s: %s", note, r.Content)
		}
	}
	if keys != 3 {
		t.Errorf("the key was read %d times, want 3: %+v", keys, results)
	}
}
