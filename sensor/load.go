// SPDX-License-Identifier: Apache-2.0

// Loading: from the embedded object to programs and maps in the running kernel.

package sensor

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"

	"github.com/reeve-sensor/reeve/bpf"
)

// Options say how the kernel side is loaded.
type Options struct {
	TableSize uint32   // bytes of a policy table, a power of two; what a policy may grow to until the next start
	Form      bpf.Form // how programs are attached
	Cgroup    string   // below which networks are judged; the root where it is empty
	Pins      Pins     // where Start lets everything outlive this process
}

// Kernel is the loaded kernel side. Close detaches it: nothing is watched or held any more.
type Kernel struct {
	Maps      *bpf.Maps
	Form      bpf.Form
	TableSize uint32
	Cgroup    string

	programs map[string]*ebpf.Program
	sits     sync.Mutex // of programs and links
	links    map[string]link.Link
	pinned   bool
	before   *before    // until it is carried over
	seeding  sync.Mutex // one question to the iterators at a time
	commands toldMap[bpf.Command, bpf.Start]
	skills   toldMap[bpf.SkillKey, bpf.Start]
	folders  toldMap[bpf.SkillFolder, uint32]
}

// MinTableSize is the smallest table that is loaded: room for ordinary policies.
const MinTableSize = 1 << 20

// Load loads the programs of one form and every map, and attaches nothing. An error of the verifier is one line; %+v has
// its whole log.
func Load(o Options) (*Kernel, error) { return load(o, nil) }

// load takes the given maps in the place of new ones.
func load(o Options, shared map[string]*ebpf.Map) (*Kernel, error) {
	size := max(o.TableSize, MinTableSize)
	k := &Kernel{Maps: new(bpf.Maps), Form: o.Form, TableSize: size, Cgroup: o.Cgroup, links: map[string]link.Link{}}
	spec, err := bpf.Spec(size, o.Form, k.set().number())
	if err != nil {
		return nil, err
	}
	if err := bpf.Fit(spec, o.Form); err != nil {
		return nil, err
	}
	data := *spec
	data.Programs = nil
	c, err := ebpf.NewCollectionWithOptions(&data, ebpf.CollectionOptions{MapReplacements: shared})
	if err != nil {
		return nil, loadError(err)
	}
	defer c.Close()
	if k.programs, err = loadPrograms(spec, c.Maps); err != nil {
		return nil, loadError(err)
	}
	if err := errors.Join(c.Assign(k.Maps), k.mark()); err != nil {
		return nil, errors.Join(fmt.Errorf("taking the maps: %w", err), k.Close())
	}
	return k, nil
}

// loadPrograms loads programs on the given maps, as many at a time as there are processors. kernel: nearly all of the time is
// the verifier's, which lets a privileged process in side by side (kernel/bpf/verifier.c:bpf_check).
func loadPrograms(spec *ebpf.CollectionSpec, on map[string]*ebpf.Map) (map[string]*ebpf.Program, error) {
	names := slices.Sorted(maps.Keys(spec.Programs))
	loaded, errs := make([]*ebpf.Program, len(names)), make([]error, len(names))
	turns := make(chan int, len(names))
	for i := range names {
		turns <- i
	}
	close(turns)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			options := ebpf.CollectionOptions{MapReplacements: on, Cache: btf.NewCache()}
			for i := range turns {
				loaded[i], errs[i] = loadProgram(spec, names[i], options)
			}
		})
	}
	workers.Wait()
	programs := map[string]*ebpf.Program{}
	for i, p := range loaded {
		if p != nil {
			programs[names[i]] = p
		}
	}
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		closePrograms(programs)
		return nil, errs[i]
	}
	return programs, nil
}

func loadProgram(spec *ebpf.CollectionSpec, name string, options ebpf.CollectionOptions) (*ebpf.Program, error) {
	part := *spec
	part.Programs, part.Variables = map[string]*ebpf.ProgramSpec{name: spec.Programs[name]}, nil
	c, err := ebpf.NewCollectionWithOptions(&part, options)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.DetachProgram(name), nil
}

func closePrograms(programs map[string]*ebpf.Program) {
	for _, p := range programs {
		p.Close()
	}
}

// mark writes the ABI into maps that are new.
func (k *Kernel) mark() error {
	var c bpf.Control
	if err := k.Maps.Controls.Lookup(uint32(0), &c); err != nil {
		return fmt.Errorf("reading the controls: %w", err)
	}
	if c.Abi != 0 {
		return nil
	}
	c.Abi = uint32(abi)
	if err := k.Maps.Controls.Put(uint32(0), c); err != nil {
		return fmt.Errorf("writing the controls: %w", err)
	}
	return nil
}

// ErrRefused says that the kernel refuses to load enforcing programs to this process.
var ErrRefused = errors.New("the kernel does not let this process load enforcing programs")

func loadError(err error) error {
	var verifier *ebpf.VerifierError
	if errors.Is(err, os.ErrPermission) && !(errors.As(err, &verifier) && len(verifier.Log) > 0) {
		return ErrRefused
	}
	return fmt.Errorf("loading programs: %w", err)
}

// Program is a loaded program by its name in bpf.Programs, or nil where the form has none.
func (k *Kernel) Program(name string) *ebpf.Program {
	k.sits.Lock()
	defer k.sits.Unlock()
	return k.programs[name]
}

// Attached are the loaded programs that sit on hooks, by name.
func (k *Kernel) Attached() map[string]*ebpf.Program {
	k.sits.Lock()
	defer k.sits.Unlock()
	out := map[string]*ebpf.Program{}
	for name := range k.links {
		out[name] = k.programs[name]
	}
	return out
}

// Verified is the number of instructions that the verifier walked for each program: its cost at load.
func (k *Kernel) Verified() (map[string]uint32, error) {
	counts := make(map[string]uint32)
	for name, p := range k.programs {
		info, err := p.Info()
		if err != nil {
			return nil, fmt.Errorf("reading info of %s: %w", name, err)
		}
		n, ok := info.VerifiedInstructions()
		if !ok {
			return nil, fmt.Errorf("reading verified instructions of %s: the kernel does not tell", name)
		}
		counts[name] = n
	}
	return counts, nil
}

// Skipped is how often an attached program was not run where it should have: the kernel leaves a tracing program out
// while the same one is at work on that processor, which a preemptible kernel lets happen. lsm programs always run.
func (k *Kernel) Skipped() (uint64, error) {
	var sum uint64
	for name, p := range k.Attached() {
		s, err := p.Stats()
		if err != nil {
			return 0, fmt.Errorf("reading accounts of %s: %w", name, err)
		}
		sum += s.RecursionMisses
	}
	return sum, nil
}

// Close detaches all programs and frees the maps; what is pinned goes on without this process. It may be called twice.
func (k *Kernel) Close() error {
	errs := []error{k.detach()}
	for _, name := range slices.Sorted(maps.Keys(k.programs)) {
		errs = append(errs, k.programs[name].Close())
	}
	k.programs = nil
	if k.Maps != nil {
		errs = append(errs, k.Maps.Close())
		k.Maps = nil
	}
	return errors.Join(errs...)
}
