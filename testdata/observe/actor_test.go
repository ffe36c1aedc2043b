// SPDX-License-Identifier: Apache-2.0

package observe

// The agent and its tools: copies of this test binary. What they do is denied by policy, and succeeds.

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// part in the environment says what a copy plays.
const part = "REEVE_TEST_PART"

var parts = map[string]func(args []string) int{
	"agent":  agent,
	"tool":   func([]string) int { return leave("last") },
	"last":   func([]string) int { time.Sleep(patience); return 0 },
	"tester": func([]string) int { return 0 },
	"waiter": func([]string) int { _, _ = io.Copy(io.Discard, os.Stdin); return 0 },
}

// patience lets the watcher look at /proc before a process has gone: where nothing is judged, paths come from there.
const patience = 400 * time.Millisecond

const (
	agentStatus = 7
	toolStatus  = 3
)

// agent reads what it must not, runs a tool that leaves a process behind, and says with its status that all of it worked.
func agent(args []string) int {
	time.Sleep(patience)
	dir := args[0]
	if _, err := os.ReadFile(filepath.Join(dir, "secret")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	tool := exec.Command(filepath.Join(dir, "tool"), "--flag", "with space")
	tool.Env = []string{part + "=tool"}
	_ = tool.Run()
	if tool.ProcessState == nil || tool.ProcessState.ExitCode() != toolStatus {
		return 1
	}
	return agentStatus
}

// leave starts a copy in a session of its own, as a daemon does, and ends before it.
func leave(next string) int {
	time.Sleep(patience)
	cmd := exec.Command("/proc/self/exe", "left behind")
	cmd.Env = []string{part + "=" + next}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return 1
	}
	return toolStatus
}
