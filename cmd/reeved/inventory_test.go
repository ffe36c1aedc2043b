// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/approve"
	"github.com/reeve-sensor/reeve/sensor/inventory/discover"
	"github.com/reeve-sensor/reeve/sensor/inventory/disk"
	keeping "github.com/reeve-sensor/reeve/sensor/inventory/live"
	"github.com/reeve-sensor/reeve/sensor/session"
)

// stocked is a daemon's inventory over one home, without a kernel.
type stocked struct {
	*stock
	t    *testing.T
	home string
	mu   sync.Mutex
	said []event.Said
}

func stockedWith(t *testing.T, policy string) *stocked {
	t.Helper()
	dir := t.TempDir()
	s := &stocked{t: t, home: filepath.Join(dir, "homes", "alice")}
	s.put(".claude.json", `{"mcpServers":{"files":{"command":"npx","args":["-y","@x/files@1.2.3"]},"bad":{"command":"/opt/bad"}}}`)
	s.put(".claude/skills/tidy/SKILL.md", "---\nname: tidy\n---\n")
	d, err := prepare(options{config: s.config(dir, policy)})
	if err != nil {
		t.Fatal(err)
	}
	d.builds = d.buildsKeeper(slog.New(slog.DiscardHandler))
	s.stock = d.stock(slog.New(slog.DiscardHandler), "f3e2", func() []keeping.Person {
		return []keeping.Person{{Home: discover.Home{User: "alice", Dir: s.home}, Person: disk.Person{UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}}}
	})
	s.tell = func(x event.Said) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.said = append(s.said, x)
	}
	s.view, s.user = func(f func(*session.Table)) { f(session.New(session.DefaultLimits)) }, func(uint32) string { return "alice" }
	s.answers = func(time.Duration) (map[netip.Addr][]string, error) { return nil, nil }
	d.policies.past = append(d.policies.past, d.first)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.keep(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	s.await("the first pass", func() bool { return s.State().EndedMs != 0 })
	return s
}

func (s *stocked) config(dir, policy string) string {
	s.t.Helper()
	for name, text := range map[string]string{
		"policy.toml": policy,
		"reeve.toml": fmt.Sprintf("policy = [%q]\nstate = %q\nrun = %q\nagents = %q\n[inventory]\ndepth = 0\nsystem = []\n",
			dir+"/policy.toml", dir+"/state", dir+"/run", dir+"/agents"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	return dir + "/reeve.toml"
}

func (s *stocked) put(name, text string) {
	s.t.Helper()
	full := filepath.Join(s.home, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full+".new", []byte(text), 0o644), os.Rename(full+".new", full)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stocked) await(what string, holds func() bool) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	s.t.Fatalf("%s: not within 30 s", what)
}

func (s *stocked) item(id string) *inventory.Item {
	s.t.Helper()
	items, err := s.Items()
	if err != nil {
		s.t.Fatal(err)
	}
	i := slices.IndexFunc(items, func(it inventory.Item) bool { return it.ID() == id && strings.HasPrefix(it.File, s.home) })
	if i < 0 {
		return nil
	}
	return &items[i]
}

func (s *stocked) heard(name, text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.said, func(x event.Said) bool { return x.Name == name && strings.Contains(x.Message, text) })
}

func TestOneOwnerDoesNotFillTheEvents(t *testing.T) {
	said := 0
	s := &stock{tell: func(event.Said) { said++ }}
	it := inventory.Item{Kind: inventory.KindConnector, Name: "x", Owner: "alice"}
	noon := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for range changesMax {
		if !s.may("alice", noon) {
			t.Fatal("too soon")
		}
	}
	if s.may("alice", noon.Add(time.Second)) || !s.may("bob", noon) || !s.may("alice", noon.Add(time.Minute)) {
		t.Error("not by owner and minute")
	}
	for range 2*changesMax + 2 { // within two minutes at most
		s.changed(it, nil)
	}
	if said < changesMax || said > 2*changesMax || s.unsaid.Load() != uint64(2*changesMax+2-said) {
		t.Errorf("%d said, %d not", said, s.unsaid.Load())
	}
	s.changed(inventory.Item{Kind: inventory.KindFile, Owner: "bob"}, nil)
	if s.unsaid.Load() != uint64(2*changesMax+2-said) {
		t.Error("what is not governed counts")
	}
}

func TestInventoryIsDecidedAndSaid(t *testing.T) {
	s := stockedWith(t, `version = 1
[[connector]]
name = "bad"
command = ["/opt/bad"]
[[rule]]
id = "no-bad"
on = ["connector.start"]
match = ["bad"]
action = "deny"
reason = "not here"
`)
	if bad := s.item("connector:bad"); bad.Approval.State != "denied" || bad.Approval.Rule != "no-bad" {
		t.Errorf("%+v", bad.Approval)
	}
	by := event.Actor{UID: 0, User: "root"}
	q := &approve.Request{State: approve.Approved, Kind: inventory.KindConnector, Name: "files", File: s.home + "/.claude.json", Reason: "reviewed"}
	found, err := s.Decide(q, by)
	if err != nil || len(found) != 1 || found[0].Approval.State != "pending" {
		t.Fatalf("%+v %v", found, err)
	}
	if !s.heard(event.InventoryDecided, "connector:files is approved: npx -y @x/files@1.2.3") {
		t.Errorf("%+v", s.said)
	}
	if it := s.item("connector:files"); it.Approval.State != "approved" || it.Approval.By != "root" || it.Approval.Reason != "reviewed" {
		t.Errorf("%+v", it.Approval)
	}
	s.put(".claude.json", `{"mcpServers":{"files":{"command":"npx","args":["-y","@x/files@1.2.4"]},"new":{"command":"/opt/new"}}}`)
	s.await("the change", func() bool {
		it := s.item("connector:files")
		return it != nil && it.Approval.State == "changed" && len(it.Approval.Diff) == 2
	})
	s.await("what is said of it", func() bool {
		return s.heard(event.InventoryChanged, "connector files of alice is not what it was: command: npx -y @x/files@1.2.3 -> npx -y @x/files@1.2.4") &&
			s.heard(event.InventoryNew, "connector new of")
	})
	if _, err := s.Decide(&approve.Request{State: approve.Approved, Kind: inventory.KindConnector, Name: "none"}, by); !errors.Is(err, approve.ErrNone) {
		t.Error(err)
	}
}
