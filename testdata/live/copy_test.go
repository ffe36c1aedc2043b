// SPDX-License-Identifier: Apache-2.0

package live

// Copies of denied programs: what a session writes is compared as the daemon does it, from the session's records, and the
// kernel refuses what has a denied program's bytes.

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/copies"
	"github.com/reeve-sensor/reeve/sensor/event"
)

const original = "/data/bin/denied"

// comparing is a watcher that is told of what a session does.
type comparing struct {
	*copies.Watcher
	t    *testing.T
	in   *process
	stop func()
}

func compareWith(t *testing.T, in *process, program string) *comparing {
	t.Helper()
	info, err := os.Stat(program)
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	c := &comparing{copies.New(copies.Options{Table: kernel}), t, in, nil}
	c.Set(copies.Originals{info.Size(): {program}})
	go func() { done <- c.Run(ctx) }()
	c.stop = func() {
		stop()
		if done != nil {
			must(t, <-done)
		}
		done = nil
	}
	t.Cleanup(func() { c.stop() })
	return c
}

// does has the session run a line of shell, and tells the watcher of it.
func (c *comparing) does(line string) {
	c.t.Helper()
	stop := watch(c.t)
	c.in.want(act{Do: "run", Argv: []string{"sh", "-c", line}}, 0)
	for _, r := range stop() {
		if bpf.EventKind(r.Kind) != bpf.KindAccess {
			continue
		}
		rec, err := event.Decode(r.raw)
		must(c.t, err)
		c.Saw(event.Single(&rec))
	}
}

// becomes waits until a file is known as a copy, or is not.
func (c *comparing) becomes(file string, want bool) {
	c.t.Helper()
	f, err := os.Open(file)
	must(c.t, err)
	defer f.Close()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		known, err := kernel.IsCopy(f)
		must(c.t, err)
		if known == want {
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("%s is known as a copy: %t, want %t (%+v)", file, !want, want, c.Counts())
		}
	}
}

func TestCopyOfADeniedProgramIsRefused(t *testing.T) {
	must(t, os.RemoveAll("/data/own"))
	must(t, os.MkdirAll("/data/own", 0o755))
	owned(t, original, ofNobody(t), 0)
	owned(t, "/data/bin/other", append(ofNobody(t), 0), 0)
	policy(t, `
[[rule]]
id = "programs"
on = ["exec"]
match = ["`+original+`"]
action = "deny"
reason = "test"
`)
	in, out := session(t), start(t)
	c := compareWith(t, in, original)
	refused := func(file string, want unix.Errno) {
		t.Helper()
		for _, a := range []act{{Do: "exec", Path: file, Argv: []string{"busybox", "true"}}, {Do: "map", Path: file}, {Do: "mprotect", Path: file}} {
			in.want(a, want)
			out.want(a, 0)
		}
	}
	refused(original, unix.EPERM)

	c.does("cp " + original + " /data/own/copy && chmod 700 /data/own/copy")
	c.becomes("/data/own/copy", true)
	refused("/data/own/copy", unix.EPERM)
	in.want(act{Do: "link", Path: "/data/own/copy", To: "/data/own/linked"}, 0)
	refused("/data/own/linked", unix.EPERM)
	in.want(act{Do: "rename", Path: "/data/own/copy", To: "/data/own/renamed"}, 0)
	refused("/data/own/renamed", unix.EPERM)

	c.does("cp " + original + " /data/own/temporary && mv /data/own/temporary /data/own/moved")
	c.becomes("/data/own/moved", true)
	refused("/data/own/moved", unix.EPERM)

	c.does("cp " + original + " /data/own/longer")
	c.becomes("/data/own/longer", true)
	c.does("echo >> /data/own/longer")
	refused("/data/own/longer", 0)

	c.does("cp " + original + " /data/own/rewritten")
	c.becomes("/data/own/rewritten", true)
	c.does("cat /data/bin/other > /data/own/rewritten")
	c.becomes("/data/own/rewritten", false)
	refused("/data/own/rewritten", 0)
	c.does("cat " + original + " > /data/own/rewritten")
	c.becomes("/data/own/rewritten", true)
	refused("/data/own/rewritten", unix.EPERM)

	owned(t, "/data/own/outsiders", ofNobody(t), 0)
	refused("/data/own/outsiders", 0)

	c.stop() // where no daemon runs, what is known stays known
	refused("/data/own/moved", unix.EPERM)
	c.does("cp " + original + " /data/own/later")
	refused("/data/own/later", 0)
}

// The record names both: whose rule it is, and what was to be executed. Who is only observed goes on.
func TestCopyIsToldByBothNames(t *testing.T) {
	must(t, os.RemoveAll("/data/own"))
	must(t, os.MkdirAll("/data/own", 0o755))
	owned(t, original, ofNobody(t), 0)
	policy(t, `
[[rule]]
id = "programs"
on = ["exec"]
match = ["`+original+`"]
action = "deny"
reason = "test"
`)
	in := session(t)
	c := compareWith(t, in, original)
	c.does("cp " + original + " /data/own/copy")
	c.becomes("/data/own/copy", true)
	want := []string{"exec /data/own/copy " + original, "exec.map /data/own/copy " + original}
	var told []string
	unlessLeftOut(t, func() bool {
		stop := watch(t)
		in.want(act{Do: "exec", Path: "/data/own/copy", Argv: []string{"busybox", "true"}}, unix.EPERM)
		in.want(act{Do: "map", Path: "/data/own/copy"}, unix.EPERM)
		told = denials(t, stop())
		return slices.Equal(told, want)
	})
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// denials are what was refused: operation, object and the program that it is a copy of.
func denials(t *testing.T, records []record) (told []string) {
	t.Helper()
	for _, r := range records {
		if bpf.EventKind(r.Kind) != bpf.KindAccess || bpf.Action(r.Action) != bpf.ActionDeny {
			continue
		}
		rec, err := event.Decode(r.raw)
		must(t, err)
		e := event.Single(&rec)
		told = append(told, e.Op+" "+e.Object+" "+e.CopyOf)
	}
	return told
}
