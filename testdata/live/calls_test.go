// SPDX-License-Identifier: Apache-2.0

package live

// Kernel and oracle on real system calls: an actor whose role, principal and taints are set for each does what is asked about.
// What kills it does in a child.

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/enforce/policytest"
	"github.com/reeve-sensor/reeve/testdata/live/actor"
)

// call is a system call that does an object's operation, and what it is asked about on its way, in order.
type call struct {
	do    string
	flags int
	fresh bool // it runs what it finds
	gone  bool // it makes what is not there
	once  bool // all is asked at once, and the strictest answer counts
	asked []asked
}

// asked is one question, and how the caller is told that the answer is no.
type asked struct {
	op   enforce.Op
	said result
}

var (
	noAccess     = result{Errno: unix.EACCES}
	noPermission = result{Errno: unix.EPERM}
	killed       = result{Signal: unix.SIGKILL} // or, where its own program is not mapped, by a fault

	execution = call{do: "start", fresh: true, asked: []asked{
		{enforce.OpExec, noPermission}, {enforce.OpExecArgv, killed}, {enforce.OpExecMap, killed},
	}}
	calledBy = map[enforce.Op]call{
		enforce.OpFileRead:   {do: "open", flags: unix.O_RDONLY, asked: []asked{{enforce.OpFileRead, noAccess}}},
		enforce.OpFileWrite:  {do: "open", flags: unix.O_WRONLY, asked: []asked{{enforce.OpFileWrite, noAccess}}},
		enforce.OpFileRename: {do: "open", flags: unix.O_RDWR, once: true, asked: []asked{{enforce.OpFileWrite, noAccess}, {enforce.OpFileRead, noAccess}}},
		enforce.OpFileCreate: {do: "open", flags: unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL, gone: true, once: true,
			asked: []asked{{enforce.OpFileCreate, noAccess}, {enforce.OpFileWrite, noAccess}}},
		enforce.OpFileDelete: {do: "unlink", asked: []asked{{enforce.OpFileDelete, noAccess}}},
		enforce.OpFileAttr:   {do: "chmod", asked: []asked{{enforce.OpFileAttr, noAccess}}},
		enforce.OpExecMap:    {do: "map", fresh: true, asked: []asked{{enforce.OpFileRead, noAccess}, {enforce.OpExecMap, noPermission}}},
		enforce.OpExec:       execution,
		enforce.OpExecArgv:   execution,
	}
)

// realAct is an object's call, and the act that makes it; ok is false where nothing real does it here.
func realAct(o policytest.Object) (c call, a act, ok bool) {
	op, _ := enforce.ParseOp(o.Op)
	c, ok = calledBy[op]
	a = act{Do: c.do, Path: o.Text, Flags: c.flags, Argv: []string{"argv0", "main"}}
	if op == enforce.OpExecArgv {
		words := strings.Split(o.Text, " ")
		a.Path, a.Argv = "/lines/"+words[0], append([]string{"argv0"}, words[1:]...)
		ok = words[0] != "" && !strings.Contains(words[0], "/")
	}
	return c, a, ok && o.View == "host" && strings.HasPrefix(a.Path, "/")
}

// realCall is a call that somebody makes, what must come of it, and how it leaves who made it.
type realCall struct {
	call
	act
	before, after enforce.Subject
	want          result
	kind          kind
}

func (c realCall) kindOf() kind { return c.kind }

// foreseen is what the kernel must answer a real act, by the oracle.
func (n *numbered) foreseen(s enforce.Subject, c call, a act) realCall {
	f := realCall{call: c, act: a, before: s, after: s}
	line := strings.Join(append([]string{filepath.Base(a.Path)}, a.Argv[1:]...), " ")
	strictest := enforce.Allow + 1
	var marks uint16
	for _, q := range c.asked {
		text := a.Path
		if q.op == enforce.OpExecArgv {
			text = line
		}
		v := n.oracle.Decide(f.after, q.op, enforce.ViewHost, []byte(text))
		for _, other := range c.asked {
			if also := n.oracle.Decide(f.after, other.op, enforce.ViewHost, []byte(text)); c.once && also.Action.Refuses() {
				v.Action = min(v.Action, also.Action)
			}
		}
		if v.Action < strictest {
			strictest, f.kind = v.Action, n.kindOf(s, q.op, enforce.ViewHost, text, v.Action)
		}
		if v.Action.Refuses() && n.oracle.Enforces(s.Role) {
			f.want = q.said
			if v.Action == enforce.Kill {
				f.want = killed
			}
			f.kind = kind{v.Action, refusal} // though something stricter would have been asked next
			return f
		}
		marks |= v.Taints
		if c.do == "map" {
			f.after.Taints |= marks // its first call is over
		}
	}
	f.after.Taints |= marks
	if strictest.Refuses() {
		f.kind = kind{enforce.Audit, unheld}
	}
	return f
}

// calls are the real calls that a case has, in random order.
func (n *numbered) calls(r *rand.Rand) (all []realCall) {
	for _, s := range n.subjects {
		for _, o := range n.objects {
			c, a, ok := realAct(o)
			if !ok || c.do == "start" && r.IntN(3) > 0 { // it takes as long as ten others
				continue
			}
			all = append(all, n.foreseen(s, c, a))
		}
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// ready puts everything where the call wants it.
func (c realCall) ready() bool {
	return placed(c.Path, c.fresh) && (!c.gone || os.Remove(c.Path) == nil)
}

// alike tells whether an act ended as it was expected to.
func alike(got, want result) bool {
	return got.Errno == want.Errno && (got.Signal != 0) == (want.Signal != 0)
}

// callsOfPolicy is how many are made under one policy: many policies tell more than many who ask of one.
const callsOfPolicy = 30

func TestSystemCallsAgreeWithOracle(t *testing.T) {
	r, asked := rand.New(rand.NewPCG(*seed, 3)), tally{}
	refused, passed := map[string]int{}, map[string]int{}
	p := session(t)
	slot := slotBy(t, p.pid())
	for asked.total() < *calls {
		n := random(t, r)
		if err := applier.Apply(n.image); errors.As(err, new(enforce.ErrTableSize)) {
			continue // larger than any that people write
		} else if err != nil {
			t.Fatal(err)
		}
		left := callsOfPolicy
		for c := range policytest.Rarest(asked.much, n.calls(r), realCall.kindOf) {
			if !c.ready() {
				continue
			}
			c.make(t, p, slot, r)
			asked[c.kind]++
			if alike(c.want, result{}) {
				passed[c.call.do]++
			} else {
				refused[c.call.do]++
			}
			if left--; left == 0 {
				break
			}
		}
	}
	asked.check(t)
	for _, do := range []string{"open", "unlink", "chmod", "map", "start"} {
		t.Logf("%s: %d refused, %d not", do, refused[do], passed[do])
		if all := refused[do] + passed[do]; 20*all < asked.total() || 20*refused[do] < all || 20*passed[do] < all {
			t.Errorf("%s: %d refused, %d not, of %d calls: too few of a kind", do, refused[do], passed[do], asked.total())
		}
	}
}

// make has the actor make the call, as whom it is to be made, and compares what comes of it and what is known of it then.
func (c realCall) make(t *testing.T, p *process, slot uint32, r *rand.Rand) {
	t.Helper()
	subjectIs(t, p, slot, c.before)
	if actor.Forkable(c.Do) && (c.want.Signal != 0 || r.IntN(8) == 0) {
		c.To, c.Do = c.Do, "forked"
	}
	defer func() {
		if t.Failed() {
			t.Logf("seed %d: it was %+v %+v, want %+v: %s", *seed, c.before, c.act, c.want, c.kind)
		}
	}()
	if got := p.do(c.act); !alike(got, c.want) {
		t.Fatalf("seed %d: %+v %+v: %+v, want %+v: %s", *seed, c.before, c.act, got, c.want, c.kind)
	}
	if got := inSlot(t, slot).Taints; got != uint32(c.after.Taints) {
		t.Fatalf("seed %d: %+v %+v: the session's taints are %x then, want %x", *seed, c.before, c.act, got, c.after.Taints)
	}
}

// placed makes a program of the host's at an object's path, where fresh in the place of what is there; false where that cannot
// be. What a session wrote is judged otherwise when it is run.
func placed(path string, fresh bool) bool {
	for _, system := range []string{"/proc", "/sys", "/dev", "/job", "/out", "/bin", "/sbin", "/init", "/etc", "/lib"} {
		if path == system || strings.HasPrefix(path, system+"/") {
			return false
		}
	}
	if path != filepath.Clean(path) || os.MkdirAll(filepath.Dir(path), 0o755) != nil {
		return false
	}
	switch info, err := os.Lstat(path); {
	case err == nil && !info.Mode().IsRegular():
		return false
	case err == nil && !fresh:
		return true
	case err == nil && os.Remove(path) != nil:
		return false
	}
	return os.WriteFile(path, actor.Exits, 0o755) == nil
}

// inSlot is the session of a slot that is known, which is quicker than to look for it among all.
func inSlot(t *testing.T, slot uint32) (s bpf.Session) {
	t.Helper()
	must(t, kernel.Maps.Sessions.Lookup(slot, &s))
	return s
}

// subjectIs makes the actor's session and task this subject.
func subjectIs(t *testing.T, p *process, slot uint32, s enforce.Subject) {
	t.Helper()
	of := inSlot(t, slot)
	must(t, kernel.Change(bpf.Change{Slot: slot, Generation: of.Generation, Role: s.Role,
		TaintsSet: uint32(s.Taints), TaintsClear: ^uint32(s.Taints)}))
	fd, err := unix.PidfdOpen(int(p.pid()), 0)
	must(t, err)
	defer unix.Close(fd)
	var state bpf.TaskState
	must(t, kernel.Maps.Tasks.Lookup(uint32(fd), &state))
	state.Principal = uint16(s.Principal)
	must(t, kernel.Maps.Tasks.Put(uint32(fd), state))
}

func slotBy(t *testing.T, pid uint32) uint32 {
	t.Helper()
	slots, err := kernel.Sessions()
	must(t, err)
	for _, s := range slots {
		if s.RootPid == pid {
			return s.Number
		}
	}
	t.Fatalf("process %d has no session", pid)
	return 0
}
