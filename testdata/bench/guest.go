// SPDX-License-Identifier: Apache-2.0

// Inside the test machine: one configuration after another in one boot, so that they can be compared.

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// rounds is how often an operation's loop runs in a configuration, after one that warms up.
const rounds = 6

// settle is for what a kernel does in the background after its boot.
const settle = 20 * time.Second

// guest is a measurement in progress.
type guest struct {
	report  Report
	kernel  *sensor.Kernel
	applier *enforce.Applier
	rings   *rings
}

// Measure does it all, in a machine whose clock counts instructions.
func Measure(tableSize uint32) (*Report, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return nil, err
	}
	g := &guest{report: Report{Kernel: unix.ByteSliceToString(name.Release[:]), Records: make(map[string]uint64)}}
	if err := prepare(); err != nil {
		return nil, err
	}
	time.Sleep(settle)
	if err := g.config(None, nil, false); err != nil {
		return nil, err
	}
	if err := g.floor(); err != nil {
		return nil, err
	}
	if err := g.sensor(tableSize); err != nil {
		return nil, err
	}
	time.Sleep(time.Second) // trampolines go when no task is in them any more
	return &g.report, g.config(Again, nil, false)
}

// prepare puts object and program where the policies do not look.
func prepare() error {
	// A fresh ext4 writes its inode tables in the background for some seconds, on the one processor that is measured.
	if err := unix.Mount("none", Mount, "", unix.MS_REMOUNT|unix.MS_NOATIME, "noinit_itable"); err != nil {
		return fmt.Errorf("remounting %s: %w", Mount, err)
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
	return nil
}

func (g *guest) floor() error {
	a, err := attachFloor()
	if err != nil {
		return err
	}
	return errors.Join(g.config(Floor, a.programs, false), a.Close())
}

func (g *guest) sensor(tableSize uint32) error {
	var err error
	if g.kernel, err = sensor.Load(sensor.Options{TableSize: tableSize}); err != nil {
		return err
	}
	defer g.kernel.Close()
	if err := g.kernel.Attach(); err != nil {
		return err
	}
	if g.report.Verified, err = g.kernel.Verified(); err != nil {
		return err
	}
	if problems, err := g.kernel.SyncMounts(); err != nil || len(problems) > 0 {
		return errors.Join(append(problems, err)...)
	}
	g.applier = enforce.NewApplier(g.kernel.Objects.Tables, g.kernel.TableSize)
	if g.rings, err = openRings(g.kernel.Objects); err != nil {
		return err
	}
	return errors.Join(g.configs(), g.rings.Close(), g.applier.Close())
}

// configs are those of the sensor.
func (g *guest) configs() error {
	programs := attachedPrograms(g.kernel.Objects)
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
	stop := g.rings.follow()
	defer stop()
	return g.config(WithRead, programs, true)
}

func (g *guest) apply(file string, generation uint64) error {
	table, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return g.applier.Apply(&enforce.Image{Table: table, Generation: generation})
}

// attachedPrograms are the sensor's programs that sit on hooks.
func attachedPrograms(o *bpf.Objects) map[string]*ebpf.Program {
	return map[string]*ebpf.Program{
		"enforce_fork": o.EnforceFork, "observe_new": o.ObserveNew, "observe_end": o.ObserveEnd, "enforce_open": o.EnforceOpen,
		"enforce_mmap": o.EnforceMmap, "enforce_mprotect": o.EnforceMprotect, "enforce_exec": o.EnforceExec, "enforce_line": o.EnforceLine,
	}
}

// config measures one configuration with a process of its own.
func (g *guest) config(name string, programs map[string]*ebpf.Program, agent bool) error {
	fmt.Println("bench:", name)
	p, err := startOps()
	if err != nil {
		return err
	}
	if _, _, err := p.round("open"); err != nil { // its exec is over then, and it can be adopted
		return err
	}
	if agent {
		if _, err := g.kernel.Adopt(context.Background(), sensor.Adoption{PID: p.pid()}); err != nil {
			return errors.Join(err, p.Close())
		}
	}
	for _, op := range opNames {
		if err := errors.Join(g.op(p, name, op), g.parts(p, name, op, programs)); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", name, err), p.Close())
		}
	}
	return p.Close()
}

// op measures one operation: the rings are emptied before each round, unless somebody reads them all the time.
func (g *guest) op(p *process, config, op string) error {
	f := Figure{Config: config, Op: op}
	for i := range rounds + 1 {
		if err := g.drain(config); err != nil {
			return err
		}
		average, count, err := p.round(op)
		if err != nil {
			return err
		}
		if err := g.recorded(config, op, count); err != nil || i == 0 {
			if err != nil {
				return err
			}
			continue
		}
		if i == 1 || average < f.Min {
			f.Min = average
		}
		f.Mean += average / rounds
	}
	g.report.Figures = append(g.report.Figures, f)
	return nil
}

func (g *guest) drain(config string) error {
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

// parts runs one more round with the kernel's accounting on: how often each program runs, and what a run costs.
func (g *guest) parts(p *process, config, op string, programs map[string]*ebpf.Program) error {
	if len(programs) == 0 {
		return nil
	}
	accounting, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		return fmt.Errorf("accounting of programs: %w", err)
	}
	defer accounting.Close()
	before, err := stats(programs)
	if err != nil {
		return err
	}
	_, count, err := p.round(op)
	if err != nil {
		return err
	}
	after, err := stats(programs)
	if err != nil {
		return err
	}
	for name := range programs {
		runs := after[name].RunCount - before[name].RunCount
		if runs < uint64(count)/2 {
			continue // of somebody else
		}
		g.report.Parts = append(g.report.Parts, Part{config, op, name, float64(runs) / float64(count),
			float64(after[name].Runtime-before[name].Runtime) / float64(runs)})
	}
	return nil
}

func stats(programs map[string]*ebpf.Program) (map[string]ebpf.ProgramStats, error) {
	all := make(map[string]ebpf.ProgramStats)
	for name, p := range programs {
		s, err := p.Stats()
		if err != nil {
			return nil, fmt.Errorf("accounting of %s: %w", name, err)
		}
		all[name] = *s
	}
	return all, nil
}
