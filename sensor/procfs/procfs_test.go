// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"syscall"
	"testing"
	"time"
)

func child(t *testing.T, env ...string) (uint32, string) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("/bin/sleep", "60")
	cmd.Env, cmd.Dir = env, dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return uint32(cmd.Process.Pid), dir
}

func TestLookKeepsAllowedNamesOnly(t *testing.T) {
	pid, dir := child(t, "CLAUDE_CODE_SESSION_ID=abc", "ANTHROPIC_API_KEY=secret", "PATH=/bin")
	p, err := Look(context.Background(), pid, time.Now(), []string{"CLAUDE_CODE_SESSION_ID", "CODEX_THREAD_ID"})
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"CLAUDE_CODE_SESSION_ID": "abc"}; !reflect.DeepEqual(p.Env, want) {
		t.Errorf("kept %v", p.Env)
	}
	if p.Cwd != dir || p.Program == "" || p.UID != uint32(os.Getuid()) {
		t.Errorf("%+v", p)
	}
}

func TestLookNoticesAnotherProcess(t *testing.T) {
	pid, _ := child(t)
	if _, err := Look(context.Background(), pid, time.Now().Add(-time.Hour), nil); !errors.Is(err, ErrOther) {
		t.Errorf("a process that started an hour later: %v", err)
	}
}

func TestClaudeRegistry(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "sessions")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("10.json", `{"pid":10,"sessionId":"fb58cd36-0000","cwd":"/p","version":"2.1.330","entrypoint":"cli"}`)
	write("11.json", `{"pid":10,"sessionId":"x"}`)
	write("12.json", `{"pid":12,"sessionId":"a b\n"}`)
	if err := os.Symlink("10.json", filepath.Join(dir, "13.json")); err != nil {
		t.Fatal(err)
	}
	if r, err := ClaudeRegistry(home, 10); err != nil || r.Conversation != "fb58cd36-0000" || r.Version != "2.1.330" {
		t.Errorf("%+v, %v", r, err)
	}
	for _, pid := range []uint32{11, 12, 13, 14} {
		if r, err := ClaudeRegistry(home, pid); err == nil {
			t.Errorf("%d was believed: %+v", pid, r)
		}
	}
}

func TestWallIsNowNow(t *testing.T) {
	if d := time.Until(Wall(SinceBoot())).Abs(); d > time.Second {
		t.Errorf("off by %v", d)
	}
}

func TestStarted(t *testing.T) {
	before := SinceBoot()
	pid, _ := child(t)
	const tick = uint64(10 * time.Millisecond)
	if at := Started(pid); at+tick < before || at > SinceBoot() {
		t.Errorf("a child that was started between %d and %d began at %d", before, SinceBoot(), at)
	}
	if at := Started(3_999_999_001); at != 0 {
		t.Errorf("nobody began at %d", at)
	}
}

func TestUserWithoutAccountIsItsNumber(t *testing.T) {
	if name, home := User(4_000_000_123); name != "4000000123" || home != "" {
		t.Errorf("%q %q", name, home)
	}
}

func TestAllKeepsNamesAndNoValues(t *testing.T) {
	pid, _ := child(t, "CLAUDECODE=1", "ANTHROPIC_API_KEY=secret", "PATH=/bin")
	all, err := All(context.Background(), []string{"CLAUDECODE", "ANTHROPIC_API_KEY"})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.PID == pid {
			if want := []string{"CLAUDECODE", "ANTHROPIC_API_KEY"}; !reflect.DeepEqual(r.Env, want) || r.Parent != uint32(os.Getpid()) || len(r.Args) != 2 || r.Program == "" {
				t.Errorf("%+v", r)
			}
			return
		}
	}
	t.Error("not listed")
}

// Of an environment nothing is returned but what was asked for.
func TestEnvironmentGivesWhatIsAskedFor(t *testing.T) {
	pid, _ := child(t, "KEY=a b=c", "EMPTY=", "OTHER=secret")
	got, err := Environment(pid, Started(pid), []string{"KEY", "EMPTY", "MISSING"})
	for errors.Is(err, ErrStarting) {
		got, err = Environment(pid, Started(pid), []string{"KEY", "EMPTY", "MISSING"})
	}
	if want := map[string]string{"KEY": "a b=c", "EMPTY": ""}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := Environment(pid, Started(pid)+uint64(time.Hour), nil); !errors.Is(err, ErrOther) {
		t.Errorf("a process that started an hour later: %v", err)
	}
	if _, err := Environment(1<<30, 0, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no process: %v", err)
	}
	over := exec.Command("/bin/true")
	if err := over.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = over.Wait() }()
	pid = uint32(over.Process.Pid)
	for {
		_, err := Environment(pid, Started(pid), nil)
		if errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) { // which kernels say differs
			return // its number is there until it is waited for
		}
		if err != nil && !errors.Is(err, ErrStarting) {
			t.Fatalf("a process that ends: %v", err)
		}
	}
}
