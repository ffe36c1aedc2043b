// SPDX-License-Identifier: Apache-2.0

package session

import (
	"fmt"
	"testing"

	"github.com/reeve-sensor/reeve/sensor/event"
)

func heldBy(pid uint32, object string, inode uint64, a event.Action) *event.Event {
	e := ev(event.Held, 1, 7, pid, uint64(pid)*10)
	e.Object, e.Op, e.Inode, e.Head.Action = object, "file.read", inode, a
	return e
}

func TestHeldObjectsAreListedOnce(t *testing.T) {
	table := New(DefaultLimits)
	table.Apply(ev(event.SessionStart, 0, 7, 10, 100))
	for _, e := range []*event.Event{
		heldBy(10, "/a", 1, event.Allow), heldBy(10, "/a", 1, event.Allow), heldBy(10, "/b", 2, event.Deny),
		heldBy(11, "/a", 1, event.Allow), heldBy(11, "/a", 1, event.Allow),
		heldBy(10, "pipe:[3]", 3, event.Allow), heldBy(10, "pipe:[4]", 4, event.Allow),
	} {
		table.Apply(e)
	}
	write := heldBy(11, "/a", 1, event.Allow)
	write.Op = "file.write"
	table.Apply(write)
	s := table.Session(7)
	var got []string
	for _, h := range s.Held() {
		got = append(got, fmt.Sprint(h.Object, " ", h.Op, " ", h.Process.PID, " ", h.Processes))
	}
	want := []string{"/a file.read 10 2", "/b file.read 10 1", "pipe:[3] file.read 10 1", "pipe:[4] file.read 10 1", "/a file.write 11 1"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("held %q, want %q", got, want)
	}
	if s.Counts[event.Deny] != 0 || s.Refused != 0 || s.HeldUnlisted != 0 {
		t.Errorf("what is held counts as an act: %v, %d", s.Counts, s.Refused)
	}
	if s.Process(Key{11, 110}) == nil {
		t.Error("a process that holds something is not in the table")
	}
}

func TestWhatPolicyRefusesIsHeldLongest(t *testing.T) {
	limits := DefaultLimits
	limits.Held = 3
	table := New(limits)
	table.Apply(ev(event.SessionStart, 0, 7, 10, 100))
	for i := range uint64(5) {
		table.Apply(heldBy(10, fmt.Sprint("/free/", i), 10+i, event.Allow))
	}
	for i := range uint64(4) {
		table.Apply(heldBy(10, fmt.Sprint("/secret/", i), 20+i, event.Deny))
	}
	s := table.Session(7)
	if len(s.Held()) != 3 || s.HeldUnlisted != 6 {
		t.Errorf("%d held, %d unlisted", len(s.Held()), s.HeldUnlisted)
	}
	for _, h := range s.Held() {
		if h.Action != event.Deny {
			t.Errorf("%s was kept in the place of what policy refuses", h.Object)
		}
	}
}
