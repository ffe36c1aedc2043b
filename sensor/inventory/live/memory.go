// SPDX-License-Identifier: Apache-2.0

// This file is what outlives the daemon: when items were first and last seen, who used them, and how the inventory was.

package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/reeve-sensor/reeve/sensor/durable"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// memory is the file inventory.json in the state folder.
type memory struct {
	Seen      map[string]*seen `json:"seen"`
	Latest    []inventory.Item `json:"latest"` // at the end of the last full pass
	LatestAt  time.Time        `json:"latest_at"`
	Earlier   []inventory.Item `json:"earlier"` // of the one before
	EarlierAt time.Time        `json:"earlier_at"`
	Published published        `json:"published,omitempty"`
	Trusted   string           `json:"trusted,omitempty"` // whom the site trusted when that was verified
}

type seen struct {
	First time.Time       `json:"first"`
	Last  time.Time       `json:"last"`
	Uses  []inventory.Use `json:"uses,omitempty"`
}

const (
	memoryFile = "inventory.json"
	usesMax    = 20                   // sessions of one item
	forgotten  = 180 * 24 * time.Hour // since an item was last seen
	seenMax    = 200_000
)

func remember(dir string) (memory, error) {
	m := memory{Seen: map[string]*seen{}}
	if dir == "" {
		return m, nil
	}
	raw, err := os.ReadFile(filepath.Join(dir, memoryFile))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if m.Seen == nil {
		m.Seen = map[string]*seen{}
	}
	if err != nil {
		return memory{Seen: map[string]*seen{}}, fmt.Errorf("reading what the inventory was: %w", err)
	}
	return m, nil
}

// store writes what was encoded, whole or not at all.
func store(dir string, raw []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return durable.Write(filepath.Join(dir, memoryFile), raw)
}

// see notes that items are there, and tells which of them are new.
func (m *memory) see(items []inventory.Item, now time.Time) map[string]bool {
	news := map[string]bool{}
	for i := range items {
		key := items[i].Key()
		s := m.Seen[key]
		if s == nil {
			if len(m.Seen) >= seenMax {
				continue // bound: their first moment is told from pass to pass
			}
			s = &seen{First: now}
			m.Seen[key], news[key] = s, true
		}
		s.Last = now
	}
	return news
}

// tell fills in what is remembered of an item.
func (m *memory) tell(it *inventory.Item) {
	if s := m.Seen[it.Key()]; s != nil {
		it.First, it.Last, it.Sessions = s.First, s.Last, slices.Clone(s.Uses)
	}
}

// turn makes what is there the latest inventory, and forgets what has been gone for long.
func (m *memory) turn(items []inventory.Item, now time.Time) {
	m.Earlier, m.EarlierAt = m.Latest, m.LatestAt
	m.Latest, m.LatestAt = items, now
	for key, s := range m.Seen {
		if now.Sub(s.Last) > forgotten {
			delete(m.Seen, key)
		}
	}
}

// used notes that a session used an item.
func (m *memory) used(key, session string, at time.Time) {
	s := m.Seen[key]
	if s == nil {
		return
	}
	s.Uses = slices.DeleteFunc(s.Uses, func(u inventory.Use) bool { return u.Session == session })
	s.Uses = append(s.Uses, inventory.Use{Session: session, At: at})
	s.Uses = s.Uses[max(0, len(s.Uses)-usesMax):]
}
