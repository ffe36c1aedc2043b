// SPDX-License-Identifier: Apache-2.0

package store

import (
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/sensor/event"
)

var epoch = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func ev(session uint64, n int, action event.Action) *event.Event {
	return &event.Event{
		Kind: event.Access, Time: epoch.Add(time.Duration(n) * time.Second),
		Head: event.Head{Kind: event.Access, Session: session, Action: action},
	}
}

func all(*event.Event) bool { return true }

func TestQuery(t *testing.T) {
	m := NewMemory(1 << 20)
	m.Append(ev(1, 3, event.Allow))
	m.Append(ev(1, 1, event.Deny))
	m.Append(ev(2, 2, event.Allow))
	m.Append(&event.Event{Kind: event.Exec, Time: epoch.Add(4 * time.Second), Head: event.Head{Session: 1, Action: event.Allow}})
	for name, tc := range map[string]struct {
		query Query
		want  []uint64
	}{
		"all in order of time": {Query{}, []uint64{2, 3, 1, 4}},
		"one session":          {Query{Sessions: []uint64{1}}, []uint64{2, 1, 4}},
		"no session":           {Query{Sessions: []uint64{}}, nil},
		"since":                {Query{Since: epoch.Add(2 * time.Second)}, []uint64{3, 1, 4}},
		"newest":               {Query{Limit: 2}, []uint64{1, 4}},
		"kind":                 {Query{Kinds: []event.Kind{event.Exec}}, []uint64{4}},
		"notable":              {Query{Notable: true}, []uint64{2}},
	} {
		got := m.Query(tc.query)
		if len(got) != len(tc.want) {
			t.Errorf("%s: %d events", name, len(got))
			continue
		}
		for i := range got {
			if got[i].Seq != tc.want[i] {
				t.Errorf("%s: event %d is number %d, want %d", name, i, got[i].Seq, tc.want[i])
			}
		}
	}
}

func TestFloodDoesNotPushVerdictsOut(t *testing.T) {
	m := NewMemory(64 << 10)
	m.Append(ev(1, 0, event.Deny))
	for n := range 1000 {
		m.Append(ev(1, n, event.Allow))
	}
	if got := m.Query(Query{Notable: true}); len(got) != 1 {
		t.Errorf("%d verdicts left", len(got))
	}
	if lost := m.Losses(); lost.Evicted+uint64(m.Len()) != 1001 || lost.Evicted == 0 || lost.Notable != 0 {
		t.Errorf("%+v with %d held", lost, m.Len())
	}
	for n := range 1000 {
		m.Append(ev(1, n, event.Deny))
	}
	if lost := m.Losses(); lost.Notable == 0 {
		t.Errorf("%+v", lost)
	}
}

func TestFollowHasNoGapAndCountsWhatIsTooSlow(t *testing.T) {
	m := NewMemory(16 << 20)
	m.Append(ev(1, 0, event.Allow))
	past, f := m.Follow(Query{}, all)
	defer f.Close()
	m.Append(ev(1, 1, event.Allow))
	if len(past) != 1 || (<-f.C).Seq != 2 {
		t.Error("a gap between what was and what comes")
	}
	for n := range followerRoom + 10 {
		m.Append(ev(1, n, event.Allow))
	}
	if lost := f.Lost(); lost != 10 || f.Lost() != 0 || m.Losses().Followed != 10 {
		t.Errorf("lost %d", lost)
	}
	f.Close()
	f.Close()
	m.Append(ev(1, 0, event.Allow))
	if m.Losses().Followed != 10 {
		t.Error("a closed follower still loses")
	}
}
