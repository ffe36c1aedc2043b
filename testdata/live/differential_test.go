// SPDX-License-Identifier: Apache-2.0

package live

// Kernel and oracle must agree: on random cases through the decision program, and through real system calls of an actor
// whose role, principal and taints are set for each.

import (
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/bpf/probe"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/enforce/policytest"
)

var (
	decisions = flag.Int("decisions", 100_000, "cases for the decision program")
	calls     = flag.Int("calls", 10_000, "cases for real system calls")
	seed      = flag.Uint64("seed", 1, "of the random cases")
)

// tally counts verdicts of a run: none may be rare, or agreement says little. Whether a rule or a default let an act
// pass is asked of a sample: naming a rule is slow.
type tally struct{ total, refused, asked, ruled, fallback int }

const sample = 16

func (c *tally) add(v enforce.Verdict, rule func() *enforce.Rule) {
	c.total++
	if v.Action.Refuses() {
		c.refused++
	}
	if c.total%sample != 0 {
		return
	}
	c.asked++
	switch {
	case v.Action.Refuses():
	case rule() != nil:
		c.ruled++
	default:
		c.fallback++
	}
}

func (c *tally) check(t *testing.T) {
	t.Helper()
	t.Logf("%d cases, %d refused; of %d asked, %d passed by a rule, %d by default", c.total, c.refused, c.asked, c.ruled, c.fallback)
	if 6*c.refused < c.total || 6*c.ruled < c.asked || 6*c.fallback < c.asked {
		t.Error("one kind of verdict is under a sixth")
	}
}

// numbered is a random case in the kernel's numbers.
type numbered struct {
	image    *enforce.Image
	oracle   enforce.Table
	subjects []enforce.Subject
	objects  []policytest.Object
}

// random makes a case and its image. Policies that do not compile are passed over.
func random(t *testing.T, r *rand.Rand, edit func(string) string) numbered {
	t.Helper()
	for {
		c := policytest.Random(r)
		for name, text := range c.Files {
			c.Files[name] = edit(text)
		}
		p, err := enforce.Parse(c.Files, enforce.Options{})
		if err != nil {
			continue
		}
		im, err := enforce.Compile(p, nil, generation.Add(1), enforce.Options{})
		if err != nil {
			continue
		}
		n := numbered{image: im, oracle: im.Oracle(), objects: c.Objects}
		for _, s := range c.Subjects {
			n.subjects = append(n.subjects, subjectOf(im, s))
		}
		return n
	}
}

func subjectOf(im *enforce.Image, s policytest.Subject) enforce.Subject {
	role, _ := im.RoleIndex(s.Role)
	principal, _ := im.PrincipalIndex(s.Principal)
	subject := enforce.Subject{Role: role, Principal: principal}
	if s.Unpinned {
		subject.Principal |= enforce.Unpinned
	}
	for _, name := range s.Taints {
		if bit, ok := im.TaintIndex(name); ok {
			subject.Taints |= 1 << bit
		}
	}
	return subject
}

// more are subjects beyond those of the case: making a policy costs more than asking it.
func (n *numbered) more(r *rand.Rand, factor int) {
	for range factor * len(n.subjects) {
		n.subjects = append(n.subjects, enforce.Subject{
			Role:      uint32(r.IntN(len(n.image.Roles))),
			Principal: uint32(1+r.IntN(len(n.image.Principals)-1)) | uint32(r.IntN(2))*enforce.Unpinned,
			Taints:    uint16(r.IntN(1 << len(n.image.Taints))),
		})
	}
}

func viewOf(name string) enforce.View {
	return enforce.View(slices.Index([]string{"host", "foreign", "nameless"}, name))
}

func decider(t *testing.T) *probe.Decider {
	t.Helper()
	d, err := probe.OpenDecider(kernel.Maps.Tables, kernel.TableSize)
	must(t, err)
	t.Cleanup(func() { d.Close() })
	return d
}

// disagrees asks the kernel and reports whether its answer differs from the oracle's.
func disagrees(t *testing.T, d *probe.Decider, s enforce.Subject, op enforce.Op, v enforce.View, text string, want enforce.Verdict) bool {
	t.Helper()
	spelt, ok := enforce.TableText(op, []byte(text))
	if !ok {
		t.Fatalf("%s %q is no object", op, text)
	}
	return answersOtherwise(t, d, s, op, v, spelt, want)
}

// answersOtherwise is disagrees on a text as the table has it.
func answersOtherwise(t *testing.T, d *probe.Decider, s enforce.Subject, op enforce.Op, v enforce.View, text []byte, want enforce.Verdict) bool {
	t.Helper()
	return answers(t, d, s, op, v, text, 0) != want
}

// answers is what the kernel says of a text as the table has it; decided is of bare names.
func answers(t *testing.T, d *probe.Decider, s enforce.Subject, op enforce.Op, v enforce.View, text []byte, decided enforce.Decided) enforce.Verdict {
	t.Helper()
	ask := probe.Ask{Role: s.Role, Principal: s.Principal, Taints: uint32(s.Taints), Op: uint32(op), View: uint32(v),
		Length: uint32(len(text)), Decided: uint32(decided)}
	if op == enforce.OpNetFamily && enforce.OrdinaryFamily(string(text[1:])) {
		ask.Wanted = 1
	}
	if op == enforce.OpConnectorStart || op == enforce.OpSkillLoad {
		ask.Wanted = numberOf(op, string(text))
	}
	copy(ask.Text[:], text)
	must(t, d.Decide(&ask))
	return enforce.Verdict{Action: enforce.Action(ask.Action), Label: ask.Label, Taints: uint16(ask.Marks)}
}

// numberOf is the kernel's number of one of the few names that random policies declare, in their order.
func numberOf(op enforce.Op, name string) uint32 {
	kind := map[enforce.Op]string{enforce.OpConnectorStart: "connector:", enforce.OpSkillLoad: "skill:"}[op]
	i := slices.Index([]string{"connector:one", "connector:two", "skill:three"}, kind+name)
	if i < 0 {
		return uint32(bpf.PrincipalAny)
	}
	return uint32(bpf.PrincipalFirst) + uint32(i)
}

func TestKernelAgreesWithOracle(t *testing.T) {
	d, r := decider(t), rand.New(rand.NewPCG(*seed, 1))
	var c tally
	for c.total < *decisions {
		n := random(t, r, func(s string) string { return s })
		n.more(r, 3)
		must(t, applier.Apply(n.image))
		for _, s := range n.subjects {
			for _, o := range n.objects {
				op, ok := enforce.ParseOp(o.Op)
				if !ok || !op.Compiled() {
					continue
				}
				v := viewOf(o.View)
				want := n.oracle.Decide(s, op, v, []byte(o.Text))
				c.add(want, func() *enforce.Rule { return n.image.Attribute(s, op, v, []byte(o.Text), want.Action) })
				if disagrees(t, d, s, op, v, o.Text, want) {
					t.Fatalf("seed %d: %+v on %s %s %q: the kernel differs from %v", *seed, s, o.Op, o.View, o.Text, want)
				}
				if op == enforce.OpConnectorStart && v == enforce.ViewHost {
					agreeOnDecided(t, d, &n, s, o.Text)
				}
				if op != enforce.OpNetAddr {
					continue
				}
				if text, want := n.oracle.Reached(s, o.Text); answersOtherwise(t, d, s, op, v, text, want) {
					t.Fatalf("seed %d: %+v on %s, reached by a name: the kernel differs from %v", *seed, s, text, want)
				}
			}
		}
	}
	c.check(t)
}

// agreeOnDecided compares what is answered about a connector's start, whatever was decided about it.
func agreeOnDecided(t *testing.T, d *probe.Decider, n *numbered, s enforce.Subject, name string) {
	t.Helper()
	const op = enforce.OpConnectorStart
	for decided := range enforce.Other << 1 {
		want := n.oracle.Named(s, op, numberOf(op, name), decided)
		if got := answers(t, d, s, op, enforce.ViewHost, []byte(name), decided); got != want {
			t.Fatalf("seed %d: %+v on the start of %q, decided %b: the kernel says %v, the oracle %v", *seed, s, name, decided, got, want)
		}
	}
}

// places are the paths among a case's objects.
func (n *numbered) places() (out []string) {
	for _, o := range n.objects {
		if o.View == "host" && strings.HasPrefix(o.Text, "/") {
			out = append(out, o.Text)
		}
	}
	return out
}

// Moves between places that policies speak of, as files and as folders: the folder's own name and those below it.
func TestMovesAgreeWithOracle(t *testing.T) {
	d, r := decider(t), rand.New(rand.NewPCG(*seed, 3))
	var total, refused, marked int
	for total < *decisions/2 {
		n := random(t, r, func(s string) string { return s })
		n.more(r, 3)
		must(t, applier.Apply(n.image))
		places := n.places()
		if len(places) < 2 {
			continue
		}
		for _, s := range n.subjects {
			for range 20 {
				from, to, folder := places[r.IntN(len(places))], places[r.IntN(len(places))], r.IntN(2) == 0
				if r.IntN(2) == 0 {
					from, to = path.Dir(from), path.Dir(to)
				}
				want := n.oracle.Move(s, []byte(from), []byte(to), folder)
				ask := probe.AskMove{Role: s.Role, Principal: s.Principal, Taints: uint32(s.Taints),
					FromLength: uint32(len(from)), ToLength: uint32(len(to))}
				copy(ask.From[:], from)
				copy(ask.To[:], to)
				if folder {
					ask.Folder = 1
				}
				must(t, d.Move(&ask))
				if ask.Lost != want.Lost || ask.Brought != want.Brought || ask.Marks != uint32(want.Taints) {
					t.Fatalf("seed %d: %+v moves %q to %q, a folder: %t: lost %x, brought %x, marks %x, want %+v", *seed, s, from, to, folder, ask.Lost, ask.Brought, ask.Marks, want)
				}
				total++
				if want.Refused {
					refused++
				}
				if want.Taints != 0 {
					marked++
				}
			}
		}
	}
	t.Logf("%d moves, %d refused, %d marked", total, refused, marked)
	if refused*20 < total || (total-refused)*5 < total || marked == 0 {
		t.Errorf("%d moves, %d refused, %d marked: too few of a kind to prove anything", total, refused, marked)
	}
}

// A fault planted in either side's table must be seen: without it the agreement above says nothing.
func TestPlantedFaultIsFound(t *testing.T) {
	for _, side := range []string{"kernel", "oracle"} {
		t.Run(side, func(t *testing.T) { plant(t, side == "oracle") })
	}
}

func plant(t *testing.T, oracle bool) {
	d, r := decider(t), rand.New(rand.NewPCG(*seed, 2))
	for name, fault := range map[string]func([]byte, bpf.TableHeader){
		"a-mask-of-a-row":  func(b []byte, h bpf.TableHeader) { b[int(h.RowTable)+binary.Size(bpf.TableRow{})+8*5*5+8] ^= 0xff },
		"a-role's-default": func(b []byte, h bpf.TableHeader) { b[int(h.RoleTable)+8+int(bpf.OpFileRead)] ^= 5 },
		"next-states": func(b []byte, h bpf.TableHeader) {
			for word := h.Paths.Start[0] + 8; word < h.Paths.Start[0]+48; word += 4 {
				binary.LittleEndian.PutUint32(b[word:], h.Paths.Start[0])
			}
		},
	} {
		found := 0
		for tries := 0; tries < 20 && found == 0; tries++ {
			n := random(t, r, func(s string) string { return s })
			bad := *n.image
			bad.Table = slices.Clone(n.image.Table)
			fault(bad.Table, as[bpf.TableHeader](bad.Table))
			asked := &bad
			if oracle {
				n.oracle, asked = bad.Oracle(), n.image
			}
			must(t, applier.Apply(asked))
			for _, s := range n.subjects {
				for _, o := range n.objects {
					op, _ := enforce.ParseOp(o.Op)
					if op.Compiled() && disagrees(t, d, s, op, viewOf(o.View), o.Text, n.oracle.Decide(s, op, viewOf(o.View), []byte(o.Text))) {
						found++
					}
				}
			}
		}
		if found == 0 {
			t.Errorf("%s: the fault was not found", name)
		}
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
	return os.WriteFile(path, exits, 0o755) == nil
}

// subjectIs makes the actor's session and task this subject.
func subjectIs(t *testing.T, p *process, slot uint32, s enforce.Subject) {
	t.Helper()
	of := slotOf(t, slot)
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

// call is a system call that does an object's operation, and what it is asked about on its way, in order.
type call struct {
	do    string
	flags int
	fresh bool // it runs what it finds
	gone  bool // it makes what is not there
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
	killedBy     = result{Signal: unix.SIGKILL} // or, where its own program is not mapped, by a fault

	execution = call{do: "start", fresh: true, asked: []asked{
		{enforce.OpExec, noPermission}, {enforce.OpExecArgv, killedBy}, {enforce.OpExecMap, killedBy},
	}}
	calledBy = map[enforce.Op]call{
		enforce.OpFileRead:   {do: "open", flags: unix.O_RDONLY, asked: []asked{{enforce.OpFileRead, noAccess}}},
		enforce.OpFileWrite:  {do: "open", flags: unix.O_WRONLY, asked: []asked{{enforce.OpFileWrite, noAccess}}},
		enforce.OpFileRename: {do: "open", flags: unix.O_RDWR, asked: []asked{{enforce.OpFileWrite, noAccess}, {enforce.OpFileRead, noAccess}}},
		enforce.OpFileCreate: {do: "open", flags: unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL, gone: true,
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
	if !ok || o.View != "host" || !strings.HasPrefix(a.Path, "/") || !placed(a.Path, c.fresh) {
		return c, a, false
	}
	return c, a, !c.gone || os.Remove(a.Path) == nil
}

// expected is what the kernel must answer a real act, by the oracle; the session is marked as the act would mark it.
func expected(n numbered, s *enforce.Subject, c call, a act) (enforce.Verdict, result) {
	line := strings.Join(append([]string{filepath.Base(a.Path)}, a.Argv[1:]...), " ")
	enforced := n.oracle.Enforces(s.Role)
	var last enforce.Verdict
	var marks uint16
	for _, q := range c.asked {
		text := a.Path
		if q.op == enforce.OpExecArgv {
			text = line
		}
		last = n.oracle.Decide(*s, q.op, enforce.ViewHost, []byte(text))
		if last.Action.Refuses() && enforced {
			return last, q.said
		}
		marks |= last.Taints
		if c.do == "map" {
			s.Taints |= marks
		}
	}
	s.Taints |= marks
	return last, result{}
}

// alike tells whether an act ended as it was expected to.
func alike(got, want result) bool {
	return got.Errno == want.Errno && (got.Signal != 0) == (want.Signal != 0)
}

const (
	subjectsOfCall = 6      // of a policy: many policies tell more than many who ask of one
	enoughCalls    = 10_000 // fewer come from so few policies that one verdict may be rare
)

func TestSystemCallsAgreeWithOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 3))
	softer := strings.NewReplacer(`"kill"`, `"deny"`)
	stricter := strings.NewReplacer(`"kill"`, `"deny"`, `"observe"`, `"enforce"`) // or few calls would be refused
	total, refused := 0, map[string][2]int{}
	p := session(t)
	slot := slotBy(t, p.pid())
	for total < *calls {
		edit := stricter
		if r.IntN(4) == 0 {
			edit = softer
		}
		n := random(t, r, edit.Replace)
		must(t, applier.Apply(n.image))
		for _, s := range n.subjects[:min(len(n.subjects), subjectsOfCall)] {
			subjectIs(t, p, slot, s)
			for _, o := range n.objects {
				if op, _ := enforce.ParseOp(o.Op); calledBy[op].do == "start" && r.IntN(3) > 0 {
					continue // it takes as long as ten others
				}
				c, a, ok := realAct(o)
				if !ok {
					continue
				}
				before := s
				by, want := expected(n, &s, c, a)
				got := p.do(a)
				if !alike(got, want) {
					t.Fatalf("seed %d: %+v %+v: %+v, want %+v by %v", *seed, before, a, got, want, by)
				}
				total++
				of := refused[c.do]
				of[min(1, int(want.Errno)+int(want.Signal))]++
				refused[c.do] = of
			}
		}
	}
	all := [2]int{}
	for do, of := range refused {
		t.Logf("%s: %d refused, %d not", do, of[1], of[0])
		all[0] += of[0]
		all[1] += of[1]
	}
	if total >= enoughCalls && (5*all[1] < total || 5*all[0] < total) {
		t.Errorf("of %d calls %d refused: under a fifth of one kind", total, all[1])
	}
	for do, of := range refused {
		if total >= enoughCalls && (20*of[1] < of[0] || 20*of[0] < of[1]) {
			t.Errorf("of the calls of %s under a twentieth is of one kind", do)
		}
	}
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
