// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/testdata/need"
)

func TestSetsAreReadFromTheirNames(t *testing.T) {
	for _, s := range []set{
		{1, bpf.FormLSM, 1 << 20, "0123456789ab"}, {12, bpf.FormModify, 1 << 24, "x"}, {1, bpf.FormTwice, 4096, "z"}, {1, bpf.FormObserve, 4096, "y"},
	} {
		if got, ok := parseSet(s.String()); !ok || got != s {
			t.Errorf("%s: %+v, %v", s, got, ok)
		}
	}
	for _, name := range []string{"", half, "1-lsm-4096", "x-lsm-4096-b", "1-other-4096-b", "1-lsm-many-b", "1-lsm-4096-b-c"} {
		if s, ok := parseSet(name); ok {
			t.Errorf("%q is %+v", name, s)
		}
	}
}

// pins is a folder in a bpf file system of the test's own.
func pins(t *testing.T) Pins {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("bpf", dir, "bpf", 0, ""); err != nil {
		need.Missing(t, need.BPF, "mounting a bpf file system:", err)
	}
	p := Pins(filepath.Join(dir, "reeve"))
	t.Cleanup(func() {
		if _, err := p.Release(); err != nil {
			t.Error(err)
		}
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return p
}

func begin(t *testing.T, p Pins) (*Kernel, Finding) {
	t.Helper()
	need.FirstPIDs(t)
	need.Programs(t)
	k, found, err := Start(t.Context(), Options{Pins: p}, Blank)
	if err != nil {
		t.Fatal(err)
	}
	return k, found
}

func end(t *testing.T, k *Kernel) {
	t.Helper()
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
}

// ids are the kernel's numbers of the programs that sit on hooks.
func ids(t *testing.T, k *Kernel) []ebpf.ProgramID {
	t.Helper()
	var out []ebpf.ProgramID
	for _, p := range k.Attached() {
		info, err := p.Info()
		if err != nil {
			t.Fatal(err)
		}
		id, _ := info.ID()
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// member starts a process and makes it a session. The answer tells its number by its kernel state.
func member(t *testing.T, k *Kernel) (session func(*Kernel) uint64) {
	t.Helper()
	cmd := exec.Command("/bin/sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if _, err := k.Adopt(t.Context(), Adoption{PID: uint32(cmd.Process.Pid)}); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return func(k *Kernel) uint64 {
		t.Helper()
		slot, ok, err := k.TaskSession(fd)
		if err != nil || !ok {
			t.Fatalf("in no session: %v", err)
		}
		return slot.Id
	}
}

func TestRestartAdoptsWhatIsPinned(t *testing.T) {
	p := pins(t)
	first, found := begin(t, p)
	before := ids(t, first)
	session := member(t, first)
	id := session(first)
	counters, err := first.Counters()
	if err != nil {
		t.Fatal(err)
	}
	end(t, first)

	second, again := begin(t, p)
	defer end(t, second)
	if got := ids(t, second); !slices.Equal(got, before) {
		t.Errorf("programs %v, before the restart %v", got, before)
	}
	if session(second) != id {
		t.Errorf("session %d, before the restart %d", session(second), id)
	}
	if again.Form != found.Form || again.Coverage != found.Coverage {
		t.Errorf("found %+v, before the restart %+v", again, found)
	}
	after, err := second.Counters()
	if err != nil || after[bpf.CountSessionsStarted] <= counters[bpf.CountSessionsStarted] {
		t.Errorf("counters went from %v to %v, %v", counters, after, err)
	}
}

// Programs that are attached anew are pinned in the place of the ones before, with the maps that those had.
func TestReattachedProgramsAreWhatIsPinned(t *testing.T) {
	p := pins(t)
	first, _ := begin(t, p)
	before := ids(t, first)
	session := member(t, first)
	id := session(first)
	if err := first.Reattach(p); err != nil {
		t.Fatal(err)
	}
	anew := ids(t, first)
	end(t, first)
	if sets, err := p.sets(); err != nil || len(sets) != 1 || sets[0].build != build() {
		t.Errorf("pinned: %v, %v", sets, err)
	}

	second, _ := begin(t, p)
	defer end(t, second)
	if got := ids(t, second); !slices.Equal(got, anew) || slices.Equal(got, before) {
		t.Errorf("programs %v; attached first %v, then %v", got, before, anew)
	}
	if session(second) != id {
		t.Errorf("session %d, before %d", session(second), id)
	}
}

// A daemon that dies while it pins anew leaves the set before, under another build's name: its sessions go on.
func TestSetAsideOutlivesWhoSetItAside(t *testing.T) {
	p := pins(t)
	first, _ := begin(t, p)
	session := member(t, first)
	id := session(first)
	aside := first.set()
	aside.build = broken
	if err := os.Rename(p.path(first.set().String()), p.path(aside.String())); err != nil {
		t.Fatal(err)
	}
	end(t, first)

	second, _ := begin(t, p)
	defer end(t, second)
	if session(second) != id {
		t.Errorf("session %d, before %d", session(second), id)
	}
	if sets, err := p.sets(); err != nil || len(sets) != 1 || sets[0].build != build() {
		t.Errorf("pinned: %v, %v", sets, err)
	}
}

// A set of a form that holds more stays: whatever is tried after that form is not put in its place.
func TestNothingWeakerTakesThePlaceOfWhatIsPinned(t *testing.T) {
	p := pins(t)
	first, _ := begin(t, p)
	mine := first.set()
	end(t, first)
	if mine.form != bpf.FormObserve && mine.form != bpf.FormNetwork {
		need.OtherKernel(t, "a form that holds programs and files loads here")
	}
	stronger := set{abi, bpf.FormLSM, mine.size, "another"}
	if err := os.Rename(p.path(mine.String()), p.path(stronger.String())); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Start(t.Context(), Options{Pins: p}, Blank); !errors.Is(err, ErrOldStays) {
		t.Errorf("started beside %s: %v", stronger, err)
	}
	if sets, err := p.sets(); err != nil || len(sets) != 1 || sets[0] != stronger {
		t.Errorf("pinned: %v, %v", sets, err)
	}
	for _, row := range []struct {
		pinned bpf.Form
		before []bpf.Form
		stays  bool
	}{
		{bpf.FormTwice, []bpf.Form{bpf.FormTwice}, true},
		{bpf.FormModify, []bpf.Form{bpf.FormTwice}, false},
		{bpf.FormTwice, nil, false},
	} {
		if got := anyOf([]set{{form: row.pinned}}, row.before); got != row.stays {
			t.Errorf("%s pinned, %v failed before: stays is %v", row.pinned, row.before, got)
		}
	}
}

func TestUpgradeGoesOnWithTheSessions(t *testing.T) {
	p := pins(t)
	first, _ := begin(t, p)
	before := ids(t, first)
	session := member(t, first)
	id := session(first)
	end(t, first)

	defer func(was func() string) { build = was }(build)
	build = func() string { return "another" }
	second, _ := begin(t, p)
	defer end(t, second)
	for _, program := range ids(t, second) {
		if slices.Contains(before, program) {
			t.Errorf("program %d is the old build's", program)
		}
	}
	if session(second) != id {
		t.Errorf("session %d, before the upgrade %d", session(second), id)
	}
	if sets, err := p.sets(); err != nil || len(sets) != 1 || sets[0].build != "another" {
		t.Errorf("pinned: %v, %v", sets, err)
	}
}

// Programs with maps of another layout take over: the sessions' numbers, their tasks, and what those start from now on.
func TestUpgradeCarriesSessionsOverToAnotherABI(t *testing.T) {
	p := pins(t)
	first, _ := begin(t, p)
	session := member(t, first)
	id := session(first)
	another := member(t, first)
	counters, err := first.Counters()
	if err != nil {
		t.Fatal(err)
	}
	tasks := map[uint64]uint32{}
	for _, s := range sessionsOf(t, first) {
		tasks[s.Id] = s.Tasks
	}
	mine := first.set()
	end(t, first)
	// Another ABI has fewer maps: those whose content is learned anew.
	for _, name := range mapNames() {
		if slices.Contains(carried, name) {
			continue
		}
		if err := os.Remove(p.path(mine.String(), "map_"+name)); err != nil {
			t.Fatal(err)
		}
	}

	defer func(was int, named func() string) { abi, build = was, named; delete(conversions, was) }(abi, build)
	conversions[abi] = asBefore
	abi, build = abi+1, func() string { return "another" }
	second, _ := begin(t, p)
	defer end(t, second)
	if session(second) != id || another(second) == id {
		t.Errorf("sessions %d and %d, the first was %d", session(second), another(second), id)
	}
	for _, s := range sessionsOf(t, second) {
		if s.Tasks != tasks[s.Id] {
			t.Errorf("session %d has %d threads, before the upgrade %d", s.Id, s.Tasks, tasks[s.Id])
		}
		delete(tasks, s.Id)
	}
	if len(tasks) > 0 {
		t.Errorf("sessions %v are gone", tasks)
	}
	if after, err := second.Counters(); err != nil || after[bpf.CountSessionsStarted] < counters[bpf.CountSessionsStarted] {
		t.Errorf("counters went from %v to %v, %v", counters, after, err)
	}
	if third := member(t, second)(second); third <= another(second) {
		t.Errorf("session %d began after session %d", third, another(second))
	}
	if sets, err := p.sets(); err != nil || len(sets) != 1 || sets[0].abi != abi {
		t.Errorf("pinned: %v, %v", sets, err)
	}
}

func sessionsOf(t *testing.T, k *Kernel) []Slot {
	t.Helper()
	slots, err := k.Sessions()
	if err != nil {
		t.Fatal(err)
	}
	return slots
}

func TestHalfASetIsClearedAway(t *testing.T) {
	p := pins(t)
	k, _ := begin(t, p)
	end(t, k)
	sets, err := p.sets()
	if err != nil || len(sets) != 1 {
		t.Fatalf("pinned: %v, %v", sets, err)
	}
	// A daemon died while it pinned, and somebody took a program of the whole set.
	if err := os.Mkdir(p.path(half), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(p.path(sets[0].String(), "program_"+bpf.SeedTasks)); err != nil {
		t.Fatal(err)
	}
	k, _ = begin(t, p)
	defer end(t, k)
	if _, err := os.Stat(p.path(half)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a set is still there: %v", err)
	}
	if _, err := os.Stat(p.path(sets[0].String(), "program_"+bpf.SeedTasks)); err != nil {
		t.Error(err)
	}
}

func TestReleaseLeavesNothing(t *testing.T) {
	p := pins(t)
	k, _ := begin(t, p)
	end(t, k)
	programs, err := p.programs()
	if err != nil || len(programs) == 0 {
		t.Fatalf("programs are pinned: %v, %v", programs, err)
	}
	if err := letGo(programs, time.Millisecond); !errors.Is(err, ErrStillHeld) {
		t.Errorf("of programs that are pinned: %v", err)
	}
	if n, err := p.Release(); err != nil || n != 1 {
		t.Errorf("released %d, %v", n, err)
	}
	for _, id := range programs {
		if _, err := ebpf.NewProgramFromID(id); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("program %d runs after the release: %v", id, err)
		}
	}
	entries, err := os.ReadDir(string(p))
	if err != nil || len(entries) != 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
	if n, err := p.Release(); err != nil || n != 0 {
		t.Errorf("released again: %d, %v", n, err)
	}
}

func TestPinsNeedABPFFileSystem(t *testing.T) {
	if _, _, err := Start(t.Context(), Options{Pins: Pins(t.TempDir())}, Blank); !errors.Is(err, ErrNoBPFFS) {
		t.Errorf("%v", err)
	}
}
