// SPDX-License-Identifier: Apache-2.0

// Package builds keeps the kernel's table of builds: what native agents are known by where the catalogue does not name their file.
// They are learned from files that it does name, where these are found installed and where a session begins by one, and are
// remembered over restarts, so that a version that is gone is still known. Some come with the catalogue.
//
// What is learned is a person's word: whoever may write a file at such a path says what is the agent. So it counts in files of the
// same owner alone, what is root's in everybody's but root's, and one owner cannot take the room of others. Nobody waits for a
// Keeper, and no file system can keep it waiting that may not answer: files there are not learned.
package builds

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/disk"
)

// Table is what the kernel looks builds up in.
type Table interface {
	// SetBuilds makes it hold these, and no others.
	SetBuilds([]sensor.Build) error
}

// Options are what a Keeper works with.
type Options struct {
	Catalogue *inventory.Catalogue
	State     string                   // folder; "" keeps nothing
	Agent     func(path string) uint32 // of the catalogue whose program a file in the host's view is; 0: of none
	Log       *slog.Logger
	Now       func() time.Time // nil is the machine's
}

const (
	perOwner = 64  // builds: more than two months of an agent that is renewed each day
	waiting  = 256 // files that may wait
)

// Keeper keeps a table. Its methods may be called from anywhere; Run once.
type Keeper struct {
	o       Options
	shipped []sensor.Build
	queue   chan candidate
	missed  atomic.Uint64

	mu       sync.Mutex
	table    Table
	learned  []known           // the oldest first
	versions map[string]string // of shipped ones, by size and head
}

// candidate is a file that may be an agent's: by its name, or what a process runs.
type candidate struct {
	file    string
	version string
	pid     uint32
}

// New makes a Keeper that knows what an earlier one left in the state folder. The error says that it does not; the Keeper goes on
// without.
func New(o Options) (*Keeper, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	k := &Keeper{o: o, queue: make(chan candidate, waiting), versions: map[string]string{}}
	for i := range o.Catalogue.Agents {
		a := &o.Catalogue.Agents[i]
		for j := range a.Builds {
			b, err := a.Builds[j].Build()
			if err != nil {
				continue // the catalogue is checked when it is read
			}
			k.shipped = append(k.shipped, sensor.Build{Build: b, Agent: a.ID, Shipped: true})
			k.versions[key(&b)] = a.Builds[j].Version
		}
	}
	learned, err := read(o.State)
	k.learned = slices.DeleteFunc(learned, func(n known) bool { return !k.marked(n.Agent) })
	return k, err
}

func (k *Keeper) marked(agent uint32) bool {
	a := k.o.Catalogue.ByID(agent)
	return a != nil && a.Marked()
}

// Fill takes a table and makes it hold what is known, whatever was in it.
func (k *Keeper) Fill(t Table) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.table = t
	return k.put()
}

// put is for who holds the lock. What is shipped comes last: it counts for more.
func (k *Keeper) put() error {
	if k.table == nil {
		return nil
	}
	all := make([]sensor.Build, 0, len(k.learned)+len(k.shipped))
	for i := range k.learned {
		all = append(all, k.learned[i].build())
	}
	return k.table.SetBuilds(append(all, k.shipped...))
}

// Installed tells of an agent's program that was found.
func (k *Keeper) Installed(file, version string) { k.add(candidate{file: file, version: version}) }

// Began tells of a process that began a session by its program.
func (k *Keeper) Began(pid uint32) { k.add(candidate{pid: pid}) }

// Missed counts what came faster than it could be looked at. What is installed comes again with the next pass of the inventory.
func (k *Keeper) Missed() uint64 { return k.missed.Load() }

func (k *Keeper) add(c candidate) {
	select {
	case k.queue <- c:
	default:
		k.missed.Add(1)
	}
}

// Run learns until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-k.queue:
			err := k.look(c)
			if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, disk.ErrAvoided) {
				k.o.Log.Warn("an agent's build is not learned", "file", c.file, "process", c.pid, "problem", err)
			}
		}
	}
}

// look learns the build of a candidate, if it is a native agent's where the catalogue has it.
func (k *Keeper) look(c candidate) error {
	n, err := k.open(c)
	if errors.Is(err, inventory.ErrNotNative) || err == nil && n.Agent == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return k.learn(n)
}

// learn puts a build where the kernel finds it. Of two with one key the newer holds; of one owner's the oldest make room.
func (k *Keeper) learn(n known) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, old := range k.learned {
		if old.same(&n) {
			return nil
		}
	}
	n.Learned = k.o.Now().UTC()
	k.learned = append(slices.DeleteFunc(k.learned, func(old known) bool { return old.replaced(&n) }), n)
	k.shrink(n.Owner)
	if most := bpf.BuildsMax - len(k.shipped); len(k.learned) > most {
		k.learned = k.learned[:most]
		return fmt.Errorf("%d builds are known, more than the kernel holds", most)
	}
	return errors.Join(k.put(), write(k.o.State, k.learned))
}

func (k *Keeper) shrink(owner uint32) {
	more := -perOwner
	for _, n := range k.learned {
		if n.Owner == owner {
			more++
		}
	}
	k.learned = slices.DeleteFunc(k.learned, func(n known) bool {
		if n.Owner != owner || more <= 0 {
			return false
		}
		more--
		return true
	})
}

// Version is the version of the build that a process runs, as it was known where the catalogue has it; or "".
func (k *Keeper) Version(pid uint32) string {
	b, err := running(pid)
	if err != nil {
		return ""
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, n := range slices.Backward(k.learned) {
		if n.Size == b.Size && string(n.Head) == string(b.Head[:]) && n.Version != "" {
			return n.Version
		}
	}
	return k.versions[key(&b)]
}
