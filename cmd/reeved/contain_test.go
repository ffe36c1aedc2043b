// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/api"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// sessionsOf is a kernel with sessions, by parent, and no processes. born begin while the first switch is thrown.
type sessionsOf struct {
	slots map[uint32]*sensor.Slot
	born  map[uint64]uint64
}

func (k *sessionsOf) begin(id, parent uint64) {
	s := &sensor.Slot{Number: uint32(id)}
	s.Id, s.Parent = id, parent
	k.slots[s.Number] = s
}

func (k *sessionsOf) TaskSession(int) (sensor.Slot, bool, error) { return sensor.Slot{}, false, nil }

func (k *sessionsOf) Sessions() (all []sensor.Slot, err error) {
	for _, n := range slices.Sorted(maps.Keys(k.slots)) {
		all = append(all, *k.slots[n])
	}
	return all, nil
}

func (k *sessionsOf) Change(c bpf.Change) error {
	for id, parent := range k.born {
		k.begin(id, parent)
	}
	k.born = nil
	s := k.slots[c.Slot]
	if s == nil {
		return sensor.ErrSessionEnded
	}
	s.Switches = s.Switches&^c.SwitchesClear | c.SwitchesSet
	s.Denied = s.Denied&^c.DeniedClear | c.DeniedSet
	return nil
}

// ice is a freezer.
type ice map[uint64]bool

func (i ice) Freeze(_ context.Context, ids map[uint64]bool, noFork func() error) (int, error) {
	n := 0
	for id := range ids {
		if !i[id] {
			i[id] = true
			n++
		}
	}
	return n, noFork()
}

func (i ice) Thaw(ids map[uint64]bool) (int, error) {
	before := len(i)
	maps.DeleteFunc(i, func(id uint64, _ bool) bool { return ids[id] })
	return before - len(i), nil
}

func (i ice) Clean(living map[uint64]bool) error {
	maps.DeleteFunc(i, func(id uint64, _ bool) bool { return !living[id] })
	return nil
}

func newContainment(t *testing.T) (*containment, *sessionsOf, ice, *[]event.Said) {
	t.Helper()
	k, frozen, said := &sessionsOf{slots: map[uint32]*sensor.Slot{}}, ice{}, new([]event.Said)
	k.begin(1, 0)
	k.begin(2, 1)
	k.begin(9, 0)
	return &containment{
		kernel: k, freezer: func() (freezer, error) { return frozen, nil }, by: map[uint64]uint32{},
		tell: func(s event.Said) { *said = append(*said, s) }, name: func(uint64) string { return "3f2a-1" },
	}, k, frozen, said
}

func by(uid uint32) api.Measure {
	return api.Measure{Session: 1, Family: map[uint64]bool{1: true}, Reason: "why", By: &event.Actor{UID: uid, User: "alice"}}
}

func take(t *testing.T, c *containment, a api.Action, m api.Measure) int {
	t.Helper()
	m.Action = a
	n, err := c.Take(context.Background(), m)
	if err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	return n
}

func TestContainmentReachesWhatBeginsMeanwhile(t *testing.T) {
	c, k, frozen, said := newContainment(t)
	k.born = map[uint64]uint64{3: 2, 4: 3}
	if n := take(t, c, api.Freeze, by(1000)); n != 4 || !maps.Equal(frozen, ice{1: true, 2: true, 3: true, 4: true}) {
		t.Errorf("froze %d: %v", n, frozen)
	}
	frozenNow := uint32(bpf.SwitchFreeze | bpf.SwitchNoFork)
	for id, want := range map[uint32]uint32{1: frozenNow, 4: frozenNow, 9: 0} {
		if got := k.slots[id].Switches; got != want {
			t.Errorf("session %d: switches %x, want %x", id, got, want)
		}
	}
	want := event.Said{Name: event.SessionFrozen, By: by(1000).By, Reason: "why", Session: 1, Message: "session 3f2a-1 was frozen by alice: why"}
	if len(*said) != 1 || (*said)[0].Name != want.Name || (*said)[0].Message != want.Message || *(*said)[0].By != *want.By {
		t.Errorf("said %+v, want %+v", *said, want)
	}
}

func TestSwitchesAreThrownAndTakenBack(t *testing.T) {
	c, k, frozen, _ := newContainment(t)
	take(t, c, api.Isolate, by(1000))
	if s := k.slots[2]; s.Denied>>bpf.OpUnixConnect&1 != 1 || s.Denied>>bpf.OpFileRead&1 != 0 {
		t.Errorf("isolated: %x is denied", s.Denied)
	}
	take(t, c, api.Deny, by(1000))
	if s := k.slots[2]; s.Denied>>bpf.OpFileRead&1 != 1 || s.Denied>>bpf.OpExecArgv&1 != 1 {
		t.Errorf("denied: %x is denied", s.Denied)
	}
	take(t, c, api.Kill, by(1000)) // whose processes are none here
	if s := k.slots[2]; s.Switches&uint32(bpf.SwitchKill) == 0 || s.Denied != every {
		t.Errorf("killed: switches %x, %x is denied", s.Switches, s.Denied)
	}
	take(t, c, api.Freeze, by(1000))
	if n := take(t, c, api.Thaw, by(1000)); n != 2 || len(frozen) != 0 || k.slots[1].Switches != 0 || k.slots[2].Denied != 0 {
		t.Errorf("thawed %d: %v, %+v", n, frozen, k.slots[1])
	}
}

// slowIce sees what the kernel refuses until those that can be found stand still, and may fail.
type slowIce struct {
	ice
	kernel *sessionsOf
	fails  error
	denied map[uint64]uint64
}

func (i slowIce) Freeze(ctx context.Context, ids map[uint64]bool, noFork func() error) (int, error) {
	for id := range ids {
		s := i.kernel.slots[uint32(id)]
		if i.denied[id] = s.Denied; s.Switches&uint32(bpf.SwitchNoFork) != 0 {
			return 0, errForksRefused
		}
	}
	n, err := i.ice.Freeze(ctx, ids, noFork)
	return n, errors.Join(i.fails, err)
}

var errForksRefused = errors.New("forks are refused to whoever does not stand still yet")

func (k *sessionsOf) mayFork() bool {
	return k.slots[1].Switches&k.slots[2].Switches&uint32(bpf.SwitchNoFork) == 0
}

// The switch binds at the next hook whoever has not stopped yet; who stands still needs no refusal, and is not to find one at thaw.
func TestFreezeRefusesUntilAllStandStill(t *testing.T) {
	for name, tc := range map[string]struct {
		before api.Action
		fails  error
		want   uint64
	}{
		"all-stand-still":    {},
		"isolated-before":    {before: api.Isolate, want: away},
		"denied-before":      {before: api.Deny, want: every},
		"some-do-not-stop":   {fails: sensor.ErrNotFrozen, want: every},
		"isolated-then-some": {before: api.Isolate, fails: sensor.ErrNotFrozen, want: every},
	} {
		t.Run(name, func(t *testing.T) {
			c, k, frozen, _ := newContainment(t)
			slow := slowIce{frozen, k, tc.fails, map[uint64]uint64{}}
			c.freezer = func() (freezer, error) { return slow, nil }
			if tc.before != "" {
				take(t, c, tc.before, by(1000))
			}
			m := by(1000)
			m.Action = api.Freeze
			if _, err := c.Take(context.Background(), m); !errors.Is(err, tc.fails) {
				t.Error(err)
			}
			if k.mayFork() {
				t.Error("who was not found may fork")
			}
			for id := range uint32(2) {
				if s := k.slots[id+1]; slow.denied[s.Id] != every || s.Denied != tc.want || s.Switches&uint32(bpf.SwitchFreeze) == 0 {
					t.Errorf("session %d: %x was denied while it was frozen, %x after, want %x; switches %x", s.Id, slow.denied[s.Id], s.Denied, tc.want, s.Switches)
				}
			}
			if s := k.slots[9]; s.Denied != 0 {
				t.Errorf("another session is denied %x", s.Denied)
			}
			if take(t, c, api.Thaw, by(1000)); k.slots[1].Denied != 0 || k.slots[2].Switches != 0 {
				t.Errorf("thawed: %+v", k.slots[1])
			}
		})
	}
}

func TestThawIsForWhoContainedAndForAdministrators(t *testing.T) {
	admin := by(1001)
	admin.Admin = true
	for name, tc := range map[string]struct {
		contained, asks api.Measure
		restarted, may  bool
	}{
		"the-same":                  {contained: by(1000), asks: by(1000), may: true},
		"somebody-else":             {contained: admin, asks: by(1000)},
		"an-administrator":          {contained: by(1000), asks: admin, may: true},
		"what-the-sensor-did":       {contained: api.Measure{Session: 1, Family: map[uint64]bool{1: true}}, asks: by(1000)},
		"what-an-earlier-one-did":   {contained: by(1000), asks: by(1000), restarted: true},
		"the-sensor-itself-may-too": {contained: admin, asks: api.Measure{Session: 1, Family: map[uint64]bool{1: true}}, may: true},
	} {
		t.Run(name, func(t *testing.T) {
			c, k, frozen, _ := newContainment(t)
			take(t, c, api.Freeze, tc.contained)
			if tc.restarted {
				clear(c.by)
			}
			tc.asks.Action, tc.asks.Family = api.Thaw, map[uint64]bool{1: true}
			_, err := c.Take(context.Background(), tc.asks)
			if may := err == nil; may != tc.may || (!may && !errors.Is(err, api.ErrNotYours)) || (len(frozen) == 0) != tc.may {
				t.Errorf("%v, frozen %v, %+v", err, frozen, k.slots[1])
			}
		})
	}
}

func TestContainmentOfWhatHasEnded(t *testing.T) {
	c, k, frozen, said := newContainment(t)
	take(t, c, api.Freeze, by(1000))
	delete(k.slots, 1)
	delete(k.slots, 2)
	m := by(1000)
	m.Action = api.Kill
	if _, err := c.Take(context.Background(), m); !errors.Is(err, api.ErrSessionOver) || len(*said) != 1 {
		t.Errorf("%v, said %+v", err, *said)
	}
	slots, err := k.Sessions()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.clean(slots); err != nil || len(frozen) != 0 || len(c.by) != 0 {
		t.Errorf("%v: %v and %v are left", err, frozen, c.by)
	}
}

func TestHostWithoutControlGroups(t *testing.T) {
	c, k, _, _ := newContainment(t)
	c.freezer = func() (freezer, error) { return nil, sensor.ErrNoFreezer }
	m := by(1000)
	m.Action = api.Freeze
	if _, err := c.Take(context.Background(), m); err == nil || !strings.Contains(err.Error(), "no cgroup v2") {
		t.Errorf("%v", err)
	}
	take(t, c, api.Thaw, by(1000))
	if err := c.clean(nil); err != nil || k.slots[1].Switches != 0 {
		t.Errorf("%v, %+v", err, k.slots[1])
	}
}
