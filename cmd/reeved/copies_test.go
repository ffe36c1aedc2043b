// SPDX-License-Identifier: Apache-2.0

package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/testdata/need"
)

func mustCopy(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// noSleep is a policy about a program that every system has.
var noSleep = []*pb.PolicyFile{{Name: "a.toml", Text: `version = 1
base = "none"
[[rule]]
id = "sleep"
on = ["exec"]
match = ["**/sleep"]
action = "deny"
reason = "no sleep"
`}}

// copiesOf is a table that keeps what it is told last.
type copiesOf chan string

func (c copiesOf) SetCopy(f *os.File, program string) error {
	c <- f.Name() + " of " + program
	return nil
}
func (c copiesOf) ForgetCopy(*os.File) error        { return nil }
func (c copiesOf) IsWritten(*os.File) (bool, error) { return false, nil }
func (c copiesOf) Copies() (map[uint64]bool, error) { return map[uint64]bool{}, nil }

// From the policy in force, the system's own programs and a real file to what the kernel is told; anew with the next policy.
func TestCopiesOfWhatThePolicyRefusesAreTold(t *testing.T) {
	need.Root(t)
	program, err := filepath.EvalSymlinks("/bin/sleep")
	mustCopy(t, err)
	text, err := os.ReadFile(program)
	mustCopy(t, err)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	mustCopy(t, err)
	copied := filepath.Join(dir, "copy")
	mustCopy(t, os.WriteFile(copied, text, 0o755))
	p, _ := inForce(t)
	told := make(copiesOf, 16)
	c := newCopying(told, p, slog.New(slog.DiscardHandler))
	done := make(chan struct{})
	go func() { defer close(done); c.run(t.Context()) }()
	t.Cleanup(func() { <-done })

	l, ps := p.read(noSleep)
	if l == nil {
		t.Fatal(ps)
	}
	mustCopy(t, p.put(l))
	want := copied + " of " + program
	deadline := time.After(20 * time.Second)
	for {
		c.watcher.Saw(&event.Event{Kind: event.Access, Object: copied, View: event.ViewHost,
			Head: event.Head{Kind: event.Access, Op: event.Op(bpf.OpFileWrite), Session: 7, Action: event.Allow}})
		select {
		case got := <-told:
			if got != want {
				t.Errorf("told %q, want %q", got, want)
			}
			return
		case <-time.After(100 * time.Millisecond):
		case <-deadline:
			t.Fatalf("nothing is told: %+v", c.watcher.Counts())
		}
	}
}

// The rule is that of the program, and the event says of which one.
func TestRuleOfACopyIsTheProgramsOwn(t *testing.T) {
	p, _ := inForce(t)
	l, ps := p.read(noSleep)
	if l == nil {
		t.Fatal(ps)
	}
	mustCopy(t, p.put(l))
	e := &event.Event{Kind: event.Access, Object: "/home/u/copy", CopyOf: "/usr/bin/sleep", Head: event.Head{
		Kind: event.Access, Op: event.Op(bpf.OpExec), Principal: 1, Action: event.Deny, Policy: l.image.Generation, Flags: uint16(bpf.EventCopy)}}
	if r := p.Rule(e); r.ID != "sleep" || r.Reason != "a copy of /usr/bin/sleep: no sleep" {
		t.Errorf("%+v", r)
	}
	e.CopyOf = ""
	if r := p.Rule(e); r.ID == "sleep" {
		t.Errorf("%+v of the file's own name", r)
	}
}

// What is mounted meanwhile counts at once.
func TestNearbyFollowsMounts(t *testing.T) {
	n := &nearby{}
	mustCopy(t, n.near("/etc/passwd"))
	if changed, err := n.changed(); changed || err != nil {
		t.Errorf("nothing was mounted: %t, %v", changed, err)
	}
	n.avoid = []string{"/etc"} // as if something lay there
	if err := n.near("/etc/passwd"); err == nil {
		t.Error("what is avoided is not")
	}
	need.Programs(t) // and may mount
	dir := t.TempDir()
	mustCopy(t, unix.Mount("none", dir, "tmpfs", 0, ""))
	defer unix.Unmount(dir, unix.MNT_DETACH)
	mustCopy(t, n.near("/etc/passwd"))
}
