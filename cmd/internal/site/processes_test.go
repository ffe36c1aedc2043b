// SPDX-License-Identifier: Apache-2.0

package site

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/procfs"
)

func TestProcessesAreLaidOverTheInventory(t *testing.T) {
	c, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	const claude, gemini = "/home/a/.local/share/claude/versions/2.1.330", "/usr/lib/node_modules/@google/gemini-cli/bundle/gemini.js"
	list := []procfs.Running{
		{PID: 10, Parent: 1, Program: claude, Args: []string{"claude"}},
		{PID: 11, Parent: 10, Program: "/usr/bin/bash", Args: []string{"bash"}, Env: []string{"CLAUDECODE"}},
		{PID: 12, Parent: 1, Program: "/usr/bin/node", Args: []string{"node", "--no-warnings", gemini}},
		{PID: 13, Parent: 1, Program: "/home/a/bin/own", Args: []string{"own"}},
		{PID: 14, Parent: 13, Program: "/usr/bin/node", Args: []string{"node", "/usr/bin/npx", "-y", "@x/y@1.0.0"}},
		{PID: 15, Parent: 1, Program: "/home/a/bin/held", Args: []string{"held"}},
		{PID: 16, Parent: 15, Program: "/usr/bin/node", Args: []string{"node", "/usr/bin/npx", "-y", "@x/y@1.0.0"}},
	}
	items := []inventory.Item{
		{Kind: inventory.KindAgent, Name: "claude-code", File: claude}, {Kind: inventory.KindAgent, Name: "gemini-cli", File: gemini},
		{Kind: inventory.KindAgent, Name: "codex", File: "/x/codex"},
	}
	Running(c, list, items)
	for i, want := range [][]uint32{{10}, {12}, nil} {
		if !slices.Equal(items[i].Running, want) {
			t.Errorf("%s: %v", items[i].Name, items[i].Running)
		}
	}
	session := func(pid uint32) string { return map[uint32]string{15: "f3e2-1"}[pid] }
	suspects := Suspects(Processes(c, list, session), [][]string{{"npx", "-y", "@x/y@1.0.0"}})
	if len(suspects) != 1 || suspects[0].Name != "own" || suspects[0].Risk != "high" || !strings.Contains(suspects[0].Evidence[0], "it started the connector") {
		t.Errorf("%+v", suspects)
	}
}

// A process of a known agent is asked for the folders that it was given, and for nothing else.
func TestRunsHaveWhatTheyWereGiven(t *testing.T) {
	c, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, ".local/share/claude/versions/1.0.0")
	raw, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, raw, 0o755); err != nil {
		t.Fatal(err)
	}
	p := exec.Command(program, "60")
	p.Env, p.Dir = []string{"CLAUDE_CONFIG_DIR=/srv/else", "ANTHROPIC_API_KEY=secret"}, dir
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = p.Process.Kill()
		_ = p.Wait()
	}()
	list, err := procfs.All(context.Background(), Names(c))
	if err != nil {
		t.Fatal(err)
	}
	list = slices.DeleteFunc(list, func(r procfs.Running) bool { return int(r.PID) != p.Process.Pid })
	for _, runs := range Runs(context.Background(), c, list) {
		want := map[string]string{"CLAUDE_CONFIG_DIR": "/srv/else"}
		if len(runs) != 1 || runs[0].Agent != "claude-code" || runs[0].Cwd != dir || !reflect.DeepEqual(runs[0].Moved, want) || runs[0].Argv != nil {
			t.Errorf("%+v", runs)
		}
		return
	}
	t.Errorf("nothing was found of %+v", list)
}
