// SPDX-License-Identifier: Apache-2.0

// This file renews one part of the inventory, within its time, and tells what changed in it.

package live

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/discover"
	"github.com/reeve-sensor/reeve/sensor/inventory/disk"
	"github.com/reeve-sensor/reeve/sensor/inventory/risk"
)

var errSlow = errors.New("it did not end in time: a file system in it may not answer")

// look renews one part, and tells what changed in it. A part that is being looked at already is looked at once more after
// that; one that is late is said to be, and takes its result in when it has one.
func (k *Keeper) look(ctx context.Context, p place) discover.Result {
	k.mu.Lock()
	person, known := k.people[p.user]
	if k.busy[p] || !known && p.what != "system" {
		k.redo[p] = k.busy[p]
		was := k.parts[p]
		k.mu.Unlock()
		return was
	}
	k.busy[p] = true
	k.progress.Place, k.progress.Entries = p.String(), 0
	avoid := k.avoid
	k.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r, err := k.pass(p, person, avoid)
		if err != nil {
			r.Items = append(r.Items, unseen(p, err))
		}
		k.put(p, r)
		if k.free(p) {
			k.touch(p)
		}
	}()
	late, stop := k.after(p)
	defer stop()
	select {
	case <-done:
	case <-ctx.Done():
	case <-late:
		k.late(p)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.parts[p]
}

// free lets a part be looked at again, and reports whether somebody wanted that meanwhile.
func (k *Keeper) free(p place) (again bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	again = k.redo[p]
	delete(k.busy, p)
	delete(k.redo, p)
	return again
}

// late says of a part that it did not end in time, beside what is known of it.
func (k *Keeper) late(p place) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.busy[p] {
		return // just now
	}
	r := k.parts[p]
	it := unseen(p, errSlow)
	risk.Judge(&it)
	r.Items = append(slices.Clone(r.Items), it)
	k.parts[p] = r
}

// limit is the moment from which a part is late.
func (k *Keeper) limit(place) (late <-chan time.Time, stop func()) {
	t := time.NewTimer(k.o.Limit)
	return t.C, func() { t.Stop() }
}

func unseen(p place, err error) inventory.Item {
	return inventory.Item{Kind: inventory.KindFile, Name: p.what, Owner: p.user, Scope: inventory.ScopeUser, File: p.dir, Error: err.Error()}
}

// onDisk looks at one part, on a thread with the person's rights.
func (k *Keeper) onDisk(p place, person Person, avoid []string) (r discover.Result, err error) {
	b := k.o.Bounds
	b.Sums, b.Now = k.sums, k.o.Now
	b.Progress = func(entries int) {
		k.mu.Lock()
		k.progress.Entries = entries
		k.mu.Unlock()
	}
	k.mu.Lock()
	run := k.runs[p]
	k.mu.Unlock()
	look := &discover.Pass{FS: disk.Root{Avoid: avoid}, Catalogue: k.o.Catalogue, Options: b}
	var who *disk.Person
	if p.what != "system" {
		who = &person.Person
	}
	err = disk.As(who, !k.o.Eager, func() {
		switch p.what {
		case "home":
			r = look.Home(person.Home)
		case "search":
			r = look.Search(discover.Home{User: p.user, Dir: p.dir})
		case "project":
			r = look.Project(person.Home, p.dir)
		case "run":
			r = look.Given(person.Home, run)
		default:
			r = look.System()
		}
	})
	return r, err
}

// itemsMax bounds what one person's files can have us keep.
const itemsMax = 20_000

// fit cuts a result to what one person may have, and says so in it.
func (k *Keeper) fit(p place, r *discover.Result) {
	room := itemsMax
	for other, part := range k.parts {
		if other.user == p.user && other != p {
			room -= len(part.Items)
		}
	}
	if len(r.Items) <= max(room, 0) {
		return
	}
	it := unseen(p, fmt.Errorf("%d of its items are not listed: %s has more than %d", len(r.Items)-max(room, 0), p.user, itemsMax))
	risk.Judge(&it)
	r.Items = append(slices.Clone(r.Items[:max(room, 0)]), it)
}

// put takes a part's result in.
func (k *Keeper) put(p place, r discover.Result) {
	for i := range r.Items {
		risk.Judge(&r.Items[i])
		if it := &r.Items[i]; it.Kind == inventory.KindAgent {
			k.o.Installed(it.File, it.Version)
		}
	}
	k.mu.Lock()
	k.memory.Published.learn(r.Items)
	for i := range r.Items {
		k.memory.Published.settle(&r.Items[i], k.o.Now())
	}
	k.fit(p, &r)
	seeks := k.seeks(p.user, r.Items)
	was, had := k.parts[p]
	if _, err := fs.Stat(disk.Root{}, relative(p.dir)); p.what == "project" && len(r.Items) == 0 && err != nil {
		delete(k.parts, p) // the folder is no more
		k.watcher.drop(p)
	} else {
		k.parts[p] = r
		k.watcher.set(p, r.Watch)
	}
	others := k.republish()
	told := k.whole || had || k.last != nil
	last := k.last
	news := k.memory.see(r.Items, k.o.Now())
	k.progress.Done++
	k.mu.Unlock()
	k.revision.Add(1)
	if seeks {
		k.seek(p.user)
	}
	if !told {
		return
	}
	k.say(others)
	if had { // else since an earlier daemon looked
		last = nil
	}
	k.tell(was.Items, last, r.Items, news)
	// What came with a project tells of more: the home's own settings may name folders that nobody searched for.
	if p.what == "home" && had {
		for _, dir := range r.Projects {
			k.Work(p.user, dir)
		}
	}
}

// tell says what has changed of items: against what was here, or in its place against what an earlier daemon saw last.
func (k *Keeper) tell(was []inventory.Item, last map[string]inventory.Identity, items []inventory.Item, news map[string]bool) {
	before := map[string]inventory.Identity{}
	for _, it := range was {
		before[it.Key()] = it.Identity
	}
	for _, it := range items {
		if id, there := last[it.Key()]; there {
			before[it.Key()] = id
		}
	}
	for _, it := range items {
		id, there := before[it.Key()]
		switch {
		case there && another(&id, &it.Identity):
			k.o.Changed(it, inventory.Diff(&id, &it.Identity))
		case !there && news[it.Key()]:
			k.o.Changed(it, nil)
		}
	}
}

func relative(dir string) string {
	if dir == "/" {
		return "."
	}
	return dir[1:]
}
