// SPDX-License-Identifier: Apache-2.0

package main

// Colour is for terminals alone. The command is a process of its own with a real one, since who asks the kernel whether it has
// a terminal cannot be asked about a pretended one.

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal opens both ends of a new terminal.
func openTerminal(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	fd := int(ours.Fd())
	number, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	err = errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0), unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 200}))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// onTerminal runs reeve with a terminal for standard input and errors, and for its output too unless that is piped.
func onTerminal(t *testing.T, piped bool, env []string, args ...string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := openTerminal(t)
	read, in := ours, theirs
	if piped {
		if read, in, err = os.Pipe(); err != nil {
			t.Fatal(err)
		}
		defer read.Close()
	}
	cmd := &exec.Cmd{Path: self, Args: append([]string{"reeve"}, args...), Env: env, Stdin: theirs, Stdout: in, Stderr: theirs} // as TestMain knows it
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	in.Close() // of a pipe; a terminal's is closed already
	text, err := io.ReadAll(read)
	if err != nil && !errors.Is(err, unix.EIO) { // which is a terminal's end
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() != exitNo {
		t.Fatalf("%v\n%s", err, text)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

var escape = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestColourIsForTerminals(t *testing.T) {
	dir := t.TempDir()
	const rule = "version = 1\nbase = \"none\"\n[[rule]]\nid = \"keys\"\non = [\"file.read\"]\nmatch = [\"/k/**\"]\naction = \"%s\"\n"
	for name, text := range map[string]string{
		"reeve.toml": fmt.Sprintf("policy = []\nagents = %q\n", dir+"/agents.d"), "deny.toml": fmt.Sprintf(rule, "deny"), "audit.toml": fmt.Sprintf(rule, "audit"),
		"bad.toml": fmt.Sprintf(rule, "perhaps"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		args     []string
		coloured string // a piece of what a terminal gets
	}{
		{[]string{"policy", "check", file("deny.toml")}, "\x1b[32mok:\x1b[0m base none"},
		{[]string{"policy", "check", file("bad.toml")}, "\x1b[31merror\x1b[0m: "},
		{[]string{"policy", "diff", file("deny.toml"), file("audit.toml")}, "\x1b[33m~ rule keys"},
	} {
		base := []string{"REEVE_CONFIG=" + file("reeve.toml"), "PATH=/usr/bin:/bin"}
		shown := onTerminal(t, false, append(base, "TERM=xterm"), c.args...)
		if !strings.Contains(shown, c.coloured) {
			t.Errorf("reeve %v: a terminal gets %q, want %q in it", c.args, shown, c.coloured)
		}
		if empty := onTerminal(t, false, append(base, "TERM=xterm", "NO_COLOR="), c.args...); empty != shown {
			t.Errorf("reeve %v: an empty NO_COLOR makes it %q", c.args, empty)
		}
		for name, plain := range map[string]string{
			"NO_COLOR": onTerminal(t, false, append(base, "TERM=xterm", "NO_COLOR=1"), c.args...),
			"dumb":     onTerminal(t, false, append(base, "TERM=dumb"), c.args...),
			"a pipe":   onTerminal(t, true, append(base, "TERM=xterm"), c.args...),
		} {
			want := escape.ReplaceAllString(shown, "")
			if name == "a pipe" {
				want, _, _ = strings.Cut(want, "reeve: ") // what is an error goes to the terminal
			}
			if plain != want || plain == "" {
				t.Errorf("reeve %v, %s: %q, want %q", c.args, name, plain, want)
			}
		}
	}
}
