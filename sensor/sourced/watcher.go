// SPDX-License-Identifier: Apache-2.0

// This file ties it together: what sessions write is marked, who opens it is looked at, and what is a run is told.

package sourced

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/procfs"
)

// Member is the session that a process is in.
type Member struct{ Session, Parent uint64 }

// Author is who wrote a file.
type Author struct {
	Session   uint64
	Principal uint16
}

// File is a file that a session wrote, by the name that it had then.
type File struct {
	Name    string `json:"name"`
	Session uint64 `json:"session"`
}

// Options are what a Watcher asks others, and how many marks it holds.
type Options struct {
	// Member finds the session of a process; the zero Member is none.
	Member func(pidfd int) (Member, error)
	// Author finds who wrote an open file, as the kernel knows it; false where no session did.
	Author func(*os.File) (Author, bool, error)
	// Tell is given each run. It must not wait.
	Tell func(*event.Sourced)
	// Earlier are files that an earlier Watcher of this boot had marked.
	Earlier []File
	// Named and Given bound the marks on files of names that programs run, and on those that an interpreter may be given. 0 takes
	// the usual bound.
	Named, Given int
}

// The usual bounds. A mark keeps its file's inode in memory, about a kilobyte.
const (
	namedMax = 8192
	givenMax = 16384
)

// waiting is how many written files may wait for their mark.
const waiting = 4096

// Counts are what a Watcher has done, and what it has missed.
type Counts struct {
	Marked    uint64 // now
	Told      uint64
	Forgotten uint64 // marks that made room for others
	Unmarked  uint64 // files that could not be marked, or not in time
	Unseen    uint64 // opens whose process was gone before it was looked at, or whose file could not be asked about
	Overrun   uint64 // times that the kernel's queue ran over
}

// Watcher finds out who reads as a program what sessions wrote.
type Watcher struct {
	o       Options
	pens    map[interest]*pen
	files   chan File
	readers sync.WaitGroup

	told, unmarked, unseen, overrun atomic.Uint64

	mu   sync.Mutex
	next map[id]time.Time // files that were told: when they may be again
}

// Open makes a Watcher, or says why this kernel has none. Run and Close belong to it.
func Open(o Options) (*Watcher, error) {
	if o.Named == 0 {
		o.Named = namedMax
	}
	if o.Given == 0 {
		o.Given = givenMax
	}
	w := &Watcher{o: o, files: make(chan File, waiting), next: map[id]time.Time{}}
	w.pens = map[interest]*pen{named: {half: max(o.Named/2, 1), begin: w.begin}, given: {half: max(o.Given/2, 1), begin: w.begin}}
	g, err := openGroup()
	if err != nil {
		return nil, err
	}
	return w, g.fanotify.Close()
}

// begin reads a group until it is closed.
func (w *Watcher) begin(g *group) {
	w.readers.Go(func() {
		if g.read(w.look) != nil {
			w.overrun.Add(1)
		}
	})
}

// Counts tells what was done and missed.
func (w *Watcher) Counts() Counts {
	c := Counts{Told: w.told.Load(), Unmarked: w.unmarked.Load(), Unseen: w.unseen.Load(), Overrun: w.overrun.Load()}
	for _, p := range w.pens {
		now, forgotten := p.marked()
		c.Marked += now
		c.Forgotten += forgotten
	}
	return c
}

// Saw takes in an event. What a session wrote, or gave a new name, is marked if somebody might run it. It waits for nobody.
func (w *Watcher) Saw(e *event.Event) {
	if !writes(e) || interestIn(e.Object) == none {
		return
	}
	select {
	case w.files <- File{e.Object, e.ID()}:
	default:
		w.unmarked.Add(1)
	}
}

// writes reports whether an event makes something of its object that others may find there.
func writes(e *event.Event) bool {
	if e.Kind != event.Access || e.Refused() || e.View != event.ViewHost || e.ID() == 0 {
		return false
	}
	return e.Head.Op == event.Op(bpf.OpFileWrite) || e.Head.Op == event.Op(bpf.OpFileCreate)
}

// Files lists what is marked, by name.
func (w *Watcher) Files() []File {
	all := slices.Concat(w.pens[named].files(), w.pens[given].files())
	slices.SortFunc(all, func(a, b File) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Session, b.Session)) })
	return all
}

// Run marks what was marked earlier, and what Saw is told until ctx ends, and takes all marks away then.
func (w *Watcher) Run(ctx context.Context) error {
	for _, f := range w.o.Earlier {
		w.mark(f)
	}
	for {
		select {
		case <-ctx.Done():
			return w.Close()
		case f := <-w.files:
			w.mark(f)
		}
	}
}

func (w *Watcher) mark(f File) {
	p := w.pens[interestIn(f.Name)]
	if p == nil {
		return // another build's table
	}
	if err := p.mark(f); err != nil && !errors.Is(err, errNothing) && !errors.Is(err, errClosed) {
		w.unmarked.Add(1)
	}
}

// Close takes all marks away, and waits for who reads of them.
func (w *Watcher) Close() error {
	var err error
	for _, p := range w.pens {
		if e := p.Close(); err == nil {
			err = e
		}
	}
	w.readers.Wait()
	return err
}

// look decides about one open.
func (w *Watcher) look(o *opened) {
	switch {
	case o.lost:
		w.overrun.Add(1)
		return
	case o.file == nil:
		w.unseen.Add(1)
		return
	case o.pid == uint32(os.Getpid()):
		return
	}
	key, err := idOf(o.file)
	if err != nil {
		w.unseen.Add(1)
		return
	}
	if o.exec {
		w.due(key, time.Now()) // the kernel side tells of it; its interpreter's own open follows
		return
	}
	member, err := w.member(o)
	if err != nil {
		w.unseen.Add(1)
		return
	}
	if member.Session != 0 && w.writer(key) == member.Session {
		return // by far the most: sessions read what they wrote
	}
	file, err := os.Readlink(o.file.Name())
	if err != nil {
		w.unseen.Add(1)
		return
	}
	w.judge(o, key, member, strings.TrimSuffix(file, " (deleted)"))
}

func (w *Watcher) writer(key id) uint64 {
	for _, p := range w.pens {
		if session := p.writer(key); session != 0 {
			return session
		}
	}
	return 0
}

func (w *Watcher) member(o *opened) (Member, error) {
	if o.pidfd < 0 {
		return Member{}, unix.ESRCH
	}
	return w.o.Member(o.pidfd)
}

// judge tells of an open that is a run by somebody else than who wrote.
func (w *Watcher) judge(o *opened, key id, member Member, file string) {
	p, reader, err := w.reader(o)
	if err != nil {
		w.unseen.Add(1)
		return
	}
	why := reader.runs(file)
	if why == "" {
		return
	}
	by, wrote, err := w.o.Author(o.file)
	if err != nil {
		w.unseen.Add(1)
		return
	}
	if !wrote || by.Session == member.Session || by.Session == member.Parent || !w.due(key, time.Now()) {
		return
	}
	w.told.Add(1)
	w.o.Tell(&event.Sourced{
		Session: by.Session, Principal: by.Principal, By: member.Session, Object: file, Reader: orElse(p.Program, reader.names[0]), Why: why,
		PID: o.pid, Started: procfs.Started(o.pid), UID: p.UID, Comm: procfs.Comm(o.pid),
	})
}

// reader is the process as the tables know programs. race: it may have executed another one since; then that is looked at.
func (w *Watcher) reader(o *opened) (*procfs.Process, *reader, error) {
	p, err := procfs.Look(context.Background(), o.pid, time.Time{}, variableNames)
	if err != nil {
		return nil, nil, err
	}
	r := &reader{args: p.Args, cwd: p.Cwd, env: p.Env}
	for _, name := range []string{path.Base(p.Program), procfs.Comm(o.pid), called(p.Args)} {
		name, _, _ = strings.Cut(name, " ")
		name = strings.TrimPrefix(name, "-") // of a login shell
		if name != "" && name != "." && !slices.Contains(r.names, name) {
			r.names = append(r.names, name)
		}
	}
	if len(r.names) == 0 {
		return nil, nil, unix.ESRCH
	}
	return p, r, unix.PidfdSendSignal(o.pidfd, 0, nil, 0) // the pid was that process's to the end of the look
}

// called is the name by which a process was started.
func called(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return path.Base(args[0])
}

// rest is how long a file is not told again.
const rest = time.Second

// toldMax bounds the files that are remembered as told.
const toldMax = 4096

// due reports whether a file may be told, and that it is.
func (w *Watcher) due(key id, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Before(w.next[key]) {
		return false
	}
	if len(w.next) >= toldMax {
		clear(w.next)
	}
	w.next[key] = now.Add(rest)
	return true
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
