// SPDX-License-Identifier: Apache-2.0

package sourced

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
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

// trial is a Watcher over real fanotify. Who wrote and who is a member of what is said by the test.
type trial struct {
	*Watcher
	told   chan *event.Sourced
	author atomic.Uint64 // of every file; 0: nobody
	member atomic.Pointer[Member]
}

func begin(t *testing.T, o Options) *trial {
	t.Helper()
	need.Root(t)
	tr := &trial{told: make(chan *event.Sourced, 64)}
	tr.author.Store(7)
	tr.member.Store(&Member{})
	o.Member = func(int) (Member, error) { return *tr.member.Load(), nil }
	o.Author = func(*os.File) (Author, bool, error) {
		id := tr.author.Load()
		return Author{Session: id, Principal: 2}, id != 0, nil
	}
	o.Tell = func(s *event.Sourced) { tr.told <- s }
	w, err := Open(o)
	if err != nil {
		need.Missing(t, need.BPF, err)
	}
	tr.Watcher = w
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		must(t, <-done)
	})
	return tr
}

// write lets session 7 write a file, and waits for its mark.
func (tr *trial) write(t *testing.T, file, text string) {
	t.Helper()
	must(t, os.WriteFile(file, []byte(text), 0o755))
	before := tr.Counts()
	tr.Saw(&event.Event{Kind: event.Access, Object: file, View: event.ViewHost,
		Head: event.Head{Kind: event.Access, Op: event.Op(bpf.OpFileWrite), Session: 7, Action: event.Allow, View: event.ViewHost}})
	for end := time.Now().Add(5 * time.Second); tr.Counts().Marked == before.Marked; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s is not marked: %+v", file, tr.Counts())
		}
	}
}

// runs lets a shell run a line; what is told by then is given.
func (tr *trial) runs(t *testing.T, dir string, line ...string) []*event.Sourced {
	t.Helper()
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", line, err, out)
	}
	return tr.now()
}

// now are the runs that were told, after a moment in which none came.
func (tr *trial) now() (list []*event.Sourced) {
	for {
		select {
		case s := <-tr.told:
			list = append(list, s)
		case <-time.After(200 * time.Millisecond):
			return list
		}
	}
}

const lasting = "sleep 0.3\n" // a reader that is there when it is looked at

func TestWhoRunsWhatASessionWroteIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		file   string
		line   []string
		author uint64
		member Member
		why    string
	}{
		"a script that is given":       {"job", []string{"sh", "job"}, 7, Member{}, whyGiven},
		"a start-up file":              {".profile", []string{"sh", "-c", ". ./.profile"}, 7, Member{}, "a start-up file of shells"},
		"a script that is sourced":     {"env.sh", []string{"sh", "-c", ". ./env.sh"}, 7, Member{}, "a script that a shell sources"},
		"read, not run":                {"job", []string{"sh", "-c", "cat job >/dev/null; sleep 0.3"}, 7, Member{}, ""},
		"what nobody in a session did": {"job", []string{"sh", "job"}, 0, Member{}, ""},
		"by its own session":           {"job", []string{"sh", "job"}, 7, Member{Session: 7}, ""},
		"by a child of it":             {"job", []string{"sh", "job"}, 7, Member{Session: 8, Parent: 7}, ""},
		"by another session":           {"job", []string{"sh", "job"}, 7, Member{Session: 9}, whyGiven},
		"executed":                     {"job", []string{"./job"}, 7, Member{}, ""}, // the kernel's programs tell
		"not a script":                 {"notes.md", nil, 7, Member{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tr := begin(t, Options{})
			dir := t.TempDir()
			file := filepath.Join(dir, c.file)
			if c.line == nil {
				tr.Saw(&event.Event{Kind: event.Access, Object: file, Head: event.Head{Session: 7, Op: event.Op(bpf.OpFileWrite)}})
				if n := tr.Counts().Marked; n != 0 || len(tr.files) != 0 {
					t.Errorf("%d marks, %d waiting", n, len(tr.files))
				}
				return
			}
			tr.write(t, file, "#!/bin/sh\n"+lasting)
			tr.author.Store(c.author)
			tr.member.Store(&c.member)
			told := tr.runs(t, dir, c.line...)
			if c.why == "" {
				if len(told) != 0 {
					t.Errorf("told %+v", told[0])
				}
				return
			}
			if len(told) != 1 {
				t.Fatalf("told %d times: %+v; %+v", len(told), told, tr.Counts())
			}
			s := told[0]
			if s.Object != file || s.Why != c.why || s.Session != 7 || s.By != c.member.Session || s.Principal != 2 || s.PID == 0 || s.Started == 0 ||
				s.UID != 0 || s.Comm == "" || !strings.HasPrefix(s.Reader, "/") {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestARunIsToldOnceASecond(t *testing.T) {
	tr := begin(t, Options{})
	dir := t.TempDir()
	tr.write(t, filepath.Join(dir, "job"), lasting)
	if told := tr.runs(t, dir, "sh", "-c", "sh job; sh job"); len(told) != 1 {
		t.Errorf("two at once are told %d times", len(told))
	}
	time.Sleep(rest)
	if told := tr.runs(t, dir, "sh", "job"); len(told) != 1 {
		t.Errorf("a second later: %d times", len(told))
	}
}

// The mark is of the file, not of its name.
func TestWhatTakesTheFilesPlaceIsNotTold(t *testing.T) {
	tr := begin(t, Options{})
	dir := t.TempDir()
	tr.write(t, filepath.Join(dir, "job"), lasting)
	must(t, os.WriteFile(filepath.Join(dir, "new"), []byte(lasting), 0o755))
	must(t, os.Rename(filepath.Join(dir, "job"), filepath.Join(dir, "moved")))
	must(t, os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "job")))
	if told := tr.runs(t, dir, "sh", "job"); len(told) != 0 {
		t.Errorf("told %+v", told[0])
	}
	if told := tr.runs(t, dir, "sh", "moved"); len(told) != 1 || told[0].Object != filepath.Join(dir, "moved") {
		t.Errorf("under its new name: %+v", told)
	}
}

func TestTheOldestMarksMakeRoom(t *testing.T) {
	tr := begin(t, Options{Given: 4})
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c", "d"} {
		tr.write(t, filepath.Join(dir, name), lasting)
	}
	must(t, os.WriteFile(filepath.Join(dir, "e"), []byte(lasting), 0o755))
	tr.Saw(&event.Event{Kind: event.Access, Object: filepath.Join(dir, "e"), View: event.ViewHost,
		Head: event.Head{Session: 7, Op: event.Op(bpf.OpFileWrite), Action: event.Allow}})
	for end := time.Now().Add(5 * time.Second); tr.Counts().Forgotten == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("nothing makes room: %+v", tr.Counts())
		}
	}
	if c := tr.Counts(); c.Marked != 3 || c.Forgotten != 2 {
		t.Errorf("%+v", c)
	}
	for name, want := range map[string]int{"a": 0, "c": 1, "e": 1} {
		if told := tr.runs(t, dir, "sh", name); len(told) != want {
			t.Errorf("%s: told %d times, want %d", name, len(told), want)
		}
	}
}

// The next daemon goes on with what this one had marked.
func TestMarksAreTakenOver(t *testing.T) {
	first := begin(t, Options{})
	dir := t.TempDir()
	first.write(t, filepath.Join(dir, "job"), lasting)
	first.write(t, filepath.Join(dir, "Makefile"), "")
	files := first.Files()
	if len(files) != 2 || files[0] != (File{filepath.Join(dir, "Makefile"), 7}) {
		t.Fatalf("%+v", files)
	}
	must(t, first.Close())
	next := begin(t, Options{Earlier: append(files, File{filepath.Join(dir, "gone"), 7}, File{filepath.Join(dir, "x.o"), 7})})
	for end := time.Now().Add(5 * time.Second); next.Counts().Marked != 2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%+v", next.Counts())
		}
	}
	if told := next.runs(t, dir, "sh", "job"); len(told) != 1 || next.Counts().Unmarked != 0 {
		t.Errorf("told %d times, %+v", len(told), next.Counts())
	}
}

// What fanotify gives is taken apart within its bounds.
func TestOpensAreTakenApart(t *testing.T) {
	one := binary.NativeEndian.AppendUint32(nil, metadataSize+pidfdInfo)
	one = append(one, 3, 0, metadataSize, 0)
	one = binary.NativeEndian.AppendUint64(one, unix.FAN_OPEN_EXEC)
	one = binary.NativeEndian.AppendUint32(one, 11)
	one = binary.NativeEndian.AppendUint32(one, 4711)
	one = append(one, unix.FAN_EVENT_INFO_TYPE_PIDFD, 0, pidfdInfo, 0, 12, 0, 0, 0)
	gone := bytes.Clone(one)
	binary.NativeEndian.PutUint32(gone[metadataSize+infoHeader:], 0xffffffff) // FAN_NOPIDFD
	lost := bytes.Clone(one[:metadataSize])
	binary.NativeEndian.PutUint32(lost, metadataSize)
	binary.NativeEndian.PutUint64(lost[8:], unix.FAN_Q_OVERFLOW)
	binary.NativeEndian.PutUint32(lost[16:], 0xffffffff)
	got := openedIn(slices.Concat(one, gone, lost))
	want := []opened{{fd: 11, pid: 4711, pidfd: 12, exec: true}, {fd: 11, pid: 4711, pidfd: -1, exec: true}, {fd: -1, pid: 4711, pidfd: -1, lost: true}}
	if len(got) != len(want) {
		t.Fatalf("%d opens, want %d", len(got), len(want))
	}
	for i := range want {
		if *got[i] != want[i] {
			t.Errorf("%d: %+v, want %+v", i, *got[i], want[i])
		}
	}
	for n := range one {
		if len(openedIn(one[:n])) != 0 {
			t.Errorf("%d bytes are an open", n)
		}
	}
}

func FuzzOpened(f *testing.F) {
	f.Add(make([]byte, metadataSize))
	f.Fuzz(func(_ *testing.T, raw []byte) { openedIn(raw) })
}
