// SPDX-License-Identifier: Apache-2.0

// This file wires who reads as a program what a session wrote: marks from the events, answers from the kernel's maps, and what is found
// goes among the events.

package main

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"time"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/sourced"
)

// sourcing looks for such readers. Without fanotify it does nothing, and everything else goes on.
type sourcing struct {
	watcher *sourced.Watcher // nil where there is none
	tell    func(*event.Sourced)
	state   string // folder
	boot    string
	log     *slog.Logger
}

// sourcedFile is in the state folder: the kernel's maps outlive a daemon, and its marks do not.
const sourcedFile = "sourced.json"

// markedEarlier is what it has.
type markedEarlier struct {
	Boot  string         `json:"boot"`
	Files []sourced.File `json:"files"`
}

func newSourcing(k *kernel, state, boot string, log *slog.Logger) *sourcing {
	s := &sourcing{state: state, boot: boot, log: log}
	w, err := sourced.Open(sourced.Options{Member: k.memberOf, Author: k.authorOf, Tell: func(e *event.Sourced) { s.tell(e) }, Earlier: s.earlier()})
	if err != nil {
		log.Warn("who reads as a program what a session wrote is not seen", "problem", err)
		return s
	}
	s.watcher = w
	return s
}

// earlier are the files that a daemon before this one had marked since the machine started.
func (s *sourcing) earlier() []sourced.File {
	var before markedEarlier
	if _, err := kept(s.state, sourcedFile, &before); err != nil {
		s.log.Warn("who reads as a program what was marked before this start is not seen", "problem", err)
	}
	if before.Boot != s.boot {
		return nil
	}
	return before.Files
}

// rememberEvery is how much of what was marked a daemon that is killed may lose.
const rememberEvery = time.Minute

// run marks until ctx ends.
func (s *sourcing) run(ctx context.Context) error {
	if s.watcher == nil {
		return nil
	}
	done := make(chan error, 1)
	marking, stop := context.WithCancel(context.Background()) // until what is marked is remembered
	defer stop()
	go func() { done <- s.watcher.Run(marking) }()
	var last []sourced.File
	often(ctx, rememberEvery, func() { last = s.remember(last) })
	s.remember(last)
	stop()
	return <-done
}

// remember keeps what is marked, where that is not what was kept last.
func (s *sourcing) remember(last []sourced.File) []sourced.File {
	files := s.watcher.Files()
	if slices.Equal(files, last) {
		return last
	}
	if err := keep(s.state, sourcedFile, markedEarlier{s.boot, files}); err != nil {
		s.log.Warn("what is marked is not remembered", "problem", err)
		return last
	}
	return files
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

// saw takes in an event, and waits for nobody.
func (s *sourcing) saw(e *event.Event) {
	if s.watcher != nil {
		s.watcher.Saw(e)
	}
}
