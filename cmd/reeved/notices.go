// SPDX-License-Identifier: Apache-2.0

// This file hands on what the daemon itself has to say: to its log at once, to the events as soon as there are any.

package main

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"github.com/reeve-sensor/reeve/sensor/event"
)

// notices may be told something before there is a log or a watch; it waits.
type notices struct {
	mu      sync.Mutex
	log     *slog.Logger
	out     func(event.Said)
	waiting []event.Said
}

// tell says something. It may be called from anywhere.
func (n *notices) tell(s event.Said) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.out == nil {
		n.waiting = append(n.waiting, s)
		return
	}
	n.say(s)
}

// open hands on what waits, and what comes.
func (n *notices) open(log *slog.Logger, out func(event.Said)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.log, n.out = log, out
	for _, s := range n.waiting {
		n.say(s)
	}
	n.waiting = nil
}

func (n *notices) say(s event.Said) {
	n.log.Log(context.Background(), logLevel(&s), "notice", "name", s.Name, "message", event.Redact(s.Message), "by", s.By.String())
	n.out(s)
}

// logLevel is how loud the log says it: break-glass always aloud.
func logLevel(s *event.Said) slog.Level {
	if strings.HasPrefix(s.Name, "break-glass.") {
		return slog.LevelError
	}
	switch s.Level() {
	case "critical", "high":
		return slog.LevelError
	case "medium", "low":
		return slog.LevelWarn
	}
	return slog.LevelInfo
}
