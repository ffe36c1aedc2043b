// SPDX-License-Identifier: Apache-2.0

// Starting: the form that holds most is found by trying, what an earlier daemon left is adopted, and another build's
// programs go only when this one's sit.

package sensor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
)

// Start brings up the form that holds most: loaded or adopted, prepared by prepare, attached, seen to take effect, and
// pinned. Where nothing is refused it is tracepoints only. The Finding of an error says what stood in the way.
func Start(ctx context.Context, o Options, prepare func(*Kernel) error) (*Kernel, Finding, error) {
	if err := o.Pins.open(); err != nil {
		return nil, Finding{Coverage: None, Reason: err}, err
	}
	pinned, err := o.Pins.sets()
	if err != nil {
		return nil, Finding{Coverage: None, Reason: err}, err
	}
	s := starter{o, pinned, prepare}
	k, found, err := s.best(ctx)
	if err != nil {
		return nil, found, err
	}
	if err := errors.Join(k.Pin(o.Pins), s.succeed(k)); err != nil {
		return nil, found, errors.Join(err, k.Close())
	}
	return k, found, nil
}

type starter struct {
	Options
	pinned  []set
	prepare func(*Kernel) error
}

// ErrOldStays says that the programs of another build are left in force: those of this one hold less.
var ErrOldStays = errors.New("the programs of the build before stay in force")

// best tries the forms. Nothing weaker takes the place of what is pinned and holds.
func (s *starter) best(ctx context.Context) (*Kernel, Finding, error) {
	var reasons []error
	all := forms()
	for i, form := range all {
		if anyOf(s.pinned, all[:i]) {
			reasons = append(reasons, ErrOldStays)
			break
		}
		k, found, err := s.try(ctx, form)
		switch {
		case err != nil:
			reasons = append(reasons, fmt.Errorf("as %s: %w", form, err))
			if slices.ContainsFunc(s.pinned, func(p set) bool { return p.form == form }) {
				err := joined(append(reasons, ErrOldStays))
				return nil, Finding{Coverage: None, Reason: err}, err
			}
		case found.Coverage == Full:
			found.Passed = joined(reasons)
			return k, found, nil
		case found.Coverage == most(form):
			found.Reason = joined(reasons)
			return k, found, nil
		default:
			reasons = append(reasons, found.Reason)
			if err := k.Close(); err != nil {
				return nil, found, err
			}
		}
	}
	err := joined(reasons)
	return nil, Finding{Coverage: None, Reason: err}, err
}

// anyOf reports whether a set has one of the forms.
func anyOf(sets []set, forms []bpf.Form) bool {
	return slices.ContainsFunc(sets, func(s set) bool { return slices.Contains(forms, s.form) })
}

// try brings one form up. Programs of an adopted set that do not take effect are attached anew.
func (s *starter) try(ctx context.Context, form bpf.Form) (*Kernel, Finding, error) {
	k, err := s.open(form)
	if err != nil {
		return nil, Finding{}, err
	}
	var found Finding
	for _, step := range []func() error{
		func() error { return s.prepare(k) },
		k.hold,
		k.Unsettle,
		k.Attach,
		func() error { return k.gather(s.Pins) },
		func() error { return k.carry(ctx) },
		func() error { found, err = k.Find(ctx); return err },
	} {
		if err = step(); err != nil {
			break
		}
	}
	if err == nil && k.pinned && found.Coverage != most(form) {
		if err = k.Reattach(s.Pins); err == nil {
			found, err = k.Find(ctx)
		}
	}
	if err != nil {
		return nil, Finding{}, errors.Join(err, k.Close())
	}
	return k, found, nil
}

// broken is the build of a set of this build that cannot be adopted.
const broken = "broken"

// open adopts the set of this build and form, or loads the programs beside another set, on its maps.
func (s *starter) open(form bpf.Form) (*Kernel, error) {
	o := s.Options
	o.Form = form
	for i, p := range s.pinned {
		mine := set{abi, form, p.size, build()}
		if p != mine || p.size < max(o.TableSize, MinTableSize) {
			continue
		}
		if k, err := s.Pins.adopt(p); err == nil {
			k.Cgroup = o.Cgroup
			return k, nil
		}
		// It is not whole: somebody was at it. What is left of it sits until this one's programs do.
		s.pinned[i].build = broken
		if err := os.Rename(s.Pins.path(p.String()), s.Pins.path(s.pinned[i].String())); err != nil {
			return nil, fmt.Errorf("setting a broken set of pins aside: %w", err)
		}
	}
	shared, err := s.shared()
	if err != nil {
		return nil, err
	}
	if shared != nil {
		k, err := load(o, shared)
		return k, errors.Join(err, closeMaps(shared))
	}
	b, err := s.foreign()
	if err != nil {
		return nil, err
	}
	if b == nil {
		return load(o, nil)
	}
	k, err := load(o, map[string]*ebpf.Map{"tasks_before": b.maps["tasks"]})
	if err != nil {
		return nil, errors.Join(err, closeMaps(b.maps))
	}
	k.before = b
	return k, nil
}

// ErrABI says that maps are not what their set's name says.
var ErrABI = errors.New("another ABI than their name says")

// shared are the maps of a set of the same ABI, but for the policy: its size may differ, and the new one comes in at once.
func (s *starter) shared() (map[string]*ebpf.Map, error) {
	for _, p := range s.pinned {
		if p.abi != abi {
			continue
		}
		opened, err := s.Pins.openMaps(p, mapNames())
		if err != nil {
			continue // not whole
		}
		var c bpf.Control
		if err := opened["controls"].Lookup(uint32(0), &c); err != nil || c.Abi != uint32(abi) {
			return nil, errors.Join(fmt.Errorf("the maps of %s are of ABI %d: %w", p, c.Abi, ErrABI), err, closeMaps(opened))
		}
		err = opened[mapTables].Close()
		delete(opened, mapTables)
		return opened, err
	}
	return nil, nil
}

const mapTables = "tables"

// succeed takes away every other set.
func (s *starter) succeed(k *Kernel) error {
	var errs []error
	for _, p := range s.pinned {
		if p != k.set() {
			errs = append(errs, s.Pins.remove(p))
		}
	}
	return errors.Join(errs...)
}

// Tables are the policy tables in force that an earlier daemon left, as bytes.
func (p Pins) Tables() ([][]byte, error) {
	sets, err := p.sets()
	if err != nil {
		return nil, err
	}
	var tables [][]byte
	for _, s := range sets {
		table, err := p.table(s)
		if err != nil {
			return nil, fmt.Errorf("reading the policy that is in force: %w", err)
		}
		tables = append(tables, table)
	}
	return tables, nil
}

func (p Pins) table(s set) ([]byte, error) {
	outer, err := ebpf.LoadPinnedMap(p.path(s.String(), "map_"+mapTables), nil)
	if err != nil {
		return nil, err
	}
	defer outer.Close()
	var id ebpf.MapID
	if err := outer.Lookup(uint32(0), &id); err != nil {
		return nil, err
	}
	inner, err := ebpf.NewMapFromID(id)
	if err != nil {
		return nil, err
	}
	defer inner.Close()
	if inner.Flags()&unix.BPF_F_MMAPABLE == 0 {
		return inner.LookupBytes(uint32(0)) // of an older ABI
	}
	memory, err := unix.Mmap(inner.FD(), 0, int(inner.ValueSize()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return slices.Clone(memory), unix.Munmap(memory)
}

// Blank puts a table into force that names no agent and refuses nothing: enough to try what is held.
func Blank(k *Kernel) error {
	table, err := ebpf.NewMap(bpf.TableSpec(k.TableSize))
	if err != nil {
		return fmt.Errorf("making an empty table: %w", err)
	}
	defer table.Close()
	if err := k.Maps.Tables.Put(uint32(0), uint32(table.FD())); err != nil {
		return fmt.Errorf("applying an empty table: %w", err)
	}
	return nil
}

// forms are in the order in which they are tried. The list of security modules is a hint that saves a load, no more. On a
// kernel that may preempt itself plain fmod_ret programs are the last resort: they are left out at times.
func forms() []bpf.Form {
	fallback := []bpf.Form{bpf.FormModify}
	if Preempts() {
		fallback = []bpf.Form{bpf.FormTwice, bpf.FormModify}
	}
	list, err := os.ReadFile("/sys/kernel/security/lsm")
	if err == nil && !slices.Contains(strings.Split(strings.TrimSpace(string(list)), ","), "bpf") {
		return append(fallback, bpf.FormLSM, bpf.FormNetwork, bpf.FormObserve)
	}
	return append(append([]bpf.Form{bpf.FormLSM}, fallback...), bpf.FormNetwork, bpf.FormObserve)
}

// Preempts reports whether the running kernel may take the processor from a task that is in the kernel. Where its model
// cannot be read, what it was built with decides.
func Preempts() bool {
	raw, err := os.ReadFile("/sys/kernel/debug/sched/preempt")
	if err == nil {
		model := string(raw)
		return strings.Contains(model, "(full)") || strings.Contains(model, "(lazy)")
	}
	var u unix.Utsname
	return unix.Uname(&u) == nil && strings.Contains(unix.ByteSliceToString(u.Version[:]), "PREEMPT")
}

// joined is one line of several reasons.
func joined(reasons []error) error {
	var err error
	for _, r := range reasons {
		if err == nil {
			err = r
			continue
		}
		err = fmt.Errorf("%w; %w", err, r)
	}
	return err
}
