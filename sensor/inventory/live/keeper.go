// SPDX-License-Identifier: Apache-2.0

// This file is the keeper: parts of the inventory by where they were found, and the passes that renew them.

package live

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/approve"
	"github.com/reeve-sensor/reeve/sensor/inventory/discover"
	"github.com/reeve-sensor/reeve/sensor/inventory/disk"
)

// Person is somebody whose home is looked through.
type Person struct {
	discover.Home
	disk.Person
	Folders []string // beside the home, in which projects are searched
}

// Options are what a Keeper works with.
type Options struct {
	Catalogue *inventory.Catalogue
	Bounds    discover.Options
	People    func() []Person // asked at each full pass
	State     string          // folder; "" keeps nothing
	Every     time.Duration   // between full passes
	Limit     time.Duration   // that one part may take
	Eager     bool            // somebody waits: do not make way for others
	Log       *slog.Logger
	Changed   func(inventory.Item, []inventory.Change) // told of what is new (no changes) or not what it was, after the first pass
	Now       func() time.Time
	Installed func(file, version string) // told of each agent's program, whenever it is looked at
}

// Progress is how the passes are.
type Progress struct {
	Passing  bool      `json:"passing"`
	Place    string    `json:"place,omitempty"` // that is looked at
	Entries  int       `json:"entries"`         // of the search there
	Done     int       `json:"done"`            // parts
	Began    time.Time `json:"began,omitzero"`
	Ended    time.Time `json:"ended,omitzero"` // of the last whole pass
	Watched  int       `json:"watched"`        // folders
	Unseen   int       `json:"unwatched"`      // folders that the kernel would not watch: they wait for the next full pass
	Projects int       `json:"projects"`
}

// place is one part of the inventory.
type place struct {
	user, what, dir string // what: home, search, project, run, system
}

func (p place) String() string { return p.what + " " + p.dir }

// projectsMax bounds the project folders of one person.
const projectsMax = 5_000

// Keeper holds the inventory. Its methods may be called from anywhere; Run once.
type Keeper struct {
	o     Options
	sums  *disk.Sums
	wake  chan struct{} // a full pass is wanted
	dirty chan place    // a part is to be looked at again
	acts  chan *event.Event
	pass  func(place, Person, []string) (discover.Result, error)
	after func(place) (late <-chan time.Time, stop func())

	mu       sync.Mutex
	parts    map[place]discover.Result
	people   map[string]Person
	runs     map[place]discover.Run
	avoid    []string
	busy     map[place]bool             // parts that are looked at
	redo     map[place]bool             // once more after that
	sought   map[string]map[string]bool // by user, contents of extensions whose packages were searched for
	memory   memory
	progress Progress
	whole    bool                          // a full pass has ended
	revision atomic.Uint64                 // of parts
	last     map[string]inventory.Identity // that an earlier keeper knew; nil where there was none
	watcher  *watcher
}

// New makes a Keeper that knows what an earlier one left in the state folder.
func New(o Options) (*Keeper, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Changed == nil {
		o.Changed = func(inventory.Item, []inventory.Change) {}
	}
	if o.Installed == nil {
		o.Installed = func(string, string) {}
	}
	k := &Keeper{
		o: o, sums: disk.NewSums(), wake: make(chan struct{}, 1), dirty: make(chan place, 256), acts: make(chan *event.Event, actsMax),
		parts: map[place]discover.Result{}, people: map[string]Person{}, runs: map[place]discover.Run{}, busy: map[place]bool{}, redo: map[place]bool{},
		sought: map[string]map[string]bool{},
	}
	k.pass, k.after = k.onDisk, k.limit
	m, err := remember(o.State)
	if k.memory = m; m.Trusted != o.Bounds.Publishers.Mark() || m.Published == nil {
		k.memory.Published, k.memory.Trusted = published{}, o.Bounds.Publishers.Mark()
	}
	if !m.LatestAt.IsZero() {
		k.last = make(map[string]inventory.Identity, len(m.Latest))
		for i := range m.Latest {
			k.last[m.Latest[i].Key()] = m.Latest[i].Identity
		}
	}
	return k, err
}

// Run passes and watches until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	w, err := newWatcher(k)
	if err != nil {
		k.o.Log.Warn("the inventory is current only after its full passes", "problem", err)
	} else {
		k.mu.Lock()
		k.watcher = w
		k.mu.Unlock()
		defer w.Close()
	}
	var wait sync.WaitGroup
	wait.Go(func() { w.run(ctx) })
	wait.Go(func() { k.again(ctx) })
	wait.Go(func() { k.learn(ctx) })
	for {
		k.full(ctx)
		select {
		case <-ctx.Done():
			wait.Wait()
			return k.save()
		case <-k.wake:
		case <-time.After(k.o.Every):
		}
	}
}

// Once makes one full pass and watches nothing.
func (k *Keeper) Once(ctx context.Context) { k.full(ctx) }

// lookers is how many parts are looked at again at once: one that hangs must not keep the others.
const lookers = 4

// again looks again at parts that changed.
func (k *Keeper) again(ctx context.Context) {
	var wait sync.WaitGroup
	defer wait.Wait()
	for range lookers {
		wait.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case p := <-k.dirty:
					k.look(ctx, p)
				}
			}
		})
	}
}

// Refresh asks for a full pass.
func (k *Keeper) Refresh() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Work tells that somebody's agent works in a folder: it is a project from now on.
func (k *Keeper) Work(user, dir string) {
	k.mu.Lock()
	person, known := k.people[user]
	p := place{user, "project", dir}
	_, there := k.parts[p]
	k.mu.Unlock()
	if known && !there && dir != "" && dir != "/" && dir != person.Dir {
		k.touch(p)
	}
}

// touch has a part looked at again. Where very many wait, the full pass will.
func (k *Keeper) touch(p place) {
	select {
	case k.dirty <- p:
	default:
		k.Refresh()
	}
}

// full looks at everything, and forgets parts that are no more.
func (k *Keeper) full(ctx context.Context) {
	people := k.o.People()
	k.begin(people)
	seen := map[place]bool{}
	visit := func(p place) discover.Result {
		seen[p] = true
		return k.look(ctx, p)
	}
	visit(place{discover.System, "system", "/"})
	for _, who := range people {
		projects := map[string]bool{}
		places := []place{{who.User, "home", who.Dir}, {who.User, "search", who.Dir}}
		for _, dir := range who.Folders {
			places = append(places, place{who.User, "search", dir})
		}
		for _, p := range places {
			for _, dir := range visit(p).Projects {
				projects[dir] = true
			}
		}
		for _, dir := range k.worked(who.User) {
			projects[dir] = true
		}
		for _, p := range k.runsOf(who.User) {
			visit(p)
		}
		for _, dir := range slices.Sorted(maps.Keys(projects))[:min(len(projects), projectsMax)] {
			visit(place{who.User, "project", dir})
		}
		if ctx.Err() != nil {
			return
		}
	}
	k.end(seen)
	if err := k.save(); err != nil {
		k.o.Log.Error("the inventory is not kept", "problem", err)
	}
}

// worked are a user's projects that are known already.
func (k *Keeper) worked(user string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []string
	for p := range k.parts {
		if p.user == user && p.what == "project" {
			out = append(out, p.dir)
		}
	}
	return out
}

func (k *Keeper) begin(people []Person) {
	var homes []string
	named := map[string]Person{}
	for _, p := range people {
		homes, named[p.User] = append(homes, p.Dir), p
	}
	avoid, err := disk.Remote(homes)
	if err != nil {
		k.o.Log.Warn("which file systems may not answer is not known", "problem", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.people, k.avoid = named, avoid
	k.progress = Progress{Passing: true, Began: k.o.Now(), Ended: k.progress.Ended}
}

func (k *Keeper) end(seen map[place]bool) {
	k.mu.Lock()
	for p := range k.parts {
		if !seen[p] {
			delete(k.parts, p)
			k.watcher.drop(p)
			k.revision.Add(1)
		}
	}
	changes := k.forget()
	k.memory.turn(k.itemsLocked(), k.o.Now())
	k.progress.Passing, k.progress.Place, k.progress.Ended, k.whole = false, "", k.o.Now(), true
	k.last = map[string]inventory.Identity{} // each part has been compared with it
	k.mu.Unlock()
	k.say(changes)
}

// Items are everything that is known, in the order of people. records are what was decided.
func (k *Keeper) Items(records []approve.Record) []inventory.Item {
	k.mu.Lock()
	items := k.itemsLocked()
	k.mu.Unlock()
	for i := range items {
		items[i].Approval = approve.Decide(records, &items[i])
	}
	return items
}

func (k *Keeper) itemsLocked() []inventory.Item {
	at := map[string]bool{}
	var items []inventory.Item
	for _, p := range k.parts {
		for _, it := range p.Items {
			key := it.Key() + "\x00" + it.Digest
			if at[key] {
				continue
			}
			at[key] = true
			k.memory.tell(&it)
			items = append(items, it)
		}
	}
	inventory.Sort(items)
	return items
}

// Remembered is the inventory as an earlier keeper left it, until this one has made a full pass: then there is nothing more to
// remember. What only the files tell is not in it.
func (k *Keeper) Remembered() []inventory.Item {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.whole {
		return nil
	}
	return slices.Clone(k.memory.Latest)
}

// Whole reports whether a full pass has been made.
func (k *Keeper) Whole() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.whole
}

// Revision counts the times that a part was looked at: what Items gives may have changed since.
func (k *Keeper) Revision() uint64 { return k.revision.Load() }

// Earlier is the inventory at the end of the full pass before the last, and when that was.
func (k *Keeper) Earlier() ([]inventory.Item, time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.memory.Earlier), k.memory.EarlierAt
}

// Progress tells how the passes are.
func (k *Keeper) Progress() Progress {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.progress
	for at := range k.parts {
		if at.what == "project" {
			p.Projects++
		}
	}
	p.Watched, p.Unseen = k.watcher.count()
	return p
}

// Commands are the command lines of connectors: what an agent's process is recognised by.
func (k *Keeper) Commands() [][]string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out [][]string
	for _, part := range k.parts {
		for i := range part.Items {
			if it := &part.Items[i]; it.Kind == inventory.KindConnector && len(it.Identity.Command) > 1 {
				out = append(out, it.Identity.Command)
			}
		}
	}
	return out
}

func (k *Keeper) save() error {
	if k.o.State == "" {
		return nil
	}
	k.mu.Lock()
	raw, err := json.Marshal(&k.memory)
	k.mu.Unlock()
	if err == nil {
		err = store(k.o.State, raw)
	}
	if err != nil {
		return fmt.Errorf("keeping the inventory in %s: %w", k.o.State, err)
	}
	return nil
}
