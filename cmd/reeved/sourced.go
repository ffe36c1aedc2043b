// SPDX-License-Identifier: Apache-2.0

// This file wires who reads as a program what a session wrote: marks from the events, answers from the kernel's maps, and what is found
// goes among the events.

package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/reeve-sensor/reeve/sensor"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/sourced"
)

// sourcing looks for such readers. Without fanotify it does nothing, and everything else goes on.
type sourcing struct {
	watcher *sourced.Watcher // nil where there is none
	tell    func(*event.Sourced)
}

func newSourcing(k *kernel, log *slog.Logger) *sourcing {
	s := &sourcing{}
	w, err := sourced.Open(sourced.Options{Member: k.memberOf, Author: k.authorOf, Tell: func(e *event.Sourced) { s.tell(e) }})
	if err != nil {
		log.Warn("who reads as a program what a session wrote is not seen", "problem", err)
		return s
	}
	s.watcher = w
	return s
}

// run marks until ctx ends.
func (s *sourcing) run(ctx context.Context) error {
	if s.watcher == nil {
		return nil
	}
	return s.watcher.Run(ctx)
}

// counts are what was missed, for the losses; facts what was done.
func (s *sourcing) counts() sourced.Counts {
	if s.watcher == nil {
		return sourced.Counts{}
	}
	return s.watcher.Counts()
}

func (s *sourcing) facts() []*pb.Counter {
	c := s.counts()
	return []*pb.Counter{
		{Name: "sourced_told", Value: c.Told}, {Name: "sourced_marked", Value: c.Marked}, {Name: "sourced_forgotten", Value: c.Forgotten},
		{Name: "sourced_unseen", Value: c.Unseen},
	}
}

// memberOf is the session that a process is in.
func (k *kernel) memberOf(pidfd int) (sourced.Member, error) {
	slot, ok, err := k.TaskSession(pidfd)
	if err != nil || !ok {
		return sourced.Member{}, err
	}
	return sourced.Member{Session: slot.Id, Parent: slot.Parent}, nil
}

// authorOf is who in which session wrote a file.
func (k *kernel) authorOf(f *os.File) (sourced.Author, bool, error) {
	by, ok, err := k.Wrote(f)
	return sourced.Author{Session: by.Session, Principal: by.Principal}, ok, err
}

// sourcer is the sink that tells of what sessions write. It hands on first.
type sourcer struct {
	next     sensor.Sink
	sourcing *sourcing
}

// Append hands on, and waits for nobody.
func (s *sourcer) Append(e *event.Event) {
	s.next.Append(e)
	if s.sourcing.watcher != nil {
		s.sourcing.watcher.Saw(e)
	}
}
