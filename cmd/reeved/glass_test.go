// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/api"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// kernelMaps is what glass sees of the kernel.
type kernelMaps struct {
	reliefs map[uint32]uint64
	slots   []sensor.Slot
	fail    error
}

func (m *kernelMaps) Reliefs() (map[uint32]uint64, error) { return m.reliefs, nil }
func (m *kernelMaps) SetRelief(index uint32, until uint64) error {
	if m.fail == nil {
		m.reliefs[index] = until
	}
	return m.fail
}
func (m *kernelMaps) Sessions() ([]sensor.Slot, error) {
	return append([]sensor.Slot{}, m.slots...), nil
}
func (m *kernelMaps) Change(c bpf.Change) error {
	for i := range m.slots {
		if s := &m.slots[i]; s.Number == c.Slot && c.Role == bpf.KeepRole {
			s.Flags |= c.FlagsSet
			if c.Relief != 0 {
				s.Relief = c.Relief
			}
			return m.fail
		}
	}
	return sensor.ErrSessionEnded
}

func slot(number uint32, id uint64) sensor.Slot {
	return sensor.Slot{Number: number, Session: bpf.Session{Id: id, Tasks: 1}}
}

// bench is a glass on a kernel that is a few maps, with a clock that is set.
type bench struct {
	*glass
	maps  *kernelMaps
	now   uint64
	roles map[string]uint32
	told  []event.Said
}

const minute = uint64(time.Minute)

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{maps: &kernelMaps{reliefs: map[uint32]uint64{}}, now: 1000 * minute, roles: map[string]uint32{"engineering": 3}}
	b.maps.slots = []sensor.Slot{slot(1, 11), slot(2, 12), slot(3, 13)}
	b.restart(t.TempDir(), "boot-one")
	return b
}

// restart is another daemon on the same kernel.
func (b *bench) restart(dir, boot string) {
	b.glass = &glass{
		kernel: b.maps, dir: dir, clock: clock{boot, func() uint64 { return b.now }},
		wall: func(ns uint64) time.Time { return time.Unix(0, int64(ns)).UTC() },
		role: func(name string) (uint32, bool) { i, ok := b.roles[name]; return i, ok },
		id:   func(uint64) string { return "3f2a-1" }, tell: func(s event.Said) { b.told = append(b.told, s) },
	}
	b.told = nil
	b.open()
}

func (b *bench) names() []string {
	var out []string
	for _, s := range b.told {
		out = append(out, s.Name)
	}
	return out
}

var alice = event.Actor{UID: 0, User: "root", Login: "alice"}

func (b *bench) begin(t *testing.T, p api.Place) {
	t.Helper()
	r, err := b.Begin(p, map[uint64]bool{11: true, 12: true}, 15*time.Minute, "on fire", alice)
	if err != nil || r.Place != p || r.Until.UnixNano() < int64(b.now+15*minute) {
		t.Fatalf("%+v, %v", r, err)
	}
}

func TestGlassIsInTheKernelUntilItsTime(t *testing.T) {
	for name, tc := range map[string]struct {
		place api.Place
		in    func(*bench) uint64
	}{
		"host":    {api.Place{}, func(b *bench) uint64 { return b.maps.reliefs[bpf.ReliefHost] }},
		"role":    {api.Place{Role: "engineering"}, func(b *bench) uint64 { return b.maps.reliefs[bpf.ReliefRole+3] }},
		"session": {api.Place{Session: 11}, func(b *bench) uint64 { return b.maps.slots[0].Relief }},
		"child":   {api.Place{Session: 11}, func(b *bench) uint64 { return b.maps.slots[1].Relief }},
	} {
		b := newBench(t)
		b.begin(t, tc.place)
		if got := tc.in(b); got != b.now+15*minute {
			t.Errorf("%s: until %d", name, got)
		}
		b.now += 15*minute - 1
		b.look()
		if r := b.Reliefs(); len(r) != 1 || r[0].Reason != "on fire" {
			t.Errorf("%s: before its time: %+v", name, r)
		}
		b.now++
		b.look()
		if r := b.Reliefs(); len(r) != 0 || tc.in(b) > b.now {
			t.Errorf("%s: after its time: %+v, until %d", name, r, tc.in(b))
		}
		if want := []string{event.BreakGlassBegin, event.BreakGlassEnd}; !reflect.DeepEqual(b.names(), want) {
			t.Errorf("%s: told %v", name, b.told)
		}
		end := b.told[1]
		if end.By.String() != "root (login alice)" || end.Reason != "on fire" || end.Session != tc.place.Session || end.Role != tc.place.Role {
			t.Errorf("%s: %+v", name, end)
		}
	}
}

func TestGlassLeavesOthersAlone(t *testing.T) {
	b := newBench(t)
	b.begin(t, api.Place{Session: 11})
	if b.maps.slots[2].Relief != 0 || len(b.maps.reliefs) != 0 {
		t.Errorf("%+v", b.maps)
	}
	if _, err := b.Begin(api.Place{Session: 99}, map[uint64]bool{99: true}, time.Minute, "r", alice); !errors.Is(err, api.ErrSessionOver) {
		t.Errorf("a session without a task: %v", err)
	}
	if len(b.Reliefs()) != 1 {
		t.Errorf("%+v", b.Reliefs())
	}
}

func TestGlassIsEndedByHand(t *testing.T) {
	b := newBench(t)
	for _, p := range []api.Place{{}, {Role: "engineering"}, {Session: 11}} {
		b.begin(t, p)
		b.maps.slots = append(b.maps.slots, slot(9, 19)) // a child that is born with it
		b.maps.slots[3].Relief = b.maps.slots[0].Relief
		if ended, err := b.End(p, event.Actor{User: "bob"}); err != nil || !ended {
			t.Errorf("%+v: %v, %v", p, ended, err)
		}
		for _, s := range b.maps.slots {
			if s.Relief > b.now {
				t.Errorf("%+v: session %d goes on", p, s.Id)
			}
		}
		if ended, err := b.End(p, alice); err != nil || ended {
			t.Errorf("%+v again: %v, %v", p, ended, err)
		}
		b.maps.slots = b.maps.slots[:3]
	}
	if b.maps.reliefs[bpf.ReliefHost] != 0 || b.maps.reliefs[bpf.ReliefRole+3] != 0 {
		t.Errorf("%v", b.maps.reliefs)
	}
	if last := b.told[len(b.told)-1]; last.By.User != "bob" || !strings.Contains(last.Message, "root (login alice) had broken the glass: on fire") {
		t.Errorf("%+v", last)
	}
}

func TestGlassOutlivesTheDaemon(t *testing.T) {
	b := newBench(t)
	for _, p := range []api.Place{{}, {Role: "engineering"}, {Session: 11}} {
		b.begin(t, p)
	}
	info, err := os.Stat(filepath.Join(b.dir, reliefsFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	b.now += minute
	b.restart(b.dir, "boot-one")
	r := b.Reliefs()
	if len(r) != 3 || r[1].Role != "engineering" || r[1].By != alice || r[1].Reason != "on fire" || len(b.told) != 0 {
		t.Errorf("%+v, %v", r, b.told)
	}
	b.now += 20 * minute // it ends while no daemon runs
	b.restart(b.dir, "boot-one")
	if want := []string{event.BreakGlassEnd, event.BreakGlassEnd, event.BreakGlassEnd}; len(b.Reliefs()) != 0 || !reflect.DeepEqual(b.names(), want) {
		t.Errorf("%+v, %v", b.Reliefs(), b.told)
	}
	b.restart(b.dir, "boot-one")
	if len(b.told) != 0 {
		t.Errorf("told again: %v", b.told)
	}
}

func TestGlassOfAnotherBootIsOver(t *testing.T) {
	b := newBench(t)
	b.begin(t, api.Place{})
	b.maps.reliefs = map[uint32]uint64{}
	b.restart(b.dir, "boot-two")
	if len(b.Reliefs()) != 0 || len(b.told) != 1 || !strings.Contains(b.told[0].Message, "started anew") {
		t.Errorf("%+v, %v", b.Reliefs(), b.told)
	}
	if raw, _ := os.ReadFile(filepath.Join(b.dir, reliefsFile)); len(b.told) == 1 && strings.Contains(string(raw), "boot-one") {
		t.Errorf("the file of the boot before is kept: %s", raw)
	}
}

func TestTheKernelIsTheTruth(t *testing.T) {
	b := newBench(t)
	for _, p := range []api.Place{{}, {Role: "engineering"}, {Session: 11}} {
		b.begin(t, p)
	}
	b.maps.reliefs = map[uint32]uint64{} // loaded anew
	b.maps.slots = nil
	b.look()
	if len(b.Reliefs()) != 0 || len(b.told) != 6 {
		t.Errorf("%+v, %v", b.Reliefs(), b.names())
	}
}

func TestWhatNobodyAnswersForIsEnded(t *testing.T) {
	b := newBench(t)
	b.begin(t, api.Place{})
	b.maps.reliefs[bpf.ReliefRole+5] = b.now + 60*minute
	b.maps.slots[2].Relief = b.now + 60*minute
	if err := os.WriteFile(filepath.Join(b.dir, reliefsFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.restart(b.dir, "boot-one")
	if b.maps.reliefs[bpf.ReliefHost] != 0 || b.maps.reliefs[bpf.ReliefRole+5] != 0 || b.maps.slots[2].Relief > b.now {
		t.Errorf("%+v", b.maps)
	}
	if b.told[0].Name != event.BreakGlassTrouble || len(b.told) != 4 {
		t.Errorf("%v", b.told)
	}
}

func TestGlassOfARetiredRoleIsOver(t *testing.T) {
	b := newBench(t)
	b.begin(t, api.Place{Role: "engineering"})
	delete(b.roles, "engineering")
	b.look()
	if b.maps.reliefs[bpf.ReliefRole+3] != 0 || len(b.Reliefs()) != 0 || !strings.Contains(b.told[1].Message, "the policy has that role no more") {
		t.Errorf("%v, %v", b.maps.reliefs, b.told)
	}
	b.roles["engineering"] = 3
	b.begin(t, api.Place{Role: "engineering"})
	b.roles["engineering"] = 4 // its number is another role's
	b.look()
	if b.maps.reliefs[bpf.ReliefRole+3] != 0 || len(b.Reliefs()) != 0 {
		t.Errorf("%v, %v", b.maps.reliefs, b.told)
	}
}

func TestGlassThatCannotBeKeptIsNotBroken(t *testing.T) {
	b := newBench(t)
	b.maps.fail = errors.New("no")
	if _, err := b.Begin(api.Place{}, nil, time.Minute, "r", alice); !errors.Is(err, b.maps.fail) || len(b.Reliefs()) != 0 || len(b.told) != 0 {
		t.Errorf("%v, %v", err, b.told)
	}
	b.maps.fail = nil
	b.dir = filepath.Join(b.dir, reliefsFile, "below-a-file")
	if _, err := b.Begin(api.Place{}, nil, time.Minute, "r", alice); err == nil || b.maps.reliefs[bpf.ReliefHost] != 0 {
		t.Errorf("%v, %v", err, b.maps.reliefs)
	}
}

func TestSecondGlassReplacesTheFirst(t *testing.T) {
	b := newBench(t)
	b.begin(t, api.Place{Session: 11})
	b.now += minute
	b.begin(t, api.Place{Session: 11})
	b.begin(t, api.Place{})
	if r := b.Reliefs(); len(r) != 2 || b.maps.slots[0].Relief != b.now+15*minute || b.maps.reliefs[bpf.ReliefHost] == b.maps.slots[0].Relief {
		t.Errorf("%+v, %+v", r, b.maps)
	}
}

func TestSwitchesAreNamedAsSuch(t *testing.T) {
	p, _ := inForce(t)
	e := refused(1)
	e.Head.Flags = uint16(bpf.EventApplied | bpf.EventSwitch)
	r := p.Rule(e)
	if e.Rule = r.ID; r.ID != "switch" || r.Place != "" || p.Instead(e) != "" {
		t.Errorf("%+v, instead %q", r, p.Instead(e))
	}
}

func TestRetiredRoleIsNone(t *testing.T) {
	p, _ := inForce(t)
	if _, ok := p.RoleByName("engineering"); !ok {
		t.Fatal("no role to begin with")
	}
	less := file("two")
	less[0].Text = "version = 1\nbase = \"none\"\n"
	if r, err := p.Apply(t.Context(), less, 0); err != nil || !r.Applied {
		t.Fatal(r, err)
	}
	if index, ok := p.RoleByName("engineering"); ok {
		t.Errorf("a role that is gone is %d", index)
	}
}
