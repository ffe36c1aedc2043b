// SPDX-License-Identifier: Apache-2.0

package live

// The model test: random sequences of system calls in two trees, one of them an agent's, against the model of names and the
// oracle (testdata/model). What it finds is printed as a sequence, to be kept in testdata/model/seeds.

import (
	"context"
	"errors"
	"flag"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/testdata/live/actor"
	"github.com/reeve-sensor/reeve/testdata/model"
)

var (
	sequences = flag.Int("sequences", 60, "random sequences for the model")
	lasting   = flag.Duration("for", 0, "go on with the model so long, whatever -sequences says")
	sequence  = flag.String("sequence", "", "file with one sequence for the model, in place of its seeds")
)

const (
	sequenceSteps   = 40
	policySequences = 5 // under one policy, which costs more than what is done under it
	shrinkingTries  = 400
	anyTaint        = 1<<16 - 1
)

// twins are the kernel that the model asks: an actor of each kind in each tree.
type twins struct {
	t      *testing.T
	actors map[string][]*process
	slot   uint32
	policy []string
	table  enforce.Table
}

func startTwins(t *testing.T) *twins {
	t.Helper()
	onDisk(t)
	must(t, os.WriteFile(model.Interpreter, actor.Exits, 0o755))
	policy(t, "")
	k := &twins{t: t, actors: map[string][]*process{}}
	for _, tree := range []string{model.Inside, model.Outside} {
		k.actors[tree] = []*process{start(t), start(t)}
		for _, p := range k.actors[tree] {
			p.want(act{Do: "stage", Path: tree}, 0)
		}
	}
	agent := k.actors[model.Inside][model.Agent]
	_, err := kernel.Adopt(context.Background(), sensor.Adoption{PID: agent.pid()})
	must(t, err)
	k.slot = slotBy(t, agent.pid())
	return k
}

// onDisk makes sure that the trees lie on a disk: it is mounted a second time, and has files without a name.
func onDisk(t *testing.T) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	must(t, err)
	if strings.Contains(string(mounts), " "+model.Home+" ext4 ") {
		return
	}
	if strings.Contains(os.Getenv("REQUIRE"), "lsm") {
		t.Fatalf("%s is no ext4", model.Home)
	}
	t.Skipf("%s is no ext4", model.Home)
}

func (k *twins) Begin(tables []string) (enforce.Table, error) {
	for _, actors := range k.actors {
		for _, p := range actors {
			p.want(act{Do: "curtain"}, 0)
		}
	}
	for tree := range k.actors {
		k.plant(tree)
	}
	must(k.t, kernel.Change(bpf.Change{Slot: k.slot, Generation: k.session().Generation, TaintsClear: anyTaint}))
	if k.policy != nil && slices.Equal(k.policy, tables) {
		return k.table, nil
	}
	im, err := model.Compile(tables, generation.Add(1))
	if err != nil {
		return enforce.Table{}, err
	}
	must(k.t, applier.Apply(im))
	k.policy, k.table = tables, im.Oracle()
	return k.table, nil
}

// plant makes a tree anew. Mounts of the views that ended may take a moment to go.
func (k *twins) plant(tree string) {
	top := filepath.Join(model.Home, tree)
	becomes(k.t, func() bool { return os.RemoveAll(top) == nil })
	must(k.t, os.Mkdir(top, 0o755))
	for _, s := range model.Start {
		path := filepath.Join(top, s.Path)
		switch {
		case strings.HasSuffix(s.Path, "/"):
			must(k.t, os.Mkdir(path, 0o755))
		case s.Hard != "":
			must(k.t, os.Link(filepath.Join(top, s.Hard), path))
		case s.Soft != "":
			must(k.t, os.Symlink(s.Soft, path))
		default:
			must(k.t, os.WriteFile(path, actor.Exits, 0o755))
		}
	}
}

func (k *twins) Do(tree string, orders []model.Order) []model.Outcome {
	a := act{Do: "steps"}
	for _, o := range orders {
		a.Steps = append(a.Steps, actor.Order{Step: o.Step, Succeeds: o.Succeeds})
	}
	var all []model.Outcome
	for _, r := range k.actors[tree][orders[0].Step.Who].do(a).Steps {
		all = append(all, model.Outcome{Errno: r.Errno, Signal: r.Signal, Seen: r.Seen})
	}
	return all
}

func (k *twins) Taints() uint16 { return uint16(k.session().Taints) }

func (k *twins) session() bpf.Session {
	var s bpf.Session
	must(k.t, kernel.Maps.Sessions.Lookup(k.slot, &s))
	return s
}

func (k *twins) Entries(tree string) []model.Entry {
	top := filepath.Join(model.Home, tree)
	first := map[uint64]string{}
	var all []model.Entry
	must(k.t, filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == top {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		rel := path[len(top)+1:]
		if first[st.Ino] == "" {
			first[st.Ino] = rel
		}
		kind := map[uint32]string{unix.S_IFREG: "file", unix.S_IFDIR: "folder"}[st.Mode&unix.S_IFMT]
		if kind == "" {
			target, _ := os.Readlink(path)
			kind = strings.Replace(target, "/"+tree+"/", "/@/", 1)
		}
		all = append(all, model.Entry{Path: rel, Kind: kind, Same: first[st.Ino]})
		return nil
	}))
	return all
}

// report prints the least sequence that fails, as a seed.
func (k *twins) report(s model.Sequence, err error) {
	k.t.Helper()
	if _, ok := errors.AsType[*model.Disagreement](err); !ok {
		k.t.Fatalf("%v\n%s", err, s)
	}
	small := model.Shrink(s, shrinkingTries, func(s model.Sequence) bool {
		_, ok := errors.AsType[*model.Disagreement](k.again(s))
		return ok
	})
	k.t.Errorf("seed %d: %v\nless of it: %v\n%s", *seed, err, k.again(small), small)
}

// again runs a sequence that is known.
func (k *twins) again(s model.Sequence) (err error) {
	unlessLeftOut(k.t, func() bool {
		_, err = k.runner().Run(s.Policy, model.List(s.Steps))
		return err == nil
	})
	return err
}

func (k *twins) runner() *model.Runner { return &model.Runner{Kernel: k, Aliases: true} }

func TestModelSeeds(t *testing.T) {
	k := startTwins(t)
	for name, s := range keptSequences(t) {
		if err := k.again(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func keptSequences(t *testing.T) map[string]model.Sequence {
	t.Helper()
	if *sequence == "" {
		all, err := model.Seeds()
		must(t, err)
		return all
	}
	raw, err := os.ReadFile(*sequence)
	must(t, err)
	s, err := model.Parse(string(raw))
	must(t, err)
	return map[string]model.Sequence{*sequence: s}
}

func TestModelAgreesWithRandomSequences(t *testing.T) {
	k := startTwins(t)
	r, g := k.runner(), &model.Generator{R: rand.New(rand.NewPCG(*seed, 4))}
	began := time.Now()
	more := func() bool { return r.Tally.Sequences < *sequences }
	if *lasting > 0 {
		more = func() bool { return time.Since(began) < *lasting }
	}
	var tables []string
	for more() && !t.Failed() {
		if r.Tally.Sequences%policySequences == 0 {
			tables = g.Policy()
		}
		before := leftOut(t)
		s, err := r.Run(tables, g.Sequence(sequenceSteps))
		if err != nil && leftOut(t) != before {
			err = k.again(s)
		}
		if err != nil {
			k.report(s, err)
		}
	}
	all := r.Tally.All()
	t.Logf("%d sequences in %s, %d steps: %d refused, %d passed, %d failed in both trees; %d more left out", r.Tally.Sequences,
		time.Since(began).Round(time.Second), all.Steps, all.Refused, all.Let, all.Failed, r.Tally.Void)
	for _, do := range slices.Sorted(maps.Keys(r.Tally.Calls)) {
		t.Logf("%-12s %+v", do, *r.Tally.Calls[do])
	}
	if !t.Failed() && (20*all.Refused < all.Steps || 5*all.Let < all.Steps) {
		t.Error("of refusals there are under a twentieth, or of what passed under a fifth")
	}
}
