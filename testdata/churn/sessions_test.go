// SPDX-License-Identifier: Apache-2.0

package churn

// Sessions by the thousand, each with a storm of forks and an end: what they take is given back, in the kernel and in the daemon.

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

var sessions = flag.Int("sessions", 60, "sessions that begin, storm and end; half of them before the first look")

const (
	stormAgent = "/data/agent/busybox-storm"
	atOnce     = 4       // sessions at a time
	grown      = 1 << 10 // kB beside a tenth
	looks      = 3       // what leaks grows each time; rooms that fill, and the inventory's first pass, are through after one or two
)

// storm is what each session does: forks that fork, each refused the same file, writing and removing one of its own.
const storm = `for i in 1 2 3 4; do
	(echo $i > /data/storm/$$.$i; read x < ` + secret + ` && echo passed; (true) & rm /data/storm/$$.$i; wait) 2> /dev/null &
done
wait`

// bounded leaves the daemon little room for what it remembers, so that it is full at the first look.
const bounded = "[memory]\nevents_mb = 2\nsessions = 16\n"

func TestManySessionsLeaveNothing(t *testing.T) {
	d := prepared(t)
	install(t, "/bin/busybox", stormAgent)
	must(t, os.WriteFile("/data/agents.d/storm.toml", []byte("id = 901\nname = \"storm\"\ntitle = \"Storm\"\nvendor = \"test\"\nexec = [\""+stormAgent+"\"]\nverified = \"run\"\n"), 0o644))
	t.Cleanup(func() { os.Remove("/data/agents.d/storm.toml") })
	must(t, os.MkdirAll("/data/storm", 0o755))
	text, err := os.ReadFile(config)
	must(t, err)
	must(t, os.WriteFile(config, append(text, bounded...), 0o600))
	d.start()
	begun := d.counter("sessions_started")

	half := *sessions / 2
	live(t, *sessions-half)
	before := d.holds()
	for look := 1; ; look++ {
		live(t, half)
		var after holdings
		if eventually(func() bool { after = d.holds(); return len(before.more(after)) == 0 }) {
			t.Logf("after %d sessions: %v\nafter %d more: %v", *sessions-half, before, half, after)
			break
		}
		t.Logf("after %d sessions more there is more:\n%s", half, strings.Join(before.more(after), "\n"))
		if look == looks {
			t.Fatal("there is more each time: what sessions took is not given back")
		}
		before = after
	}
	if n := d.counter("sessions_started") - begun; n < uint64(*sessions) {
		t.Errorf("%d sessions were begun, of %d", n, *sessions)
	}
	d.settled()
}

// live lets n sessions begin and end.
func live(t *testing.T, n int) {
	t.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var group sync.WaitGroup
	for range atOnce {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				if out, err := exec.Command(stormAgent, "sh", "-c", storm).CombinedOutput(); err != nil || len(out) > 0 {
					t.Errorf("a session: %v, said %q", err, out)
				}
			}
		})
	}
	group.Wait()
}

// holdings are counts of what is held, by name.
type holdings map[string]int

// What may move a little from one look to the next, in kB; all else is counted one by one.
const (
	memory = "memory of the daemon"
	slabs  = "slabs that the kernel cannot reclaim"
)

// more says what there is more of afterwards.
func (h holdings) more(after holdings) (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(after)) {
		room := 0
		if name == memory || name == slabs {
			room = h[name]/10 + grown
		}
		if after[name] > h[name]+room {
			lines = append(lines, fmt.Sprintf("%s: %d, were %d", name, after[name], h[name]))
		}
	}
	return lines
}

// holds counts what kernel and daemon hold while no session lives.
func (d *daemon) holds() holdings {
	d.t.Helper()
	over := func() bool { return d.status().Sessions == 0 }
	for tries := 3; tries > 0 && !eventually(over); tries-- { // an end that the kernel left out is swept within two minutes
	}
	if !over() {
		d.settled()
		for _, s := range d.sessions() {
			state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.Pid))
			d.t.Errorf("session %s does not end: %d processes, the first is %q, %v", s.Id, s.Processes, state, err)
		}
		d.t.FailNow()
	}
	h := holdings{
		"programs": identified(ebpf.ProgramGetNextID),
		"maps":     identified(ebpf.MapGetNextID),
		"links":    links(d.t),
	}
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", d.cmd.Process.Pid))
	must(d.t, err)
	h["descriptors of the daemon"] = len(entries)
	h[memory] = kilobytes(d.t, fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid), "RssAnon:")
	h[slabs] = kilobytes(d.t, "/proc/meminfo", "SUnreclaim:")
	files, err := filepath.Glob(filepath.Join(pins, "*", "map_*"))
	must(d.t, err)
	for _, file := range files {
		if n, ok := filled(d.t, file); ok {
			h["entries of "+filepath.Base(file)] = n
		}
	}
	return h
}

// identified counts what the kernel gives numbers to.
func identified[ID ~uint32](next func(ID) (ID, error)) (n int) {
	for id, err := next(0); err == nil; id, err = next(id) {
		n++
	}
	return n
}

func links(t *testing.T) (n int) {
	t.Helper()
	var all link.Iterator
	defer all.Close()
	for all.Next() {
		n++
	}
	must(t, all.Err())
	return n
}

// filled counts the entries of a pinned map that has as many as it is given.
func filled(t *testing.T, file string) (n int, counts bool) {
	t.Helper()
	m, err := ebpf.LoadPinnedMap(file, nil)
	must(t, err)
	defer m.Close()
	if m.Type() != ebpf.Hash {
		return 0, false
	}
	key, value := make([]byte, m.KeySize()), make([]byte, m.ValueSize())
	it := m.Iterate()
	for it.Next(&key, &value) {
		n++
	}
	must(t, it.Err())
	return n, true
}

// kilobytes reads one line of a file as proc(5) has it.
func kilobytes(t *testing.T, file, line string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	_, rest, _ := strings.Cut(string(text), line)
	kB, err := strconv.Atoi(strings.Fields(rest)[0])
	must(t, err)
	return kB
}

func (d *daemon) counter(name string) uint64 {
	for _, c := range d.status().Counters {
		if c.Name == name {
			return c.Value
		}
	}
	return 0
}
