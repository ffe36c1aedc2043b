// SPDX-License-Identifier: Apache-2.0

// This file watches folders by inotify. A change has the part of the inventory that it may be about looked at again, soon, and
// once for several changes.

package live

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long more changes are waited for. Editors and agents write a file in several steps.
const settle = 150 * time.Millisecond

// rest is how long is waited before everything is looked at again, where changes were lost.
const rest = 10 * time.Second

// foldersMax bounds the folders that are watched for one person: the kernel's own bound is shared by all.
const foldersMax = 20_000

// watcher is nil where the kernel gives no inotify; then its methods do nothing.
type watcher struct {
	k *Keeper
	n *fsnotify.Watcher

	mu      sync.Mutex
	wants   map[string]map[place][]string // folder to parts and the names that each looks at
	of      map[place]map[string]bool     // part to folders
	refused map[string]bool
	due     map[place]time.Time
}

func newWatcher(k *Keeper) (*watcher, error) {
	n, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching folders: %w", err)
	}
	return &watcher{k: k, n: n, wants: map[string]map[place][]string{}, of: map[place]map[string]bool{}, refused: map[string]bool{}, due: map[place]time.Time{}}, nil
}

// Close ends the watching.
func (w *watcher) Close() error { return w.n.Close() }

// set makes the folders of a part those that are watched for it.
func (w *watcher) set(p place, folders map[string][]string) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for dir := range w.of[p] {
		if _, still := folders[dir]; !still {
			w.leave(dir, p)
		}
	}
	w.of[p] = map[string]bool{}
	room := foldersMax
	for other, dirs := range w.of {
		if other.user == p.user {
			room -= len(dirs)
		}
	}
	for dir, names := range folders {
		w.of[p][dir] = true
		if w.wants[dir] == nil {
			w.wants[dir] = map[place][]string{}
		}
		w.wants[dir][p] = names
		// Asked for each time: the folder may be another one by now. The kernel knows those that it watches already.
		if room--; room < 0 || w.n.Add(dir) != nil {
			w.refused[dir] = true
		} else {
			delete(w.refused, dir)
		}
	}
}

func (w *watcher) drop(p place) { w.set(p, nil) }

func (w *watcher) leave(dir string, p place) {
	delete(w.wants[dir], p)
	if len(w.wants[dir]) == 0 {
		delete(w.wants, dir)
		delete(w.refused, dir)
		_ = w.n.Remove(dir) // it may be gone
	}
}

// count tells how many folders are watched, and how many are not though they should.
func (w *watcher) count() (watched, refused int) {
	if w == nil {
		return 0, 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.wants) - len(w.refused), len(w.refused)
}

func (w *watcher) run(ctx context.Context) {
	if w == nil {
		return
	}
	tick := time.NewTicker(settle / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-w.n.Events:
			if !ok {
				return
			}
			w.changed(e)
		case err, ok := <-w.n.Errors:
			if !ok {
				return
			}
			w.k.o.Log.Warn("changes were lost: everything is looked at again", "problem", err)
			time.AfterFunc(rest, w.k.Refresh) // who makes more of them than can be told must not keep us at it
		case now := <-tick.C:
			w.fire(now)
		}
	}
}

// changed finds the parts that an event is about.
func (w *watcher) changed(e fsnotify.Event) {
	if e.Op == fsnotify.Chmod && filepath.Dir(e.Name) == "/" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	dir, name := filepath.Dir(e.Name), filepath.Base(e.Name)
	for p, names := range w.wants[dir] {
		if slices.Contains(names, "*") || slices.Contains(names, name) {
			w.mark(p)
		}
	}
	for p := range w.wants[e.Name] { // the folder itself went or came
		if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
			w.mark(p)
		}
	}
}

// mark has a part looked at when it has been quiet for a while; where changes do not end, soon all the same.
func (w *watcher) mark(p place) {
	if _, waits := w.due[p]; !waits {
		w.due[p] = time.Now().Add(settle)
	}
}

func (w *watcher) fire(now time.Time) {
	w.mu.Lock()
	var ready []place
	for p, at := range w.due {
		if !now.Before(at) {
			delete(w.due, p)
			ready = append(ready, p)
		}
	}
	w.mu.Unlock()
	for _, p := range ready {
		w.k.touch(p)
	}
}
