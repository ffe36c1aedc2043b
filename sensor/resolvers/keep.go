// SPDX-License-Identifier: Apache-2.0

// Keeping the kernel's resolvers what the sources name. The files are read every few seconds: they are small, and are written in
// place, renamed over, mounted over or linked elsewhere, which no watch sees all of.

package resolvers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// every is how often sources are read: so long a machine that changed its network may wait for its names.
const every = 3 * time.Second

// Table is what the kernel looks resolvers up in.
type Table interface {
	// SetResolvers makes it hold these, and no others.
	SetResolvers([]netip.Addr) error
	// MaxResolvers is how many it holds.
	MaxResolvers() int
}

// Keeper keeps a table.
type Keeper struct {
	sources Sources
	log     *slog.Logger

	mu    sync.Mutex
	table Table
	now   []Resolver
	gone  []Resolver // of now: nobody named them at the last look
	said  string     // problems, as they were told
}

// New makes a Keeper that has read nothing.
func New(s Sources, log *slog.Logger) *Keeper { return &Keeper{sources: s, log: log} }

// Now are the resolvers in the table.
func (k *Keeper) Now() []Resolver {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.now)
}

// Fill takes a table and makes it hold whom the sources name, whatever was in it.
func (k *Keeper) Fill(t Table) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.table, k.now, k.gone = t, nil, nil
	return k.look()
}

// Run keeps the table until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			k.mu.Lock()
			if err := k.look(); err != nil {
				k.log.Error("resolvers cannot be followed", "problem", err)
			}
			k.mu.Unlock()
		}
	}
}

// look reads the sources once. Who is new counts at once; who is gone, only when the next look does not find it either: a file
// that is written in place is empty for a moment.
func (k *Keeper) look() error {
	want, problems := k.sources.read(k.before)
	gone := without(k.now, want)
	want = append(want, without(gone, k.gone)...)
	if most := k.table.MaxResolvers(); len(want) > most {
		problems = append(problems, fmt.Errorf("%d resolvers are named, the kernel holds %d: the last ones are left out", len(want), most))
		want = want[:most]
	}
	k.tell(problems)
	if err := k.table.SetResolvers(addresses(want)); err != nil {
		return err
	}
	added, removed := without(want, k.now), without(k.now, want)
	if len(added)+len(removed) > 0 {
		k.log.Info("resolvers", "now", addresses(want), "added", addresses(added), "removed", addresses(removed))
	}
	k.now, k.gone = want, gone
	return nil
}

// before is whom a file named when it was read last.
func (k *Keeper) before(file string) (found []netip.Addr) {
	for _, r := range k.now {
		if r.From == file {
			found = append(found, r.Address)
		}
	}
	return found
}

// tell says problems when they change.
func (k *Keeper) tell(problems []error) {
	text := ""
	if err := errors.Join(problems...); err != nil {
		text = err.Error()
	}
	if text == k.said {
		return
	}
	k.said = text
	for _, p := range problems {
		k.log.Warn("not every resolver is known", "problem", p)
	}
}

// without are those of a list that are not in another one.
func without(list, other []Resolver) []Resolver {
	return slices.DeleteFunc(slices.Clone(list), func(r Resolver) bool {
		return slices.ContainsFunc(other, func(o Resolver) bool { return o.Address == r.Address })
	})
}

func addresses(list []Resolver) []netip.Addr {
	out := make([]netip.Addr, 0, len(list))
	for _, r := range list {
		out = append(out, r.Address)
	}
	return out
}
