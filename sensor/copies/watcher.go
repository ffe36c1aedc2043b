// SPDX-License-Identifier: Apache-2.0

// This file ties it together: what sessions write is marked and looked at, and looked at again whenever it was written to.

package copies

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// Table is where the kernel looks copies up.
type Table interface {
	// SetCopy says that an open file has the bytes of a program.
	SetCopy(f *os.File, program string) error
	// ForgetCopy says that it has not.
	ForgetCopy(f *os.File) error
	// Copies are the inodes of those that are known.
	Copies() (map[uint64]bool, error)
}

// Options are what a Watcher works with.
type Options struct {
	Table Table
	Near  func(name string) error // an error where a file may not be looked at; nil looks at all
	Marks int                     // that are held; 0 is the usual bound
}

const (
	marksMax = 8192 // a mark keeps its file's inode in memory, about a kilobyte
	waiting  = 4096 // names that may wait
	knownMax = 4 * bpf.CopiesMax
)

// Counts are what a Watcher has done, and what it has missed.
type Counts struct {
	Found  uint64 // copies
	Missed uint64 // names that came faster than they could be looked at, or times that the kernel's queue ran over
	Failed uint64 // files that could not be marked, compared or told of
}

// Watcher keeps the kernel's table of copies. Saw, Set and Counts may be called from anywhere.
type Watcher struct {
	o      Options
	names  chan string
	closed chan *os.File
	anew   chan struct{}

	found, missed, failed atomic.Uint64

	mu        sync.Mutex
	originals Originals

	// Of who runs.
	now, before *group
	readers     sync.WaitGroup
	known       map[uint64]bool // inodes of copies
}

// New makes a Watcher that does not know yet what to compare with: what is written until it does is marked.
func New(o Options) *Watcher {
	if o.Near == nil {
		o.Near = func(string) error { return nil }
	}
	if o.Marks == 0 {
		o.Marks = marksMax
	}
	return &Watcher{o: o, names: make(chan string, waiting), closed: make(chan *os.File), anew: make(chan struct{}, 1)}
}

// Set gives the programs to compare with. What is marked is looked at again.
func (w *Watcher) Set(o Originals) {
	w.mu.Lock()
	same := maps.EqualFunc(w.originals, o, slices.Equal)
	w.originals = o
	w.mu.Unlock()
	if !same {
		w.again()
	}
}

// again has all that is marked looked at.
func (w *Watcher) again() {
	select {
	case w.anew <- struct{}{}:
	default:
	}
}

// programs are those that are compared with.
func (w *Watcher) programs() Originals {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.originals
}

// Saw takes in an event, as it was before secrets were taken out: what a session wrote, or gave a new name, may be a copy. It waits for
// nobody, and keeps the name until it was looked at.
func (w *Watcher) Saw(e *event.Event) {
	if o := w.programs(); !writes(e) || o != nil && len(o) == 0 {
		return
	}
	select {
	case w.names <- e.Object:
	default:
		w.missed.Add(1)
	}
}

// writes reports whether an event makes something of its object that others may find there.
func writes(e *event.Event) bool {
	if e.Kind != event.Access || e.Refused() || e.View != event.ViewHost || e.ID() == 0 {
		return false
	}
	return e.Head.Op == event.Op(bpf.OpFileWrite) || e.Head.Op == event.Op(bpf.OpFileCreate)
}

// Counts tells what was done and missed.
func (w *Watcher) Counts() Counts {
	return Counts{Found: w.found.Load(), Missed: w.missed.Load(), Failed: w.failed.Load()}
}

// Run looks until ctx ends. The error says that this kernel has no fanotify, or that the table cannot be read.
func (w *Watcher) Run(ctx context.Context) (err error) {
	if w.known, err = w.o.Table.Copies(); err != nil {
		return err
	}
	if w.now, err = w.begin(ctx); err != nil {
		return err
	}
	defer w.end()
	for {
		select {
		case <-ctx.Done():
			return nil
		case name := <-w.names:
			w.count(w.name(ctx, name))
		case f := <-w.closed:
			w.count(w.look(f))
			f.Close()
		case <-w.anew:
			for _, name := range w.marked() {
				w.count(w.name(ctx, name))
			}
		}
	}
}

// begin opens a group and reads it until it is closed. What it hands on waits for who looks.
func (w *Watcher) begin(ctx context.Context) (*group, error) {
	g, err := openGroup()
	if err != nil {
		return nil, err
	}
	w.readers.Go(func() {
		w.count(g.read(func(f *os.File) {
			select {
			case w.closed <- f:
			case <-ctx.Done():
				f.Close()
			}
		}, func() { w.missed.Add(1); w.again() }))
	})
	return g, nil
}

func (w *Watcher) end() {
	for _, g := range []*group{w.now, w.before} {
		if g != nil {
			g.fanotify.Close()
		}
	}
	w.readers.Wait()
}

func (w *Watcher) marked() []string {
	all := maps.Clone(w.now.marks)
	if w.before != nil {
		maps.Copy(all, w.before.marks)
	}
	return slices.Sorted(maps.Keys(all))
}

// count counts what went wrong. A file that is gone by now is nothing wrong.
func (w *Watcher) count(err error) {
	if err != nil && !errors.Is(err, errNothing) {
		w.failed.Add(1)
	}
}

// errNothing says that there is nothing to look at.
var errNothing = errors.New("no regular file that is looked at")

// name marks the file of a name, and looks at it: first the mark, so that no writing goes by between the two.
func (w *Watcher) name(ctx context.Context, name string) error {
	f, err := w.open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := w.room(ctx); err != nil {
		return err
	}
	if err := w.now.mark(f, name); err != nil {
		return err
	}
	return w.look(f)
}

// open opens a regular file by its very name: no link leads elsewhere, and no pipe's other end is waited for.
func (w *Watcher) open(name string) (*os.File, error) {
	if err := w.o.Near(name); err != nil {
		return nil, fmt.Errorf("%w: %w", errNothing, err)
	}
	fd, err := unix.Openat2(unix.AT_FDCWD, name, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w: %w", name, errNothing, err)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("looking at %s: %w", name, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, fmt.Errorf("looking at %s: %w", name, errNothing)
	}
	own, err := unix.Open(link(f), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	return os.NewFile(uintptr(own), name), nil
}

// room lets the older half of all marks go where no more may be held. What is in it and known as a copy stays one.
func (w *Watcher) room(ctx context.Context) error {
	if len(w.now.marks) < max(w.o.Marks/2, 1) {
		return nil
	}
	g, err := w.begin(ctx)
	if err != nil {
		return err
	}
	if w.before != nil {
		w.before.fanotify.Close()
	}
	w.before, w.now = w.now, g
	return nil
}

// look compares a file, and tells the kernel where the answer is another one than before.
func (w *Watcher) look(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	program, err := w.programs().Of(f)
	if err != nil {
		return err
	}
	inode := info.Sys().(*syscall.Stat_t).Ino
	if program == "" {
		if !w.known[inode] {
			return nil
		}
		delete(w.known, inode)
		return w.o.Table.ForgetCopy(f)
	}
	if err := w.o.Table.SetCopy(f, program); err != nil {
		return err
	}
	w.found.Add(1)
	w.known[inode] = true
	if len(w.known) > knownMax { // most of them are gone, from the kernel's table too
		w.known, err = w.o.Table.Copies()
	}
	return err
}
