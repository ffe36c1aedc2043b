// SPDX-License-Identifier: Apache-2.0

// This file is how a plugin is, for people: its state, what it did and what was lost, and when somebody must be told.

package host

import (
	"fmt"
	"slices"
	"time"

	pb "github.com/reeve-sensor/reeve/plugins/api/plugin"
)

// State is where a plugin is in its life.
type State string

// The states.
const (
	Starting State = "starting"
	Running  State = "running"
	Waiting  State = "waiting" // its process runs, its back end takes nothing
	Resting  State = "resting" // it failed, and is started again after a pause
)

// Status is how a plugin is.
type Status struct {
	Name    string
	Version string
	State   State
	Problem string // why it waits or rests
	Health  string // what it says is wrong
	SHA256  string
	Actions []string // that rules may name, "" for its name alone; as it said when it ran last
	PID     int
	Since   time.Time // the state began
	Until   time.Time // the next attempt, where it waits or rests

	Restarts uint64
	Exported uint64 // events that arrived
	Refused  uint64 // that the back end will never take, that nobody can read, or that ended the plugin again and again
	Dropped  uint64 // that did not fit the queue, could not be written down, or were damaged on disk
	Queued   uint64 // that wait
	Bytes    int64  // of the queue
	Answered uint64 // responses that were carried out
	Failed   uint64 // that were not
}

// set changes the status.
func (w *worker) set(f func(*Status)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.status)
}

// now is the status with what changes by itself.
func (w *worker) look() Status {
	w.mu.Lock()
	s := w.status
	w.mu.Unlock()
	s.Queued, s.Bytes = w.queue.Len()
	l := w.queue.Losses()
	s.Dropped += l.Full + l.Failed + l.Damaged
	return s
}

// lives says that the plugin runs, or with nil that it does not.
func (w *worker) lives(c *conn) {
	if c != nil && !c.about.Exports {
		defer w.well()
	}
	if w.changes(c) && w.o.Answers != nil {
		w.o.Answers(w.spec.Name, actionsOf(c.about))
	}
}

// changes puts another life in the place of the last one, and reports whether it answers to something else.
func (w *worker) changes(c *conn) (news bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = c
	close(w.changed)
	w.changed = make(chan struct{})
	if c == nil {
		w.status.PID = 0
		return false
	}
	w.silent.Store(!c.about.Exports)
	s := &w.status
	s.Version, s.SHA256, s.State, s.Problem = oneLine(c.about.Version), c.sum, Running, ""
	s.PID, s.Since, s.Until = c.process.cmd.Process.Pid, w.clock.Now(), time.Time{}
	news, s.Actions = !slices.Equal(s.Actions, actionsOf(c.about)), actionsOf(c.about)
	w.o.Log.Info("plugin runs", "plugin", w.spec.Name, "version", s.Version, "process", s.PID, "sha256", c.sum)
	return news
}

// actionsOf are the actions that rules may name.
func actionsOf(about *pb.Description) (names []string) {
	for _, a := range about.Actions {
		names = append(names, a.Name)
	}
	if about.Exports && !slices.Contains(names, "") {
		names = append(names, "")
	}
	return names
}

// died says that a life has ended.
func (w *worker) died(err error, rest time.Duration) {
	now := w.clock.Now()
	w.set(func(s *Status) {
		s.State, s.Problem, s.Since, s.Until, s.Health = Resting, oneLine(err.Error()), now, now.Add(rest), ""
		s.Restarts++
	})
	w.o.Log.Warn("plugin does not run", "plugin", w.spec.Name, "problem", err, "again_in", rest.Round(time.Millisecond))
	if w.life.broken() {
		w.tell(NoticeDown, Notice{Name: NoticeDown, Message: fmt.Sprintf("plugin %s does not run: %s", w.spec.Name, oneLine(err.Error()))})
	}
}

// waits says that the back end does not take what is exported.
func (w *worker) waits(err error, rest time.Duration) {
	now := w.clock.Now()
	w.set(func(s *Status) {
		if s.State != Waiting {
			s.State, s.Since = Waiting, now
		}
		s.Problem, s.Until = oneLine(err.Error()), now.Add(rest)
	})
	if w.send.failures == 1 {
		w.o.Log.Warn("exports wait", "plugin", w.spec.Name, "problem", err, "again_in", rest.Round(time.Millisecond))
	}
	if w.send.broken() {
		w.tell(NoticeDown, Notice{Name: NoticeDown, Message: fmt.Sprintf("exports of plugin %s wait: %s", w.spec.Name, oneLine(err.Error()))})
	}
}

// arrived says that events did, after whatever went wrong before.
func (w *worker) arrived(n int) {
	w.set(func(s *Status) {
		if s.State == Waiting {
			s.State, s.Problem, s.Since, s.Until = Running, "", w.clock.Now(), time.Time{}
			w.o.Log.Info("exports go on", "plugin", w.spec.Name)
		}
		s.Exported += uint64(n)
	})
	w.send.succeed()
	w.well()
}

// well tells that what was told to be wrong is over.
func (w *worker) well() {
	if w.forget(NoticeDown) {
		w.o.Tell(Notice{Name: NoticeUp, Plugin: w.spec.Name, Message: fmt.Sprintf("plugin %s is well again", w.spec.Name)})
	}
}

// tellEvery is how often people are told the same.
const tellEvery = 10 * time.Minute

// tell tells an administrator, not again before a while has passed, and reports whether it did.
func (w *worker) tell(about string, n Notice) bool {
	now := w.clock.Now()
	w.mu.Lock()
	last, told := w.told[about]
	due := !told || now.Sub(last) >= tellEvery
	if due {
		w.told[about] = now
	}
	w.mu.Unlock()
	if due {
		n.Plugin = w.spec.Name
		w.o.Tell(n)
	}
	return due
}

// forget lets the next notice about something be told at once, and reports whether one was told.
func (w *worker) forget(about string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, told := w.told[about]
	delete(w.told, about)
	return told
}
