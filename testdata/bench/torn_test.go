// SPDX-License-Identifier: Apache-2.0

package bench

// Torn walks: while policies are exchanged under running processes, every record must be what one whole policy says,
// and that policy the one that the record names.

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/event"
)

const (
	walkerMark = "REEVE_TEST_WALKER"
	walkers    = 3
	exchanges  = 60          // at least
	patience   = time.Minute // for them
	tornTable  = 2 << 20
)

// Two policies that contradict each other on these, among rules of no meaning here that lay their tables out differently.
// They lie deeper than names of which the kernel keeps the label (PRINT_DEPTH), so each open is a walk and a record.
var (
	tornFolder  = "/torn" + strings.Repeat("/d", 30)
	tornObjects = []string{tornFolder + "/x", tornFolder + "/y", tornFolder + "/a/rather/deep/folder/of/some/length/to/walk/through/x"}
)

// A walker opens the objects in turn for as long as it lives.
func TestMain(m *testing.M) {
	if os.Getenv(walkerMark) == "" {
		os.Exit(m.Run())
	}
	unix.Setpriority(unix.PRIO_PROCESS, 0, 10) // whoever exchanges goes first, also on an emulated machine
	os.Stdout.Write([]byte{0})
	os.Stdin.Read(make([]byte, 1)) // until it is a session
	for {
		for _, path := range tornObjects {
			if fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
				unix.Close(fd)
			}
		}
	}
}

// rivals are the two policies, by the parity of a generation.
type rivals struct {
	images  [2]*enforce.Image
	answers [2]map[string]enforce.Verdict
}

func newRivals(t *testing.T) *rivals {
	r := new(rivals)
	for i, denied := range [2]string{`"TORN/x"`, `"TORN/y", "TORN/**/x"`} {
		except := ""
		if i == 1 {
			except = "except = [\"TORN/x\"]\n"
		}
		rule := fmt.Sprintf(`
[[rule]]
id = "torn"
on = ["file.read"]
match = [%s]
action = "deny"
reason = "test"
%s`, denied, except)
		im, err := Compile(PolicyText([2]int{300, 500}[i]) + strings.ReplaceAll(rule, "TORN", tornFolder))
		must(t, err)
		r.images[i], r.answers[i] = im, make(map[string]enforce.Verdict)
		for _, o := range tornObjects {
			r.answers[i][o] = im.Oracle().Decide(enforce.Subject{Principal: 1}, enforce.OpFileRead, enforce.ViewHost, []byte(o))
		}
	}
	for _, o := range tornObjects {
		if a, b := r.answers[0][o].Action, r.answers[1][o].Action; a == b {
			t.Fatalf("both policies say %s to %s", a, o)
		}
	}
	return r
}

// image is the policy of a generation, with that number in its table.
func (r *rivals) image(generation uint64) *enforce.Image {
	table := append([]byte(nil), r.images[generation%2].Table...)
	binary.LittleEndian.PutUint64(table[8:], generation)
	return &enforce.Image{Table: table, Generation: generation}
}

// tally is what the records amounted to.
type tally struct {
	walks  [2]atomic.Uint64 // by policy
	torn   atomic.Uint64
	wrong  atomic.Uint64 // that agree with the policy that was not in force
	sample sync.Once
}

// judge compares one record with the oracle of the generation that it names.
func (c *tally) judge(t *testing.T, r *rivals, a *event.Record) {
	policy, object := a.Policy%2, string(a.Text)
	c.walks[policy].Add(1)
	if !agrees(a, r.answers[policy][object]) {
		c.torn.Add(1)
		c.sample.Do(func() { t.Logf("first torn: %+v, policy %d says %+v", a.Head, policy, r.answers[policy][object]) })
	}
	if agrees(a, r.answers[1-policy][object]) {
		c.wrong.Add(1)
	}
}

func agrees(a *event.Record, v enforce.Verdict) bool {
	return enforce.Action(a.Action) == v.Action && a.Label == [bpf.LabelWords]uint64(v.Label) && a.Applied() == v.Action.Refuses()
}

// follow judges the records of a ring about the objects until it is closed.
func (c *tally) follow(t *testing.T, r *rivals, ring *ringbuf.Reader) {
	var raw ringbuf.Record
	for {
		ring.SetDeadline(time.Now().Add(poll))
		err := ring.ReadInto(&raw)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err != nil {
			return
		}
		record, err := event.Decode(raw.RawSample)
		if err != nil {
			t.Error(err)
			return
		}
		if _, known := r.answers[0][string(record.Text)]; known && record.Kind == event.Access {
			c.judge(t, r, &record)
		}
	}
}

// startWalkers starts processes of one session each.
func startWalkers(t *testing.T, k *sensor.Kernel) {
	t.Helper()
	for _, o := range tornObjects {
		must(t, os.MkdirAll(filepath.Dir(o), 0o755))
		must(t, os.WriteFile(o, nil, 0o644))
	}
	for range walkers {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = []string{walkerMark + "=1", "GOMAXPROCS=1"}
		in, err := cmd.StdinPipe()
		must(t, err)
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		t.Cleanup(func() {
			cmd.Process.Kill()
			cmd.Wait()
		})
		_, err = out.Read(make([]byte, 1)) // its exec is over then, and it can be adopted
		must(t, err)
		_, err = k.Adopt(context.Background(), sensor.Adoption{PID: uint32(cmd.Process.Pid)})
		must(t, err)
		_, err = in.Write([]byte{0})
		must(t, err)
	}
}

// exchange lets walkers walk while swap is called with one generation after another, and counts what the records say.
func exchange(t *testing.T, r *rivals, swap func(*testing.T, *sensor.Kernel) func(*enforce.Image)) (c *tally, swaps uint64) {
	k := load(t, tornTable)
	must(t, k.Attach())
	problems, err := k.SyncMounts()
	must(t, errors.Join(append(problems, err)...))
	apply := swap(t, k)
	apply(r.image(2))
	c = new(tally)
	var wait sync.WaitGroup
	var rings []*ringbuf.Reader
	for _, m := range []*ebpf.Map{k.Maps.Verdicts, k.Maps.Activity} {
		ring, err := ringbuf.NewReader(m)
		must(t, err)
		rings = append(rings, ring)
		wait.Go(func() { c.follow(t, r, ring) })
	}
	startWalkers(t, k)
	for end := time.Now().Add(patience); swaps < exchanges && time.Now().Before(end); swaps++ {
		apply(r.image(3 + swaps))
	}
	for _, ring := range rings {
		ring.Close()
	}
	wait.Wait()
	return c, swaps
}

// byMap exchanges policies as the product does.
func byMap(t *testing.T, k *sensor.Kernel) func(*enforce.Image) {
	a := enforce.NewApplier(k.Maps.Tables, k.TableSize)
	t.Cleanup(func() { a.Close() })
	return func(im *enforce.Image) { must(t, a.Apply(im)) }
}

// inPlace overwrites one table, as the product must not.
func inPlace(t *testing.T, k *sensor.Kernel) func(*enforce.Image) {
	table, err := ebpf.NewMap(bpf.TableSpec(k.TableSize))
	must(t, err)
	t.Cleanup(func() { table.Close() })
	must(t, k.Maps.Tables.Put(uint32(0), uint32(table.FD())))
	return func(im *enforce.Image) {
		must(t, table.Put(uint32(0), append(im.Table, make([]byte, int(k.TableSize)-len(im.Table))...)))
	}
}

func TestNoTornWalks(t *testing.T) {
	r := newRivals(t)
	c, swaps := exchange(t, r, byMap)
	a, b := c.walks[0].Load(), c.walks[1].Load()
	t.Logf("%d walks under one policy, %d under the other, %d exchanges, %d torn", a, b, swaps, c.torn.Load())
	if c.torn.Load() > 0 {
		t.Errorf("%d of %d verdicts are not those of the policy that they name", c.torn.Load(), a+b)
	}
	if a < 1000 || b < 1000 || swaps < 10 {
		t.Error("too few walks or exchanges to show anything")
	}
	// The control: against the policy that was not in force, the same records must not agree.
	if c.wrong.Load() > 0 {
		t.Errorf("%d verdicts agree with the policy that was not in force: these policies cannot show a torn walk", c.wrong.Load())
	}
}

// A table that is overwritten under its readers must show torn walks, or the test above cannot.
func TestTornWalksAreSeen(t *testing.T) {
	c, swaps := exchange(t, newRivals(t), inPlace)
	t.Logf("%d walks, %d exchanges in place, %d torn", c.walks[0].Load()+c.walks[1].Load(), swaps, c.torn.Load())
	if c.torn.Load() == 0 {
		t.Error("no torn walk was seen, though tables were overwritten under their readers")
	}
}
