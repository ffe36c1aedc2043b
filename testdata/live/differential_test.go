// SPDX-License-Identifier: Apache-2.0

package live

// Kernel and oracle must agree on random cases, through the decision program.

import (
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

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

// numbered is a random case in the kernel's numbers.
type numbered struct {
	image    *enforce.Image
	oracle   enforce.Table
	subjects []enforce.Subject
	objects  []policytest.Object
}

// random makes a case and its image. Policies that do not compile are passed over.
func random(t *testing.T, r *rand.Rand) numbered {
	t.Helper()
	for {
		c := policytest.Random(r)
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
	d, r, asked := decider(t), rand.New(rand.NewPCG(*seed, 1)), tally{}
	for asked.total() < *decisions {
		n := random(t, r)
		n.more(r, 1)
		must(t, applier.Apply(n.image))
		left := questionsOfPolicy
		for q := range policytest.Rarest(asked.much, n.questions(r), decision.kindOf) {
			q.ask(t, d, &n)
			asked[q.kind]++
			if left--; left == 0 {
				break
			}
		}
	}
	asked.check(t)
}

// ask compares the kernel's answers with the oracle's.
func (q decision) ask(t *testing.T, d *probe.Decider, n *numbered) {
	t.Helper()
	if disagrees(t, d, q.subject, q.op, q.view, q.text, q.want) {
		t.Fatalf("seed %d: %+v on %s %s %q: the kernel differs from %v", *seed, q.subject, q.op, q.view, q.text, q.want)
	}
	switch {
	case q.op == enforce.OpConnectorStart && q.view == enforce.ViewHost:
		agreeOnDecided(t, d, n, q.subject, q.text)
	case q.op == enforce.OpNetAddr:
		if text, want := n.oracle.Reached(q.subject, q.text); answersOtherwise(t, d, q.subject, q.op, q.view, text, want) {
			t.Fatalf("seed %d: %+v on %s, reached by a name: the kernel differs from %v", *seed, q.subject, text, want)
		}
	}
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
		n := random(t, r)
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
			n := random(t, r)
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
