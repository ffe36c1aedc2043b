// SPDX-License-Identifier: Apache-2.0

// Pinning: what outlives the daemon. Programs, links and maps of one load are a set, a folder in a bpf file system. A
// daemon that starts adopts the set of its own build as it is, or puts its programs beside another build's on the same
// maps and then takes the old ones away, so that there is no moment without.

package sensor

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
)

// Pins is a folder in a bpf file system; "" pins nothing. One daemon at a time uses it.
type Pins string

// set is one load as its folder's name tells it.
type set struct {
	abi   int
	form  bpf.Form
	size  uint32 // of tables
	build string
}

// half is the folder of a set that is not whole: its daemon died over it.
const half = "half"

func (s set) String() string { return fmt.Sprintf("%d-%s-%d-%s", s.abi, s.form, s.size, s.build) }

// parseSet reads a folder's name; ok is false where it is none of ours.
func parseSet(name string) (s set, ok bool) {
	parts := strings.Split(name, "-")
	if len(parts) != 4 {
		return s, false
	}
	abi, abiErr := strconv.Atoi(parts[0])
	size, sizeErr := strconv.ParseUint(parts[2], 10, 32)
	forms := []bpf.Form{bpf.FormLSM, bpf.FormModify, bpf.FormTwice, bpf.FormNetwork, bpf.FormObserve}
	i := slices.IndexFunc(forms, func(f bpf.Form) bool { return f.String() == parts[1] })
	if abiErr != nil || sizeErr != nil || i < 0 {
		return s, false
	}
	return set{abi, forms[i], uint32(size), parts[3]}, true
}

// number tells the programs of this set from those of any other that sit at the same time.
func (s set) number() uint32 {
	h := fnv.New32a()
	h.Write([]byte(s.String()))
	return h.Sum32() | 1
}

// build is this one's; tests have another one. Not as a program starts: whoever asks for help need not wait for a sum of the programs.
var build = sync.OnceValue(bpf.Build)

func (k *Kernel) set() set {
	return set{abi, k.Form, k.TableSize, build()}
}

// ErrNoBPFFS says that a folder cannot hold pins.
var ErrNoBPFFS = errors.New("not in a bpf file system: nothing can outlive the daemon there")

// open makes the folder and clears away what a daemon left half done: its programs, if any sit, double others'.
func (p Pins) open() error {
	if err := p.Usable(); err != nil || p == "" {
		return err
	}
	return os.RemoveAll(p.path(half))
}

// Usable makes the folder. The error is ErrNoBPFFS where nothing can be pinned in it.
func (p Pins) Usable() error {
	if p == "" {
		return nil
	}
	if err := os.MkdirAll(string(p), 0o700); err != nil {
		return fmt.Errorf("making the folder of pins: %w", err)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(string(p), &st); err != nil {
		return fmt.Errorf("looking at the folder of pins: %w", err)
	}
	if st.Type != unix.BPF_FS_MAGIC {
		return fmt.Errorf("%s: %w", p, ErrNoBPFFS)
	}
	return nil
}

func (p Pins) path(names ...string) string {
	return filepath.Join(append([]string{string(p)}, names...)...)
}

// sets lists what is pinned whole.
func (p Pins) sets() ([]set, error) {
	if p == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(string(p))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the folder of pins: %w", err)
	}
	var sets []set
	for _, e := range entries {
		if s, ok := parseSet(e.Name()); ok {
			sets = append(sets, s)
		}
	}
	return sets, nil
}

// Pin makes the kernel side outlive this process. The set is there whole, or it is not there.
func (k *Kernel) Pin(p Pins) error {
	if p == "" || k.pinned {
		return nil
	}
	if err := errors.Join(k.pinHalf(p), p.whole(k.set())); err != nil {
		return err
	}
	k.pinned = true
	return nil
}

// pinHalf pins everything where nobody looks for a set.
func (k *Kernel) pinHalf(p Pins) error {
	if err := os.Mkdir(p.path(half), 0o700); err != nil {
		return fmt.Errorf("making a set of pins: %w", err)
	}
	for name, what := range k.pinnable() {
		if err := what.Pin(p.path(half, name)); err != nil {
			return errors.Join(fmt.Errorf("pinning %s: %w", name, err), os.RemoveAll(p.path(half)))
		}
	}
	return nil
}

// whole makes a set of what was pinned.
func (p Pins) whole(s set) error {
	if err := os.Rename(p.path(half), p.path(s.String())); err != nil {
		return errors.Join(fmt.Errorf("pinning a set: %w", err), os.RemoveAll(p.path(half)))
	}
	return nil
}

type pinner interface{ Pin(string) error }

// another is a pin of a map beside those that it has: the library would move the first one.
type another struct{ *ebpf.Map }

func (m another) Pin(path string) error {
	c, err := m.Clone()
	if err != nil {
		return err
	}
	return errors.Join(c.Pin(path), c.Close())
}

// pinnable is everything of the kernel side by its name in the set's folder.
func (k *Kernel) pinnable() map[string]pinner {
	out := map[string]pinner{}
	for name, m := range k.maps() {
		out["map_"+name] = another{m}
	}
	for name, p := range k.programs {
		out["program_"+name] = p
	}
	for name, l := range k.links {
		out["link_"+name] = l
	}
	return out
}

// maps are the kernel side's maps by their names in C.
func (k *Kernel) maps() map[string]*ebpf.Map {
	out := map[string]*ebpf.Map{}
	v := reflect.ValueOf(k.Maps).Elem()
	for i := range v.NumField() {
		out[v.Type().Field(i).Tag.Get("ebpf")] = v.Field(i).Interface().(*ebpf.Map)
	}
	return out
}

// adopt opens a set that is pinned. Programs that sit on no hook any more are attached again by Attach.
func (p Pins) adopt(s set) (*Kernel, error) {
	k := &Kernel{Form: s.form, TableSize: s.size, programs: map[string]*ebpf.Program{}, links: map[string]link.Link{}, pinned: true}
	opened, err := p.openMaps(s, mapNames())
	if err != nil {
		return nil, err
	}
	k.Maps = new(bpf.Maps)
	v := reflect.ValueOf(k.Maps).Elem()
	for i := range v.NumField() {
		v.Field(i).Set(reflect.ValueOf(opened[v.Type().Field(i).Tag.Get("ebpf")]))
	}
	for _, row := range bpf.Programs {
		if !row.In(s.form) {
			continue
		}
		program, err := ebpf.LoadPinnedProgram(p.path(s.String(), "program_"+row.Name), nil)
		if row.Params != 0 && errors.Is(err, fs.ErrNotExist) {
			continue // the kernel has no such hook
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("adopting %s: %w", row.Name, err), k.Close())
		}
		k.programs[row.Name] = program
		l, err := link.LoadPinnedLink(p.path(s.String(), "link_"+row.Name), nil)
		if err == nil {
			k.links[row.Name] = l
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(fmt.Errorf("adopting the link of %s: %w", row.Name, err), k.Close())
		}
	}
	return k, nil
}

// mapNames are the names of all maps of this build.
func mapNames() []string { return slices.Collect(maps.Keys((&Kernel{Maps: new(bpf.Maps)}).maps())) }

// openMaps opens maps of a set.
func (p Pins) openMaps(s set, names []string) (map[string]*ebpf.Map, error) {
	out := map[string]*ebpf.Map{}
	for _, name := range names {
		m, err := ebpf.LoadPinnedMap(p.path(s.String(), "map_"+name), nil)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("adopting map %s: %w", name, err), closeMaps(out))
		}
		out[name] = m
	}
	return out, nil
}

func closeMaps(opened map[string]*ebpf.Map) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(opened)) {
		errs = append(errs, opened[name].Close())
	}
	return errors.Join(errs...)
}

// remove takes a set's pins away. Links go last to first in the order of attaching, as in detach.
func (p Pins) remove(s set) error {
	for _, row := range slices.Backward(bpf.Programs) {
		if err := os.Remove(p.path(s.String(), "link_"+row.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("taking %s away: %w", row.Name, err)
		}
	}
	return os.RemoveAll(p.path(s.String()))
}

// letGoFor is how long Release waits for the kernel, which takes seconds where it is emulated.
const letGoFor = time.Minute

// ErrStillHeld says that a program goes on without a pin: a process has it open that is no daemon of ours.
var ErrStillHeld = errors.New("is released, but another process has it open: bpftool prog show says which one")

// Release takes away everything that is pinned, and waits until no program of it runs any more. No daemon may have it open.
func (p Pins) Release() (int, error) {
	sets, err := p.sets()
	if err != nil {
		return 0, err
	}
	programs, err := p.programs()
	errs := []error{err}
	for _, s := range sets {
		errs = append(errs, p.remove(s))
	}
	if p != "" {
		errs = append(errs, os.RemoveAll(p.path(half)))
	}
	return len(sets), errors.Join(append(errs, letGo(programs, letGoFor))...)
}

// programs are all that are pinned, whichever build did it.
func (p Pins) programs() (ids []ebpf.ProgramID, err error) {
	if p == "" {
		return nil, nil
	}
	names, err := filepath.Glob(p.path("*", "program_*"))
	for _, name := range names {
		id, infoErr := pinnedProgram(name)
		ids, err = append(ids, id), errors.Join(err, infoErr)
	}
	return ids, err
}

func pinnedProgram(name string) (ebpf.ProgramID, error) {
	program, err := ebpf.LoadPinnedProgram(name, nil)
	if err != nil {
		return 0, fmt.Errorf("opening what is to be released: %w", err)
	}
	defer program.Close()
	info, err := program.Info()
	if err != nil {
		return 0, fmt.Errorf("reading info of %s: %w", name, err)
	}
	id, _ := info.ID()
	return id, nil
}

// letGo waits until the kernel has freed programs. What pins held is detached by deferred work, some time after the pin has gone
// (kernel/bpf/syscall.c:bpf_link_put), and frees its program last.
func letGo(programs []ebpf.ProgramID, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for _, id := range programs {
		for {
			program, err := ebpf.NewProgramFromID(id)
			if errors.Is(err, fs.ErrNotExist) {
				break
			}
			if err != nil {
				return fmt.Errorf("asking for program %d: %w", id, err)
			}
			program.Close()
			if time.Now().After(deadline) {
				return fmt.Errorf("program %d %w", id, ErrStillHeld)
			}
			time.Sleep(time.Millisecond)
		}
	}
	return nil
}
