// SPDX-License-Identifier: Apache-2.0

package live

// What a process calls itself is told as what it says, and nothing hangs on it: who it is, is its number and its start, and what
// it executes is named by its file.

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
)

func TestWhatIsExecutedIsNamedByItsFile(t *testing.T) {
	copyOf(t, "/data/bin/git")
	os.Remove("/data/bin/reeved")
	must(t, os.Symlink("/data/bin/git", "/data/bin/reeved"))
	files(t)
	policy(t, secretPolicy)
	in := session(t)
	in.want(act{Do: "comm", Path: "systemd"}, 0)
	stop := watch(t)
	pid := uint32(in.do(act{Do: "exec", Path: "/data/bin/reeved", Argv: []string{"true"}}).PID)
	in.want(act{Do: "open", Path: "/data/secret/key"}, unix.EACCES)
	records := stop()
	if name, _ := lineOf(records, pid); name != "git" {
		t.Errorf("it is told that %q was executed, want git", name)
	}
	refused := 0
	for _, r := range records {
		if bpf.EventKind(r.Kind) != bpf.KindAccess || r.Error == 0 {
			continue
		}
		refused++
		if said := unix.ByteSliceToString(r.Comm[:]); r.Pid != in.pid() || said != "systemd" {
			t.Errorf("refused was %d, called %q, want %d, called systemd", r.Pid, said, in.pid())
		}
	}
	if refused == 0 {
		t.Error("no refusal is told")
	}
}
