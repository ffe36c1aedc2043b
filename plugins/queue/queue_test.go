// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

func open(t *testing.T, dir string, limit int64) *Queue {
	t.Helper()
	q, err := Open(dir, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q
}

func put(t *testing.T, q *Queue, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if ok, err := q.Append(record(n), true); !ok || err != nil {
			t.Fatalf("record %d: %v, %v", n, ok, err)
		}
	}
}

func record(n int) []byte {
	return fmt.Appendf(nil, "%d %s", n, bytes.Repeat([]byte{'x'}, n%2000))
}

// want takes records out and compares them.
func want(t *testing.T, q *Queue, from, to int) {
	t.Helper()
	for n := from; n < to; {
		got, err := q.Peek(100, 1<<20)
		if err != nil || len(got) == 0 {
			t.Fatalf("record %d: %d records, %v", n, len(got), err)
		}
		got = got[:min(len(got), to-n)]
		for _, r := range got {
			if !bytes.Equal(r, record(n)) {
				t.Fatalf("got %.10q, want record %d", r, n)
			}
			n++
		}
		if err := q.Done(got); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRecordsLeaveInOrderAndSurviveTheProcess(t *testing.T) {
	dir := t.TempDir()
	put(t, open(t, dir, 64<<20), 0, 5000) // never closed: as after kill -9
	q := open(t, dir, 64<<20)
	want(t, q, 0, 1234)
	put(t, q, 5000, 5100)
	q = open(t, dir, 64<<20)
	if n, _ := q.Len(); n != 5100-1234 {
		t.Errorf("%d wait", n)
	}
	want(t, q, 1234, 5100)
	if n, size := q.Len(); n != 0 || size > segmentMost {
		t.Errorf("%d records, %d bytes are left", n, size)
	}
	if left, _ := segments(dir); len(left) != 1 || q.Losses() != (Losses{}) {
		t.Errorf("%d segments, %+v", len(left), q.Losses())
	}
}

func TestFullQueueCountsAndGoesOn(t *testing.T) {
	q := open(t, t.TempDir(), 1<<20)
	room := 0
	for ; ; room++ {
		if ok, err := q.Append(record(room), false); err != nil {
			t.Fatal(err)
		} else if !ok {
			break
		}
	}
	for n := room; ; n++ { // the last quarter
		if ok, _ := q.Append(record(n), true); !ok {
			room = n
			break
		}
	}
	if _, size := q.Len(); size > 1<<20 || q.Losses().Full != 2 {
		t.Errorf("%d bytes, %+v", size, q.Losses())
	}
	want(t, q, 0, room)
	put(t, q, 0, 10)
	want(t, q, 0, 10)
}

func TestTornTailIsCutAndDamageIsCounted(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, 64<<20)
	put(t, q, 0, 100)
	name := q.all[0].name
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	_, end, _ := whole(bytes.NewReader(raw))
	last := end - headerSize - int64(len(record(99)))
	for cut := last + 1; cut < end; cut += 7 {
		if err := os.WriteFile(name, raw[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		q := open(t, dir, 64<<20)
		if n, _ := q.Len(); n != 99 || q.Losses().Damaged != 1 {
			t.Fatalf("cut at %d: %d records, %+v", cut, n, q.Losses())
		}
		put(t, q, 99, 100)
		q.Close()
	}
	want(t, open(t, dir, 64<<20), 0, 100)
}

func TestDamageInTheMiddleCostsItsSegment(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, 2<<20) // segments of 128 KB
	put(t, q, 0, 1000)
	second := q.all[1]
	f, err := os.OpenFile(second.name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteAt([]byte("damage"), 20)
	f.Close()
	q = open(t, dir, 2<<20)
	want(t, q, 0, int(second.first))
	third := q.all[1].first
	if len(q.all) < 2 || third == second.first {
		third = q.all[2].first
	}
	want(t, q, int(third), 1000)
	if got := q.Losses().Damaged; got != third-second.first {
		t.Errorf("%d damaged, want %d", got, third-second.first)
	}
}

func TestCursorThatIsLostBringsRecordsTwice(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, 1<<20)
	put(t, q, 0, 50)
	want(t, q, 0, 20)
	if err := os.WriteFile(filepath.Join(dir, cursorName), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, open(t, dir, 1<<20), 0, 50)
}

func TestCursorBeforeItsRecordsLosesNoNumber(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, 1<<20)
	put(t, q, 0, 10)
	want(t, q, 0, 10)
	if err := os.Truncate(q.all[0].name, 0); err != nil { // the machine died
		t.Fatal(err)
	}
	q = open(t, dir, 1<<20)
	put(t, q, 10, 20)
	want(t, open(t, dir, 1<<20), 10, 20)
}

// The queue against a list, with restarts anywhere.
func TestQueueAgreesWithAList(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	q := open(t, dir, 8<<20)
	in, out := 0, 0
	for range 3000 {
		switch r.IntN(10) {
		case 0:
			q.Close()
			q = open(t, dir, 8<<20)
		case 1, 2, 3, 4:
			n := r.IntN(40)
			put(t, q, in, in+n)
			in += n
		default:
			n := min(r.IntN(60), in-out)
			want(t, q, out, out+n)
			out += n
		}
		if n, _ := q.Len(); int(n) != in-out {
			t.Fatalf("%d wait, want %d", n, in-out)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	q, err := Open(b.TempDir(), 1<<40)
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	raw := bytes.Repeat([]byte{'x'}, 1500)
	for b.Loop() {
		if ok, err := q.Append(raw, true); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
