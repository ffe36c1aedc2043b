// SPDX-License-Identifier: Apache-2.0

// Freezing a session: every process of it goes to a control group of the session's own that is frozen, and back to where it
// was at thaw. A frozen task stops the next time it would return to user space, whatever it does there; what it forks until
// then is born in its group. Signals do not wake it, SIGKILL ends it (Documentation/admin-guide/cgroup-v2.rst, cgroup.freeze).
// Everything is kept in the groups themselves, so a daemon that comes after knows them.

package sensor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Freezer stops sessions and lets them go on.
type Freezer struct {
	mount   string // of cgroup v2
	top     string // the group below which frozen sessions are: one for each, by its number, and in it one for each group left
	members Members
}

// originMark is the extended attribute of a group that says where its processes came from.
const originMark = "trusted.reeve.origin"

// ErrNoFreezer says that cgroup v2 is not mounted.
var ErrNoFreezer = errors.New("no cgroup v2 is mounted: sessions cannot be frozen")

// ErrNotFrozen says that a task has not come to a stop in time: it waits in the kernel, for a device or a file server.
var ErrNotFrozen = errors.New("not every task has stopped")

// NewFreezer finds cgroup v2.
func NewFreezer(m Members) (*Freezer, error) {
	infos, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup2"))
	if err != nil {
		return nil, fmt.Errorf("looking for cgroup v2: %w", err)
	}
	if len(infos) == 0 {
		return nil, ErrNoFreezer
	}
	return &Freezer{mount: infos[0].Mountpoint, top: "/reeve", members: m}, nil
}

// freezePasses bounds the passes over all processes without a pause. What forks during one of them is found by the next one; who forks
// and ends faster than that is held by bpf.SwitchNoFork.
const freezePasses = 50

// leavingMillis is how long (ms) whoever thaws waits for those who are on the way to their end, and stay in the group until then.
const leavingMillis = 5000

// findable is how long a freeze goes on with those who can be found before it refuses forks to the others.
const findable = time.Second

// Freeze stops every process of the sessions and returns how many it moved. It waits until the kernel says that all tasks
// have stopped, or ctx ends. noFork sees to it that the sessions bear no more processes. It is called once those that can be found
// stand still, so that nobody else is refused a fork: many a shell ends with that.
func (f *Freezer) Freeze(ctx context.Context, ids map[uint64]bool, noFork func() error) (int, error) {
	for id := range ids {
		if err := f.hold(id); err != nil {
			return 0, err
		}
	}
	soon, cancel := context.WithTimeout(ctx, findable)
	defer cancel()
	moved, err := f.stop(soon, ids)
	if err != nil && !errors.Is(err, ErrNotFrozen) {
		return moved, err
	}
	if err := noFork(); err != nil {
		return moved, err
	}
	n, err := f.stop(ctx, ids)
	return moved + n, err
}

// stop moves processes of the sessions until none is found, and waits for their tasks.
func (f *Freezer) stop(ctx context.Context, ids map[uint64]bool) (moved int, err error) {
	for pass := 0; ; pass++ {
		n, err := f.gather(ids)
		moved += n
		if err != nil {
			return moved, err
		}
		if n == 0 && pass > 0 {
			return moved, f.await(ctx, ids)
		}
		if pass < freezePasses {
			continue
		}
		// kernel: who is on the way to its end stays where it is (kernel/cgroup/cgroup.c:cgroup_migrate_add_task), and needs a processor.
		select {
		case <-ctx.Done():
			return moved, ErrNotFrozen
		case <-time.After(time.Millisecond):
		}
	}
}

// hold makes the frozen group of a session.
func (f *Freezer) hold(id uint64) error {
	group := f.group(id)
	if err := os.MkdirAll(group, 0o755); err != nil {
		return fmt.Errorf("making a control group: %w", err)
	}
	return write(filepath.Join(group, "cgroup.freeze"), "1")
}

func (f *Freezer) group(id uint64) string {
	return filepath.Join(f.mount, f.top, strconv.FormatUint(id, 10))
}

// gather moves the processes of the sessions that are not in their frozen groups yet.
func (f *Freezer) gather(ids map[uint64]bool) (moved int, err error) {
	err = eachMember(f.members, ids, func(pid, fd int) error {
		defer unix.Close(fd)
		slot, ok, err := f.members.TaskSession(fd)
		if err != nil || !ok {
			return err
		}
		at, err := f.groupOf(pid)
		if err != nil || at == "" || strings.HasPrefix(at, f.top+"/") {
			return err
		}
		if err := f.move(pid, slot.Id, at); err != nil {
			return err
		}
		moved++
		return f.still(pid, fd, at)
	})
	return moved, err
}

// move puts a process into the frozen group of its session.
func (f *Freezer) move(pid int, id uint64, from string) error {
	group, err := f.originGroup(id, from)
	if err != nil {
		return err
	}
	return wrapGone("freezing %d: %w", pid, write(filepath.Join(group, "cgroup.procs"), strconv.Itoa(pid)))
}

// still puts back what took the number of a process that ended while it was moved.
func (f *Freezer) still(pid, fd int, at string) error {
	if unix.PidfdSendSignal(fd, 0, nil, 0) == nil {
		return nil
	}
	return ignoreGone(write(filepath.Join(f.mount, at, "cgroup.procs"), strconv.Itoa(pid)))
}

// originGroup finds or makes the group of those that came from one group.
func (f *Freezer) originGroup(id uint64, from string) (string, error) {
	for n := 0; ; n++ {
		group := filepath.Join(f.group(id), strconv.Itoa(n))
		err := os.Mkdir(group, 0o755)
		if err == nil {
			err = unix.Setxattr(group, originMark, []byte(from), 0)
			if err == nil {
				return group, nil
			}
			return "", errors.Join(fmt.Errorf("marking a control group: %w", err), os.Remove(group))
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("making a control group: %w", err)
		}
		if origin(group) == from {
			return group, nil
		}
	}
}

// origin is where the processes of a group came from; "" where nothing says so.
func origin(group string) string {
	var buf [4096]byte
	n, err := unix.Getxattr(group, originMark, buf[:])
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// groupOf is a process's group in cgroup v2; "" where it has none there.
func (f *Freezer) groupOf(pid int) (string, error) {
	raw, err := os.ReadFile(filepath.Join(living(pid), "cgroup"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(raw)) {
		if group, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok {
			return group, nil
		}
	}
	return "", nil
}

// living is the folder in /proc of a thread of a process that has not ended: the first one, as long as it has not.
// kernel: one that has stays in its group, wherever the others go (kernel/cgroup/cgroup.c:cgroup_migrate_add_task).
func living(pid int) string {
	first := fmt.Sprintf("/proc/%d", pid)
	if over, _ := taskState(first); !over {
		return first
	}
	threads, _ := filepath.Glob(first + "/task/*")
	for _, thread := range threads {
		if over, _ := taskState(thread); !over {
			return thread
		}
	}
	return first
}

// await waits until the kernel says that all of the sessions' tasks have stopped. A group without tasks has.
func (f *Freezer) await(ctx context.Context, ids map[uint64]bool) error {
	for id := range ids {
		for {
			raw, err := os.ReadFile(filepath.Join(f.group(id), "cgroup.events"))
			if err != nil {
				return fmt.Errorf("asking whether session %d is frozen: %w", id, err)
			}
			if strings.Contains(string(raw), "frozen 1") {
				break
			}
			select {
			case <-ctx.Done():
				return ErrNotFrozen
			case <-time.After(time.Millisecond):
			}
		}
	}
	return nil
}

// Thaw lets every process of the sessions go on, where it was before, and returns how many there are.
func (f *Freezer) Thaw(ids map[uint64]bool) (int, error) {
	freed := 0
	var errs []error
	for id := range ids {
		n, err := f.release(id)
		freed += n
		errs = append(errs, err)
	}
	return freed, errors.Join(errs...)
}

func (f *Freezer) release(id uint64) (freed int, err error) {
	group := f.group(id)
	entries, err := os.ReadDir(group)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("thawing session %d: %w", id, err)
	}
	for _, e := range entries {
		if e.IsDir() {
			n, err := f.restore(filepath.Join(group, e.Name()))
			freed += n
			if err != nil {
				return freed, err
			}
		}
	}
	return freed, os.Remove(group)
}

// restore moves a group's processes back, until it can be removed: they run again as soon as they are out, and may fork before.
func (f *Freezer) restore(group string) (freed int, err error) {
	to := f.nearest(origin(group))
	out := map[string]bool{}
	for pass := range freezePasses + leavingMillis {
		if pass >= freezePasses {
			time.Sleep(time.Millisecond)
		}
		ids, err := residents(group)
		if err != nil {
			return len(out), fmt.Errorf("thawing: %w", err)
		}
		for _, id := range ids {
			if err := ignoreGone(write(filepath.Join(to, "cgroup.procs"), id)); err != nil {
				return len(out), fmt.Errorf("thawing %s: %w", id, err)
			}
			out[id] = true
		}
		if err := os.Remove(group); !errors.Is(err, unix.EBUSY) {
			return len(out), err
		}
	}
	return len(out), fmt.Errorf("thawing: %s does not get empty", group)
}

// residents are a group's processes; where none is listed, one of its threads: the first one of its process, by which processes are
// listed, has ended elsewhere. Moving the one moves all.
func residents(group string) ([]string, error) {
	for _, list := range []struct {
		file string
		most int
	}{{"cgroup.procs", math.MaxInt}, {"cgroup.threads", 1}} {
		raw, err := os.ReadFile(filepath.Join(group, list.file))
		if err != nil {
			return nil, err
		}
		if ids := strings.Fields(string(raw)); len(ids) > 0 {
			return ids[:min(len(ids), list.most)], nil
		}
	}
	return nil, nil
}

// nearest is a group, or the next one above it that is still there.
func (f *Freezer) nearest(group string) string {
	for ; group != "" && group != "/"; group = filepath.Dir(group) {
		if _, err := os.Stat(filepath.Join(f.mount, group, "cgroup.procs")); err == nil {
			return filepath.Join(f.mount, group)
		}
	}
	return f.mount
}

// Clean takes away the groups of sessions that have ended.
func (f *Freezer) Clean(living map[uint64]bool) error {
	entries, err := os.ReadDir(filepath.Join(f.mount, f.top))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("listing frozen sessions: %w", err)
	}
	var errs []error
	for _, e := range entries {
		id, err := strconv.ParseUint(e.Name(), 10, 64)
		if err != nil || living[id] {
			continue
		}
		_, err = f.release(id)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// ThawAll lets everything go on that any daemon has frozen, for where none is to come that could: after a release nobody knows
// the sessions any more.
func ThawAll() error {
	f, err := NewFreezer(nil)
	if errors.Is(err, ErrNoFreezer) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.dissolve()
}

// dissolve thaws all sessions, and takes away the group that they were in.
func (f *Freezer) dissolve() error {
	if err := f.Clean(nil); err != nil {
		return err
	}
	err := os.Remove(filepath.Join(f.mount, f.top))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the control group of frozen sessions: %w", err)
	}
	return nil
}

// write writes to a file of the kernel's, in one call.
func write(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
