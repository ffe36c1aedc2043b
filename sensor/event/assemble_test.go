// SPDX-License-Identifier: Apache-2.0

package event

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
)

const ms = 1_000_000

func object1(pid uint32, at uint64, name string) Record {
	return Record{Head: Head{Kind: Access, Op: OpExec, PID: pid, Started: 1, Time: at, Action: Allow}, Text: []byte(name)}
}

func begun1(pid uint32, at uint64, name string, argv ...string) Record {
	text := strings.Join(argv, "\x00") + "\x00"
	return Record{
		Head: Head{Kind: Exec, Op: OpExecArgv, PID: pid, Started: 1, Time: at, Action: Allow},
		Name: name, Text: []byte(text), Length: uint64(len(text)), Argc: uint32(len(argv)), Skipped: 1,
	}
}

// add feeds records at one moment and then lets time pass.
func add(a *Assembler, records ...Record) []*Event {
	var out []*Event
	for _, r := range records {
		out = append(out, a.Add(r, 100*ms)...)
	}
	return append(out, a.Tick(100*ms+Settle)...)
}

func short(events []*Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s|%s %s", e.Kind, e.Op, e.Object, e.Path, e.Interpreter)))
	}
	return out
}

func TestAssembler(t *testing.T) {
	verdict := begun1(1, 20, "git", "git", "push", "--force")
	verdict.Action, verdict.Flags = Deny, uint16(bpf.EventApplied)
	refused := object1(1, 10, "/usr/bin/nc")
	refused.Action, refused.Flags = Deny, uint16(bpf.EventApplied)
	would := object1(1, 10, "/usr/bin/nc")
	would.Action = Deny
	script := begun1(1, 12, "run.py", "/usr/bin/python3", "-u", "run.py", "x")
	script.Skipped = 3
	for name, tc := range map[string]struct {
		records []Record
		want    []string
	}{
		"object then line":          {[]Record{object1(1, 10, "/usr/bin/git"), begun1(1, 11, "git", "git", "status")}, []string{"exec exec.argv git status|/usr/bin/git"}},
		"verdict overtakes object":  {[]Record{verdict, object1(1, 10, "/usr/bin/git")}, []string{"exec exec.argv git push --force|/usr/bin/git"}},
		"verdict overtakes an exec": {[]Record{verdict, object1(1, 10, "/old/git"), begun1(1, 11, "git", "git", "pull"), object1(1, 15, "/usr/bin/git")}, []string{"exec exec.argv git pull|/old/git", "exec exec.argv git push --force|/usr/bin/git"}},
		"script and interpreter":    {[]Record{object1(1, 10, "/w/run.py"), object1(1, 11, "/usr/bin/python3"), script}, []string{"exec exec.argv run.py x|/w/run.py /usr/bin/python3"}},
		"object never seen":         {[]Record{begun1(1, 11, "claude", "claude")}, []string{"exec exec.argv claude|"}},
		"refused object":            {[]Record{refused}, []string{"access exec /usr/bin/nc|"}},
		"observed object":           {[]Record{would, begun1(1, 11, "nc", "nc", "-l")}, []string{"access exec /usr/bin/nc|", "exec exec.argv nc -l|/usr/bin/nc"}},
		"failed exec before":        {[]Record{object1(1, 5, "/bin/foo"), object1(1, 10, "/bin/ls"), begun1(1, 11, "ls", "ls")}, []string{"access exec /bin/foo|", "exec exec.argv ls|/bin/ls"}},
		"two processes":             {[]Record{object1(1, 10, "/a/x"), object1(2, 10, "/b/x"), begun1(2, 11, "x", "x"), begun1(1, 11, "x", "x")}, []string{"exec exec.argv x|/b/x", "exec exec.argv x|/a/x"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := short(add(NewAssembler(), tc.records...)); !slices.Equal(got, tc.want) {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

func TestAssemblerJoinsPiecesInAnyOrder(t *testing.T) {
	long := strings.Repeat("x", 10000)
	raw := "echo\x00" + long + "\x00"
	first := begun1(1, 11, "echo")
	first.Text, first.Length, first.Argc = []byte(raw[:4096]), uint64(len(raw)), 2
	records := []Record{object1(1, 10, "/bin/echo"), first}
	for at := 4096; at < len(raw); at += 4096 {
		end := min(at+4096, len(raw))
		records = append(records, Record{Head: Head{Kind: kindLine, PID: 1, Started: 1, Time: 11, Action: Allow},
			Text: []byte(raw[at:end]), Offset: uint64(at), Last: end == len(raw)})
	}
	for range 50 {
		rand.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		got := add(NewAssembler(), records...)
		if len(got) != 1 || got[0].Object != "echo "+long || got[0].Cut || got[0].Path != "/bin/echo" {
			t.Fatalf("%d events, %.60q", len(got), short(got))
		}
	}
}

func TestAssemblerSaysWhatWasCut(t *testing.T) {
	r := begun1(1, 11, "echo", "echo", "abc")
	r.Length = 1 << 20
	got := add(NewAssembler(), object1(1, 10, "/bin/echo"), r)
	if len(got) != 1 || !got[0].Cut {
		t.Errorf("cut is not said: %+v", got)
	}
}

func TestAssemblerIsBounded(t *testing.T) {
	a := NewAssembler()
	out := 0
	const n = pendingMax + 500
	for pid := range uint32(n) {
		out += len(a.Add(object1(pid, 10, "/bin/x"), uint64(pid)))
	}
	if len(a.pending) > pendingMax+1 {
		t.Errorf("%d pending", len(a.pending))
	}
	if a.Evicted == 0 {
		t.Error("evicted and not counted")
	}
	out += len(a.Close())
	if out != n {
		t.Errorf("%d of %d events came out", out, n)
	}
}

// Whatever the order, each object and each command line comes out exactly once.
func TestAssemblerLosesNothing(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var records []Record
		execs := 0
		for pid := range uint32(1 + rng.IntN(4)) {
			for at := uint64(10); at < 100; at += 10 {
				name := fmt.Sprintf("p%d", rng.IntN(3))
				records = append(records, object1(pid, at, "/bin/"+name))
				if rng.IntN(4) > 0 {
					records = append(records, begun1(pid, at+1, name, name))
					execs++
				}
			}
		}
		rng.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		a := NewAssembler()
		events := add(a, records...)
		events = append(events, a.Close()...)
		seen := 0
		objects := 0
		for _, e := range events {
			if e.Kind == Exec {
				seen++
			}
			if e.Kind == Access || e.Path != "" {
				objects++
			}
			if e.Interpreter != "" {
				objects++
			}
		}
		if seen != execs {
			t.Fatalf("seed %d: %d of %d execs", seed, seen, execs)
		}
		if len(a.pending) != 0 {
			t.Fatalf("seed %d: %d pending after Close", seed, len(a.pending))
		}
	}
}
