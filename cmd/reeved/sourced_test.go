// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/testdata/need"
)

// What sessions write is marked as its event goes by; without fanotify nothing is.
func TestWrittenFilesAreMarked(t *testing.T) {
	need.Root(t)
	file := filepath.Join(t.TempDir(), "Makefile")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	write := &event.Event{Kind: event.Access, Object: file, View: event.ViewHost,
		Head: event.Head{Kind: event.Access, Op: event.Op(bpf.OpFileWrite), Session: 7, Action: event.Allow}}
	state := t.TempDir()
	s := newSourcing(&kernel{}, state, "this", slog.New(slog.DiscardHandler))
	if s.watcher == nil {
		need.Missing(t, need.BPF, "no fanotify")
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	s.saw(write)
	for end := time.Now().Add(10 * time.Second); s.counts().Marked == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not marked: %+v", s.counts())
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := s.counts().Marked; n != 0 {
		t.Errorf("%d marks are left", n)
	}
	for boot, want := range map[string]int{"this": 1, "another": 0} {
		if again := newSourcing(&kernel{}, state, boot, slog.New(slog.DiscardHandler)).earlier(); len(again) != want {
			t.Errorf("of boot %s: %+v, want %d", boot, again, want)
		}
	}
	without := &sourcing{}
	without.saw(write)
	if err := without.run(t.Context()); err != nil || without.counts().Marked != 0 {
		t.Errorf("%v, %+v", err, without.counts())
	}
}
