// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// startOf is a process's start since boot in ns, to a hundredth of a second.
func startOf(t *testing.T, pid int) uint64 {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	ticks, err := strconv.ParseUint(string(bytes.Fields(raw[bytes.LastIndexByte(raw, ')')+1:])[19]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return ticks * 10_000_000
}

func TestKillProcessHitsTheOneThatStartedThen(t *testing.T) {
	cmd := exec.Command("/bin/sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	defer func() {
		if !ended {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}()
	pid, started := uint32(cmd.Process.Pid), startOf(t, cmd.Process.Pid)
	for _, other := range []uint64{0, started - 10_000_000, started + 10_000_000} {
		if killed, err := KillProcess(pid, other); killed || err != nil {
			t.Fatalf("one that started at %d, not %d: killed %t, %v", other, started, killed, err)
		}
	}
	if dying(cmd.Process.Pid) {
		t.Fatal("the process was hit for another one")
	}
	if killed, err := KillProcess(pid, started+9_999_999); !killed || err != nil { // /proc rounds down
		t.Fatalf("killed %t, %v", killed, err)
	}
	err := cmd.Wait()
	ended = true
	if err == nil || err.Error() != "signal: killed" {
		t.Errorf("it ended by %v", err)
	}
	if killed, err := KillProcess(pid, started); killed || err != nil {
		t.Errorf("gone: killed %t, %v", killed, err)
	}
}
