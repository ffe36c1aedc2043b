// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
)

// members takes processes for the kernel's: by pid, as the fdinfo of the pidfd says.
type members map[int]uint64

func (m members) TaskSession(pidfd int) (Slot, bool, error) {
	raw, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(pidfd))
	if err != nil {
		return Slot{}, false, err
	}
	_, after, _ := strings.Cut(string(raw), "\nPid:")
	pid, _ := strconv.Atoi(strings.TrimSpace(strings.SplitN(after, "\n", 2)[0]))
	id, ok := m[pid]
	return Slot{Session: bpf.Session{Id: id}}, ok, nil
}

func TestKillReachesTheSessionsAndNobodyElse(t *testing.T) {
	start := func() *exec.Cmd {
		cmd := exec.Command("/bin/sleep", "60")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	one, two, other := start(), start(), start()
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	m := members{one.Process.Pid: 7, two.Process.Pid: 8, other.Process.Pid: 9}
	killed, err := KillSessions(context.Background(), m, map[uint64]bool{7: true, 8: true})
	if err != nil || killed != 2 {
		t.Errorf("killed %d, %v", killed, err)
	}
	for _, cmd := range []*exec.Cmd{one, two} {
		if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
			t.Errorf("member: %v", err)
		}
	}
	if dying(other.Process.Pid) {
		t.Error("a process of another session was killed")
	}
}

// late has nobody the first time that it is asked: who was born while all were looked through.
type late struct {
	Members
	id    uint64
	asked bool
}

func (l *late) TaskSession(pidfd int) (Slot, bool, error) {
	slot, ok, err := l.Members.TaskSession(pidfd)
	if ok && slot.Id == l.id && !l.asked {
		l.asked = true
		return Slot{}, false, nil
	}
	return slot, ok, err
}

func TestOneLookThatFindsNobodyIsNotEnough(t *testing.T) {
	cmd := exec.Command("/bin/sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	ids := map[uint64]bool{900013: true}
	f := newFreezer(t, kin{})
	f.members = &late{Members: members{cmd.Process.Pid: 900013}, id: 900013}
	defer func() { _, _ = f.Thaw(ids) }()
	if moved, err := f.Freeze(t.Context(), ids, mayFork); err != nil || moved != 1 {
		t.Errorf("froze %d, %v", moved, err)
	}
	if killed, err := KillSessions(t.Context(), &late{Members: members{cmd.Process.Pid: 900013}, id: 900013}, ids); err != nil || killed < 1 {
		t.Errorf("killed %d, %v", killed, err)
	}
}
