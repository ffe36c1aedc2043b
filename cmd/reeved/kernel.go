// SPDX-License-Identifier: Apache-2.0

// This file fits the kernel side to what policies and calls want of it.

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/api"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/procfs"
)

// kernel is the loaded kernel side as the daemon uses it.
type kernel struct {
	*sensor.Kernel
	applier *enforce.Applier
	guard   *guard
	contain *containment
	losses  func() map[string]uint64 // of user space
	facts   func() []*pb.Counter     // likewise
}

// Apply makes an image the policy in force.
func (k *kernel) Apply(im *enforce.Image) error { return k.applier.Apply(im) }

// Roles gives every account of this machine its role in a new image, and every running session whose role is no more.
// Sessions in a role that stays keep it: its number is the same.
func (k *kernel) Roles(followed bool, next *enforce.Image, roleOf func(uint32) uint32) error {
	var errs []error
	for _, uid := range accounts() {
		errs = append(errs, k.SetRole(uid, roleOf(uid)))
	}
	slots, err := k.Sessions()
	errs = append(errs, err)
	for _, s := range slots {
		if followed && !next.Retired(s.Role) {
			continue
		}
		err := k.Change(bpf.Change{Slot: s.Number, Generation: s.Generation, Role: roleOf(s.Uid)})
		if !errors.Is(err, sensor.ErrSessionEnded) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// accounts are the uids of /etc/passwd. Users of a directory have role default until they are adopted.
func accounts() []uint32 {
	f, err := os.Open("/etc/passwd")
	if err != nil {
		return nil
	}
	defer f.Close()
	var uids []uint32
	for s := bufio.NewScanner(f); s.Scan(); {
		if fields := strings.Split(s.Text(), ":"); len(fields) > 2 {
			if uid, err := strconv.ParseUint(fields[2], 10, 32); err == nil {
				uids = append(uids, uint32(uid))
			}
		}
	}
	return uids
}

// Adopt makes a running process a session and returns its id.
func (k *kernel) Adopt(ctx context.Context, a api.Adoption) (uint64, error) {
	ask := sensor.Adoption{PID: a.PID, Agent: a.Agent, Role: a.Role, UID: a.UID}
	if a.Unclaimed {
		ask.Flags = bpf.SessionUnclaimed
	}
	slot, err := k.Kernel.Adopt(ctx, ask)
	if err != nil {
		return 0, err
	}
	sessions, err := k.Sessions()
	if err != nil {
		return 0, err
	}
	for _, s := range sessions {
		if s.Number == slot {
			return s.Id, nil
		}
	}
	return 0, fmt.Errorf("adopting process %d: it has ended", a.PID)
}

// member tells which session a process is in.
func (k *kernel) member(pidfd int) (uint64, error) {
	slot, ok, err := k.TaskSession(pidfd)
	if err != nil || !ok {
		return 0, err
	}
	return slot.Id, nil
}

// Owner is the user whose session a process would be.
func (k *kernel) Owner(pid uint32) (uint32, error) { return procfs.Owner(pid) }

// Coverage is what the running kernel lets be held.
func (k *kernel) Coverage() string {
	found, _ := k.guard.now()
	return string(found.Coverage)
}

// Held is what the canary found last.
func (k *kernel) Held() (form string, effects []*pb.Effect, degraded bool) {
	found, degraded := k.guard.now()
	for _, e := range found.Effects {
		effects = append(effects, &pb.Effect{Op: enforce.Op(e.Op).String(), State: string(e.State), Reason: e.Reason})
	}
	return found.Form.String(), effects, degraded
}

// notes are what status has to say besides.
func (k *kernel) notes() []string {
	notes := cgroupNote(k.Cgroup)
	if found, _ := k.guard.now(); found.Reason != nil {
		notes = append(notes, "not everything is refused: "+found.Reason.Error())
	}
	return notes
}

// Programs lists the programs that are attached.
func (k *kernel) Programs() []*pb.Program {
	var out []*pb.Program
	attached := k.Attached()
	for _, p := range bpf.Programs {
		if p.Role != bpf.RoleSeed && k.Program(p.Name) != nil {
			out = append(out, &pb.Program{Name: p.Name, Hook: p.Hook, Attached: attached[p.Name] != nil})
		}
	}
	return out
}

// counterNames are the kernel's counters as status shows them; loss ones mean trouble where they are not 0.
var counterNames = []struct {
	counter bpf.Counter
	name    string
	loss    bool
}{
	{bpf.CountVerdictsLost, "verdicts_lost", true},
	{bpf.CountActivityLost, "activity_lost", true},
	{bpf.CountNoBuffer, "no_buffer", true},
	{bpf.CountNameTorn, "name_torn", true},
	{bpf.CountNameDeep, "name_deep", true},
	{bpf.CountNameLong, "name_long", true},
	{bpf.CountNameDetached, "name_detached", true},
	{bpf.CountNameDevice, "name_device", true},
	{bpf.CountNameForged, "name_forged", true},
	{bpf.CountNameFolded, "name_folded", true},
	{bpf.CountNoTable, "no_table", true},
	{bpf.CountStaleSession, "stale_session", true},
	{bpf.CountForkRefused, "fork_refused", true},
	{bpf.CountSessionsFull, "sessions_full", true},
	{bpf.CountLineUnread, "line_unread", true},
	{bpf.CountLineCut, "line_cut", true},
	{bpf.CountVerdictsFlood, "verdicts_beyond_rate", true},
	{bpf.CountSocketUntagged, "socket_untagged", true},
	{bpf.CountCheckLate, "checks_late", false},
	{bpf.CountSessionsStarted, "sessions_started", false},
	{bpf.CountSessionsEnded, "sessions_ended", false},
	{bpf.CountSessionsSwept, "sessions_swept", false},
	{bpf.CountJudged, "judged", false},
	{bpf.CountRefused, "refused", false},
	{bpf.CountLabelHit, "label_hits", false},
	{bpf.CountLabelMiss, "label_misses", false},
	{bpf.CountWritten, "files_written", false},
	{bpf.CountPacketsDropped, "packets_dropped", false},
	{bpf.CountNamesLearned, "names_learned", false},
	{bpf.CountNamesDropped, "names_dropped", false},
	{bpf.CountConnectors, "connectors_started", false},
}

// Counters are those of the kernel, then those of user space.
func (k *kernel) Counters() ([]*pb.Counter, error) {
	values, err := k.Kernel.Counters()
	if err != nil {
		return nil, err
	}
	var out []*pb.Counter
	for _, c := range counterNames {
		out = append(out, &pb.Counter{Name: c.name, Value: values[c.counter], Loss: c.loss})
	}
	out = append(out, k.facts()...)
	skipped, err := k.Skipped()
	if err != nil {
		return nil, err
	}
	out = append(out, &pb.Counter{Name: "checks_skipped", Value: skipped, Loss: true})
	losses := k.losses()
	for _, name := range sortedNames(losses) {
		out = append(out, &pb.Counter{Name: name, Value: losses[name], Loss: true})
	}
	return out, nil
}
