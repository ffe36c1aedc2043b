// SPDX-License-Identifier: Apache-2.0

package live

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// copyOf puts a copy of the guest's busybox at path: a real program whose first argument is its applet.
func copyOf(t *testing.T, path string) {
	t.Helper()
	program, err := os.ReadFile("/bin/busybox")
	must(t, err)
	anew(t, path, program)
}

func script(t *testing.T, path, text string) {
	t.Helper()
	anew(t, path, []byte(text))
}

// anew makes another file than the one that may be there, which a session of an earlier test may have written.
func anew(t *testing.T, path string, data []byte) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		must(t, err)
	}
	must(t, os.WriteFile(path, data, 0o755))
}

func TestExecIsJudged(t *testing.T) {
	copyOf(t, "/data/bin/denied")
	copyOf(t, "/data/bin/free")
	script(t, "/data/bin/script", "#!/bin/sh\nexit 0\n")
	script(t, "/data/bin/onward", "#!/data/bin/denied true\n")
	policy(t, `
[[rule]]
id = "programs"
on = ["exec"]
match = ["/data/bin/denied", "/data/bin/script"]
action = "deny"
reason = "test"
`)
	in, out := session(t), start(t)
	for path, e := range map[string]syscall.Errno{
		"/data/bin/denied": unix.EPERM,
		"/data/bin/script": unix.EPERM,
		"/data/bin/onward": unix.EPERM, // its interpreter is denied
		"/data/bin/free":   0,
	} {
		a := act{Do: "exec", Path: path, Argv: []string{"busybox", "true"}}
		in.want(a, e)
		out.want(a, 0)
	}
	for _, how := range []string{"map", "mprotect"} {
		a := act{Do: how, Path: "/data/bin/denied"}
		in.want(a, unix.EPERM)
		out.want(a, 0)
		in.want(act{Do: how, Path: "/data/bin/free"}, 0)
	}
}

func TestLineIsJudgedWhole(t *testing.T) {
	copyOf(t, "/data/bin/git")
	script(t, "/data/bin/tool", "#!/data/bin/git true\n")
	policy(t, `
[[rule]]
id = "force"
on = ["exec.argv"]
match = ["git push *--force*", "tool --bad", "git true a  b"]
action = "deny"
reason = "test"
`)
	in, out := session(t), start(t)
	long := strings.Repeat("x", 100_000)
	for name, c := range map[string]struct {
		path   string
		argv   []string
		killed bool
	}{
		"plain":                       {"/data/bin/git", []string{"true", "push", "origin", "--force"}, true},
		"argv0-is-not-judged":         {"/data/bin/git", []string{"--force", "true", "push"}, false},
		"allowed":                     {"/data/bin/git", []string{"true", "push", "origin"}, false},
		"after-a-long-argument":       {"/data/bin/git", []string{"true", "push", long, "--force"}, true},
		"long-and-allowed":            {"/data/bin/git", []string{"true", "push", long, "--farce"}, false},
		"at-a-border-of-pieces":       {"/data/bin/git", []string{"true", "push", strings.Repeat("y", 4070), "--force"}, true},
		"script-and-its-arguments":    {"/data/bin/tool", []string{"anything", "--bad"}, true},
		"script-with-other-arguments": {"/data/bin/tool", []string{"anything", "--good"}, false},
		"empty-argument":              {"/data/bin/git", []string{"git", "true", "a", "", "b"}, true},
		"no-argument":                 {"/data/bin/git", []string{"true"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := act{Do: "exec", Path: c.path, Argv: c.argv}
			if r := in.do(a); (r.Signal == unix.SIGKILL) != c.killed || r.Errno != 0 {
				t.Errorf("in a session: %+v, want killed %v", r, c.killed)
			}
			if r := out.do(a); r.Signal != 0 || r.Errno != 0 {
				t.Errorf("outside: %+v, want it to run", r)
			}
		})
	}
}

var rewrites = flag.Int("rewrites", 1000, "execs of a line that is rewritten meanwhile")

// What is judged is the kernel's own copy of the line, on the new stack, where no thread of the old memory reaches: whatever the
// letter was when the kernel read it, the program is killed or was allowed to run with it.
func TestLineThatIsRewrittenIsJudged(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("one processor: nobody rewrites anything meanwhile")
	}
	copyOf(t, "/data/bin/tool")
	policy(t, `
[[rule]]
id = "equal"
on = ["exec.argv"]
match = ["tool a = a"]
action = "deny"
reason = "test"
`)
	// busybox as test(1): 0 where it was given the line that is denied, 1 with the other one.
	flip := act{Do: "flip", Path: "/data/bin/tool", Argv: []string{"test", "a", "="}, To: "ab", Flags: *rewrites}
	var in, out result
	inside, outside := session(t), start(t)
	unlessLeftOut(t, func() bool {
		in = inside.do(flip)
		return in.Flips.Zero == 0
	})
	if f := in.Flips; in.Errno != 0 || f.Zero != 0 || f.Killed == 0 || f.Other == 0 {
		t.Errorf("in a session: %+v, want some killed, some that ran as is allowed, and no other", in)
	}
	flip.Flags = max(*rewrites/4, 100)
	out = outside.do(flip)
	if f := out.Flips; out.Errno != 0 || f.Killed != 0 || f.Zero == 0 || f.Other == 0 {
		t.Errorf("outside: %+v, want both lines to run", out)
	}
	t.Logf("in a session %+v, outside %+v", in.Flips, out.Flips)
}

func TestLineIsRecordedWhole(t *testing.T) {
	copyOf(t, "/data/bin/git")
	policy(t, "")
	in := session(t)
	stop := watch(t)
	argv := []string{"true", "one", strings.Repeat("z", 9000), "last"}
	pid := uint32(in.do(act{Do: "exec", Path: "/data/bin/git", Argv: argv}).PID)
	name, raw := lineOf(stop(), pid)
	if want := strings.Join(argv, "\x00") + "\x00"; name != "git" || raw != want {
		t.Errorf("recorded %s %d bytes %.40q, want git %d bytes", name, len(raw), raw, len(want))
	}
}
