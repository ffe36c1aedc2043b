// SPDX-License-Identifier: Apache-2.0

// Inside the test machine: one configuration after another in one boot, so that they can be compared.

package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
)

// Tables are the files of tables that a guest finds beside it, by configuration.
var Tables = map[string]string{Agent10: "10.table", Agent1k: "1000.table", Agent10k: "10000.table", Balanced: "balanced.table"}

// How often an operation's loop runs in a configuration, after one that warms up: for tables, and for the budget.
const (
	rounds     = 6
	roundsHeld = 12

	roundsFound = 2
)

// settle is for what a kernel does in the background after its boot.
const settle = 20 * time.Second

// Plan is what a guest is asked to measure.
type Plan struct {
	TableSize uint32
	Budget    bool // only what the budget holds
	Fallback  bool // the form of the programs where lsm= lacks bpf
}

// form is the one that the sensor would take.
func (p Plan) form() bpf.Form {
	switch {
	case p.Fallback && sensor.Preempts():
		return bpf.FormTwice
	case p.Fallback:
		return bpf.FormModify
	}
	return bpf.FormLSM
}

// guest is a measurement in progress.
type guest struct {
	plan    Plan
	form    bpf.Form
	report  Report
	kernel  *sensor.Kernel
	applier *enforce.Applier
	tables  map[string][]byte // by file, as read
	rings   *rings
	server  *server
}

// Measure does it all, in a machine whose clock counts instructions.
func Measure(plan Plan) (*Report, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return nil, err
	}
	g := &guest{plan: plan, form: plan.form(), tables: make(map[string][]byte)}
	g.report = Report{Kernel: unix.ByteSliceToString(name.Release[:]), Records: make(map[string]uint64)}
	g.report.Form = g.form.String()
	if plan.Fallback {
		g.report.Kernel += ", " + g.report.Form
	}
	if err := prepare(plan); err != nil {
		return nil, err
	}
	time.Sleep(settle)
	if plan.Budget {
		return &g.report, g.sensor()
	}
	var err error
	if g.server, err = network(); err != nil {
		return nil, err
	}
	if err := g.config(None, nil, false); err != nil {
		return nil, err
	}
	if err := g.floor(); err != nil {
		return nil, err
	}
	if err := g.sensor(); err != nil {
		return nil, err
	}
	time.Sleep(time.Second) // trampolines go when no task is in them any more
	return &g.report, g.config(Again, nil, false)
}

// prepare puts object and program where the policies do not look.
func prepare(plan Plan) error {
	// A fresh ext4 writes its inode tables in the background for some seconds, on the one processor that is measured.
	if err := unix.Mount("none", Mount, "", unix.MS_REMOUNT|unix.MS_NOATIME, "noinit_itable"); err != nil {
		return fmt.Errorf("remounting %s: %w", Mount, err)
	}
	// With random layouts an mprotect of one process costs 100 instructions more than that of another, and an exec 10 % more.
	if err := os.WriteFile("/proc/sys/kernel/randomize_va_space", []byte("0"), 0); err != nil {
		return err
	}
	program, err := os.ReadFile("ops")
	if err != nil {
		return err
	}
	for path, data := range map[string][]byte{Object: make([]byte, 8192), Ops: program} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o755); err != nil {
			return err
		}
	}
	for i := range 1500 {
		if err := os.WriteFile(fmt.Sprintf("%s-%04d", Object, i), nil, 0o644); err != nil {
			return err
		}
	}
	if plan.Budget {
		return nil
	}
	return plant()
}

// plant makes the tree that find goes through, in memory: the machine's disk has too few inodes.
func plant() error {
	if err := os.MkdirAll(Tree, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("tree", Tree, "tmpfs", unix.MS_NOATIME, "size=16m,nr_inodes=200k"); err != nil {
		return fmt.Errorf("mounting %s: %w", Tree, err)
	}
	for folder := range 1000 {
		path := fmt.Sprintf("%s/%04d", Tree, folder)
		if err := os.Mkdir(path, 0o755); err != nil {
			return err
		}
		for file := range 100 {
			if err := unix.Mknod(fmt.Sprintf("%s/file-%d", path, file), unix.S_IFREG|0o644, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *guest) floor() error {
	a, err := attachFloor(g.form)
	if err != nil {
		return err
	}
	return errors.Join(g.config(Floor, a.programs, false), a.Close())
}

// load attaches the programs, for what the verifier walked of them.
func (g *guest) load() (err error) {
	if g.kernel, err = sensor.Load(sensor.Options{TableSize: g.plan.TableSize, Form: g.form}); err != nil {
		return err
	}
	if err := g.kernel.Attach(); err != nil {
		return err
	}
	g.report.Verified, err = g.kernel.Verified()
	return err
}

func (g *guest) sensor() error {
	err := g.load()
	defer func() {
		if g.kernel != nil {
			g.kernel.Close()
			g.kernel = nil // what is measured from here on is without
		}
	}()
	if err != nil {
		return err
	}
	if problems, err := g.kernel.SyncMounts(); err != nil || len(problems) > 0 {
		return errors.Join(append(problems, err)...)
	}
	if g.report.Label, err = labelSize(g.kernel.Maps.Labels); err != nil {
		return err
	}
	g.applier = enforce.NewApplier(g.kernel.Maps.Tables, g.kernel.TableSize)
	if g.rings, err = openRings(g.kernel.Maps); err != nil {
		return err
	}
	return errors.Join(g.configs(), g.rings.Close(), g.applier.Close())
}

// labelSize is the memory that a kept label takes, by the kernel's own account of the whole map.
func labelSize(labels *ebpf.Map) (float64, error) {
	info, err := labels.Info()
	if err != nil {
		return 0, fmt.Errorf("reading info of the labels: %w", err)
	}
	bytes, ok := info.Memlock()
	if !ok {
		return 0, errors.New("reading the labels' memory: the kernel does not tell")
	}
	return float64(bytes) / float64(labels.MaxEntries()), nil
}

// configs are those of the sensor.
func (g *guest) configs() error {
	programs := g.kernel.Attached()
	if g.plan.Budget {
		return g.held(programs)
	}
	if err := g.config(NoPolicy, programs, false); err != nil {
		return err
	}
	for i, name := range []string{Agent10, Agent1k, Agent10k, Balanced} {
		if err := g.apply(Tables[name], uint64(i+1)); err != nil {
			return err
		}
		if i == 0 {
			if err := g.config(Bystander, programs, false); err != nil {
				return err
			}
		}
		if err := g.config(name, programs, true); err != nil {
			return err
		}
	}
	if err := g.equal(); err != nil {
		return err
	}
	if err := g.apply(Tables[Balanced], 1); err != nil { // what is measured last was measured with
		return err
	}
	stop := g.rings.follow()
	defer stop()
	return g.config(WithRead, programs, true)
}

// held are the configurations of the budget.
func (g *guest) held(programs map[string]*ebpf.Program) error {
	if err := g.apply(Tables[Agent10], 1); err != nil {
		return err
	}
	if err := g.config(Bystander, programs, false); err != nil {
		return err
	}
	return g.config(Agent10, programs, true)
}

func (g *guest) apply(file string, generation uint64) error {
	table, err := g.table(file)
	if err != nil {
		return err
	}
	return g.applier.Apply(&enforce.Image{Table: table, Generation: generation})
}

// table reads a file once: what is read again leaves work to the collector of this process, on the processor that is measured.
func (g *guest) table(file string) ([]byte, error) {
	if table, ok := g.tables[file]; ok {
		return table, nil
	}
	table, err := os.ReadFile(file)
	g.tables[file] = table
	return table, err
}

// config measures one configuration with a process of its own.
func (g *guest) config(name string, programs map[string]*ebpf.Program, agent bool) error {
	fmt.Println("bench:", name)
	p, err := startOps()
	if err != nil {
		return err
	}
	if err := g.begin(p, agent); err != nil {
		return errors.Join(err, p.Close())
	}
	for _, op := range g.ops(name) {
		if err := errors.Join(g.op(p, name, op), g.parts(p, name, op, programs)); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", name, err), p.Close())
		}
	}
	return p.Close()
}

// ops are the operations of a configuration.
func (g *guest) ops(config string) []string {
	if g.plan.Budget {
		return heldOps
	}
	return slices.DeleteFunc(slices.Clone(opNames), func(op string) bool { return op == find && !slices.Contains(found, config) })
}

// found are the configurations that have find.
var found = []string{None, Floor, Bystander, Agent10k, Balanced, Again}

// op measures one operation.
func (g *guest) op(p *process, config, op string) error {
	n := rounds
	switch {
	case g.plan.Budget:
		n = roundsHeld
	case op == find:
		n = roundsFound
	}
	var averages []float64
	for i := range n + 1 {
		average, err := g.round(p, config, op)
		if err != nil {
			return err
		}
		if i > 0 {
			averages = append(averages, average)
		}
	}
	g.report.Figures = append(g.report.Figures, newFigure(config, op, averages))
	return nil
}

// round is one round: the rings are emptied before it, unless somebody reads them all the time.
func (g *guest) round(p *process, config, op string) (average float64, err error) {
	if err := errors.Join(g.drain(config), g.forget(op)); err != nil {
		return 0, err
	}
	average, count, err := p.round(op)
	if err != nil {
		return 0, err
	}
	return average, g.recorded(config, op, count)
}

// forget makes every label old, so that files are opened for the first time.
func (g *guest) forget(op string) error {
	if g.kernel == nil || op != "open" {
		return nil
	}
	_, err := g.kernel.SyncMounts()
	return err
}

func (g *guest) drain(config string) error {
	if err := g.server.accept(); err != nil {
		return err
	}
	if g.rings == nil || config == WithRead || config == Again {
		return nil
	}
	return g.rings.drain()
}

// recorded checks after a round that a session's opens were recorded, each once, and nobody else's.
func (g *guest) recorded(config, op string, count int) error {
	if g.rings == nil || config == WithRead || config == Again {
		return nil
	}
	before := g.rings.records.Load()
	if err := g.rings.drain(); err != nil {
		return err
	}
	records := g.rings.records.Load() - before
	g.report.Records[config+", "+op] = records
	agent := strings.HasPrefix(config, "agent")
	if agent && op == "open" && records != uint64(count) || !agent && records != 0 {
		return fmt.Errorf("%s: %d records of a round of %d", op, records, count)
	}
	return nil
}
