// SPDX-License-Identifier: Apache-2.0

package copies

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/testdata/need"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// table is a kernel's table that knows files by their inodes.
type table struct {
	mu   sync.Mutex
	held map[uint64]string
}

func (b *table) change(f *os.File, program string) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.held, st.Ino)
	if program != "" {
		b.held[st.Ino] = program
	}
	return nil
}

func (b *table) SetCopy(f *os.File, program string) error { return b.change(f, program) }
func (b *table) ForgetCopy(f *os.File) error              { return b.change(f, "") }

func (b *table) Copies() (map[uint64]bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := map[uint64]bool{}
	for inode := range b.held {
		all[inode] = true
	}
	return all, nil
}

// of is the program that a file is known as a copy of.
func (b *table) of(t *testing.T, file string) string {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Stat(file, &st))
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held[st.Ino]
}

// trial is a Watcher over real fanotify, real files and a table of its own.
type trial struct {
	*Watcher
	t        *testing.T
	table    *table
	dir      string
	original string
	stop     func()
}

func begin(t *testing.T, o Options) *trial {
	t.Helper()
	need.Root(t)
	if g, err := openGroup(); err != nil {
		need.Missing(t, need.BPF, err)
	} else {
		g.fanotify.Close()
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	tr := &trial{t: t, table: &table{held: map[uint64]string{}}, dir: dir}
	tr.original = tr.file("original", "the bytes of a program")
	tr.run(o)
	return tr
}

// run runs a Watcher, after the one before has ended.
func (tr *trial) run(o Options) {
	if tr.stop != nil {
		tr.stop()
	}
	o.Table = tr.table
	w := New(o)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	tr.Watcher, tr.stop = w, sync.OnceFunc(func() {
		stop()
		must(tr.t, <-done)
	})
	tr.t.Cleanup(tr.stop)
}

// knows gives the Watcher the one original.
func (tr *trial) knows() {
	tr.t.Helper()
	info, err := os.Stat(tr.original)
	must(tr.t, err)
	tr.Set(Originals{info.Size(): {tr.original}})
}

func (tr *trial) file(name, text string) string {
	tr.t.Helper()
	path := filepath.Join(tr.dir, name)
	must(tr.t, os.WriteFile(path, []byte(text), 0o755))
	return path
}

func (tr *trial) copy(name string) string {
	tr.t.Helper()
	text, err := os.ReadFile(tr.original)
	must(tr.t, err)
	return tr.file(name, string(text))
}

// wrote is the event of a session's open for writing.
func wrote(file string) *event.Event {
	return &event.Event{Kind: event.Access, Object: file, View: event.ViewHost,
		Head: event.Head{Kind: event.Access, Op: event.Op(bpf.OpFileWrite), Session: 7, Action: event.Allow, View: event.ViewHost}}
}

// becomes waits until a file is known as a copy of a program, or of none.
func (tr *trial) becomes(file, program string) {
	tr.t.Helper()
	for end := time.Now().Add(10 * time.Second); tr.table.of(tr.t, file) != program; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			tr.t.Fatalf("%s is a copy of %q, want %q: %+v", file, tr.table.of(tr.t, file), program, tr.Counts())
		}
	}
}

func TestWhatWasWrittenIsCompared(t *testing.T) {
	tr := begin(t, Options{})
	tr.knows()
	files := map[string]string{
		tr.copy("copy"): tr.original,
		tr.file("as-large", "the bytes of a programs"[:len("the bytes of a program")-1]+"s"): "",
		tr.file("longer", "the bytes of a program "):                                         "",
		tr.file("empty", ""): "",
		tr.original:          "",
	}
	linked := filepath.Join(tr.dir, "linked")
	must(t, os.Link(tr.original, linked))
	files[linked] = ""
	for file := range files {
		tr.Saw(wrote(file))
	}
	last := tr.copy("last") // what is told last is looked at last
	tr.Saw(wrote(last))
	tr.becomes(last, tr.original)
	for file, want := range files {
		if is := tr.table.of(t, file); is != want {
			t.Errorf("%s is a copy of %q, want %q", file, is, want)
		}
	}
}

// A file is looked at whenever it is closed, whoever wrote to it and by whatever name.
func TestWritingIsFollowed(t *testing.T) {
	tr := begin(t, Options{})
	tr.knows()
	text, err := os.ReadFile(tr.original)
	must(t, err)
	path := filepath.Join(tr.dir, "slow")
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	tr.Saw(wrote(path))
	marker := tr.copy("marker")
	tr.Saw(wrote(marker))
	tr.becomes(marker, tr.original) // so the other one was looked at, and is empty
	_, err = f.Write(text)
	must(t, err)
	must(t, f.Close())
	tr.becomes(path, tr.original)

	renamed := filepath.Join(tr.dir, "renamed")
	must(t, os.Rename(path, renamed))
	must(t, os.WriteFile(renamed, []byte("another program, by now"), 0o755))
	tr.becomes(renamed, "")
	must(t, os.WriteFile(renamed, text, 0o755))
	tr.becomes(renamed, tr.original)
	must(t, os.WriteFile(renamed, append([]byte("T"), text[1:]...), 0o755))
	tr.becomes(renamed, "")
}

// What was written before a program was refused is compared with it then.
func TestOtherOriginalsAreComparedWithWhatIsMarked(t *testing.T) {
	tr := begin(t, Options{})
	early := tr.copy("early")
	tr.Saw(wrote(early)) // what to compare with is not known yet
	tr.Set(Originals{})
	never := tr.copy("never")
	tr.Saw(wrote(never)) // nobody looks: there is nothing to compare with
	tr.Set(Originals{1: {tr.file("other", "x")}})
	path := tr.copy("copy")
	tr.Saw(wrote(path))
	x := tr.file("x", "x")
	tr.Saw(wrote(x))
	tr.becomes(x, filepath.Join(tr.dir, "other"))
	tr.knows()
	tr.becomes(path, tr.original)
	tr.becomes(x, "")
	tr.becomes(early, tr.original)
	if is := tr.table.of(t, never); is != "" {
		t.Errorf("%s is a copy of %q though nobody looks", never, is)
	}
}

// What an earlier daemon said is taken back where it no longer holds.
func TestNextWatcherTakesBack(t *testing.T) {
	tr := begin(t, Options{})
	tr.knows()
	path := tr.copy("copy")
	tr.Saw(wrote(path))
	tr.becomes(path, tr.original)
	tr.stop()
	must(t, os.WriteFile(path, []byte("the bytes of a Program"), 0o755))
	tr.run(Options{})
	tr.knows()
	tr.becomes(path, tr.original)
	tr.Saw(wrote(path))
	tr.becomes(path, "")
}

// Beyond the room for marks the older ones go; the newer ones hold.
func TestMarksMakeRoom(t *testing.T) {
	tr := begin(t, Options{Marks: 4})
	tr.knows()
	var last string
	for i := range 20 {
		last = tr.file(fmt.Sprint("file", i), "x")
		tr.Saw(wrote(last))
	}
	marker := tr.copy("marker")
	tr.Saw(wrote(marker))
	tr.becomes(marker, tr.original)
	text, err := os.ReadFile(tr.original)
	must(t, err)
	must(t, os.WriteFile(last, text, 0o755))
	tr.becomes(last, tr.original)
	tr.stop()
	if n := len(tr.now.marks) + len(tr.before.marks); n > 4 {
		t.Errorf("%d marks are held", n)
	}
}

func TestWhatIsNotLookedAt(t *testing.T) {
	tr := begin(t, Options{Near: func(name string) error {
		if filepath.Base(name) == "far" {
			return unix.EREMOTE
		}
		return nil
	}})
	tr.knows()
	copied := tr.copy("copied")
	far := tr.copy("far")
	link := filepath.Join(tr.dir, "link")
	must(t, os.Symlink(copied, link))
	pipe := filepath.Join(tr.dir, "pipe")
	must(t, unix.Mkfifo(pipe, 0o600))
	for _, name := range []string{far, link, pipe, tr.dir, filepath.Join(tr.dir, "nothing")} {
		tr.Saw(wrote(name))
	}
	for _, change := range []func(*event.Event){
		func(e *event.Event) { e.Head.Op = event.Op(bpf.OpFileRead) },
		func(e *event.Event) { e.Head.Session = 0 },
		func(e *event.Event) { e.View = event.ViewForeign },
		func(e *event.Event) { e.Head.Action, e.Head.Flags = event.Deny, uint16(bpf.EventApplied) },
		func(e *event.Event) { e.Kind = event.Exec },
	} {
		e := wrote(copied)
		change(e)
		tr.Saw(e)
	}
	last := tr.copy("last")
	tr.Saw(wrote(last))
	tr.becomes(last, tr.original)
	tr.stop()
	if c := tr.Counts(); len(tr.table.held) != 1 || c.Missed+c.Failed != 0 {
		t.Errorf("%v, %+v", tr.table.held, c)
	}
}

func TestNobodyWaitsForAWatcher(t *testing.T) {
	w := New(Options{})
	w.Set(Originals{1: {"/x"}})
	for range waiting + 3 {
		w.Saw(wrote("/nowhere"))
	}
	if c := w.Counts(); c.Missed != 3 {
		t.Errorf("%+v", c)
	}
}
