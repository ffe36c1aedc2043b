// SPDX-License-Identifier: Apache-2.0

// This file keeps the inventory: it wires the keeper to events, sessions, policy and approvals, and says what is new.

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/sensor"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/approve"
	keeping "github.com/reeve-sensor/reeve/sensor/inventory/live"
	"github.com/reeve-sensor/reeve/sensor/inventory/risk"
	"github.com/reeve-sensor/reeve/sensor/inventory/shadow"
	"github.com/reeve-sensor/reeve/sensor/procfs"
	"github.com/reeve-sensor/reeve/sensor/session"
)

// How often sessions and processes are looked at.
const (
	sessionsEvery  = time.Second
	processesEvery = time.Minute
	partMax        = 5 * time.Minute // that one part of a pass may take
)

// stock is the inventory as the daemon has it.
type stock struct {
	keeper   *keeping.Keeper
	approved approve.Store
	agents   *inventory.Catalogue
	policies *policies
	view     func(func(*session.Table))
	user     func(uint32) string
	answers  func(old time.Duration) (map[netip.Addr][]string, error)
	name     func(id uint64) string
	tell     func(event.Said)
	log      *slog.Logger
	missed   atomic.Uint64 // acts that were not looked at for use
	decided  atomic.Uint64 // decisions that were made here
	trouble  error         // of the last look at connections
	unsaid   atomic.Uint64 // changes that were not told: their owner makes too many

	mu        sync.Mutex
	processes []procfs.Running
	suspects  []inventory.Item
	told      map[string]bool // suspects
	minute    time.Time       // in which changes are counted
	changes   map[string]int  // by owner
}

func (d *daemon) stock(log *slog.Logger, boot session.Boot, people func() []keeping.Person) *stock {
	s := &stock{
		approved: approve.Store{Dir: d.config.State}, agents: d.agents, policies: d.policies, tell: d.policies.notices.tell, log: log,
		name: boot.ID, told: map[string]bool{},
	}
	bounds := d.config.Bounds()
	var err error
	if bounds.Publishers, err = d.config.Publishers(); err != nil {
		log.Error("not every publisher of extensions is trusted that should be", "problem", err)
	}
	k, err := keeping.New(keeping.Options{
		Catalogue: d.agents, Bounds: bounds, People: people, State: d.config.State, Every: d.config.Inventory.Every,
		Limit: partMax, Log: log, Changed: s.changed, Installed: d.builds.Installed,
	})
	if err != nil {
		log.Error("when things were first seen is not known", "problem", err)
	}
	s.keeper = k
	return s
}

// follow is where sessions are, and what they are answered.
func (s *stock) follow(w *sensor.Watch, k *sensor.Kernel) {
	s.view, s.user = w.View, w.User
	s.answers = func(old time.Duration) (map[netip.Addr][]string, error) {
		now := procfs.SinceBoot()
		return k.Answers(now - min(now, uint64(old)))
	}
}

// keep keeps the inventory until ctx ends. Nothing else of the daemon depends on it.
func (s *stock) keep(ctx context.Context) {
	var wait sync.WaitGroup
	wait.Go(func() { often(ctx, sessionsEvery, s.sessions) })
	wait.Go(func() { often(ctx, processesEvery, func() { s.look(ctx) }) })
	if err := s.keeper.Run(ctx); err != nil {
		s.log.Error("the inventory is not kept", "problem", err)
	}
	wait.Wait()
}

func often(ctx context.Context, d time.Duration, f func()) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		f()
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// sessions tells the keeper in which folders agents work.
func (s *stock) sessions() {
	for _, p := range s.Places() {
		s.keeper.Work(p.User, p.Project)
	}
}

// Places are the running sessions.
func (s *stock) Places() []risk.Place {
	var out []risk.Place
	s.view(func(t *session.Table) {
		for _, x := range t.Sessions() {
			if x.Over() {
				continue
			}
			p := risk.Place{Project: x.Cwd, Session: s.name(x.ID)}
			if a := s.agents.ByID(x.Agent); a != nil {
				p.Agent = a.Name
			}
			p.User = s.user(x.User())
			out = append(out, p)
		}
	})
	return out
}

// look looks for processes that behave like agents.
func (s *stock) look(ctx context.Context) {
	list, err := procfs.All(ctx, site.Names(s.agents))
	if err != nil {
		s.log.Warn("processes are not known", "problem", err)
		return
	}
	in := map[uint32]string{}
	s.view(func(t *session.Table) {
		for i := range list {
			if x := t.Of(list[i].PID); x != nil {
				in[list[i].PID] = s.name(x.ID)
			}
		}
	})
	s.keeper.Given(site.Runs(ctx, s.agents, list))
	suspects := s.suspected(site.Processes(s.agents, list, func(pid uint32) string { return in[pid] }))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.processes, s.suspects = list, suspects
	for _, it := range suspects {
		if key := fmt.Sprintf("%s %d", it.Key(), it.Running[0]); !s.told[key] {
			s.told[key] = true
			s.tell(event.Said{Name: event.InventorySuspect, Message: fmt.Sprintf("process %d of %s (%s) behaves like an agent: %s",
				it.Running[0], it.Owner, it.File, strings.Join(it.Evidence, "; "))})
		}
	}
}

// answersKept is how long ago an answer may have expired that still says where a model answers.
const answersKept = 24 * time.Hour

// suspected are the suspects among all processes, by all evidence that there is.
func (s *stock) suspected(processes []shadow.Process) []inventory.Item {
	commands := s.keeper.Commands()
	site.Talks(processes, commands)
	answers, err := s.answers(answersKept)
	if err == nil {
		err = site.Hosts(processes, shadow.EndpointsOf(answers))
	}
	s.blind(err)
	return site.Suspects(processes, commands)
}

// blind tells once that connections are not known.
func (s *stock) blind(err error) {
	if err != nil && s.trouble == nil {
		s.log.Warn("who is connected to models is not known", "problem", err)
	}
	s.trouble = err
}

// changed says what is new, and what is not what it was.
func (s *stock) changed(it inventory.Item, diff []inventory.Change) {
	if !it.Kind.Governed() {
		return
	}
	if !s.may(it.Owner, time.Now()) {
		s.unsaid.Add(1)
		return
	}
	what := fmt.Sprintf("%s %s of %s", it.Kind, it.Name, it.Owner)
	if diff == nil {
		s.tell(event.Said{Name: event.InventoryNew, Message: fmt.Sprintf("%s is new, risk %s: %s (%s)", what, it.Risk, it.Command(), it.File)})
		return
	}
	var parts []string
	for _, c := range diff {
		parts = append(parts, fmt.Sprintf("%s: %s -> %s", c.What, c.Old, c.New))
	}
	s.tell(event.Said{Name: event.InventoryChanged, Message: fmt.Sprintf("%s is not what it was: %s (%s)", what, strings.Join(parts, "; "), it.File)})
}

// changesMax is how many changes of one owner are told within a minute. Whoever makes more of them must not fill the events.
const changesMax = 60

// may reports whether one more change of an owner is told.
func (s *stock) may(owner string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if minute := now.Truncate(time.Minute); !minute.Equal(s.minute) {
		s.minute, s.changes = minute, map[string]int{}
	}
	s.changes[owner]++
	return s.changes[owner] <= changesMax
}

// Items are everything that is known, with what people and policy say of it.
func (s *stock) Items() ([]inventory.Item, error) {
	records, err := s.approved.Read()
	if err != nil {
		return nil, err
	}
	items := s.keeper.Items(records)
	s.mu.Lock()
	items = append(items, s.suspects...)
	site.Running(s.agents, s.processes, items)
	s.mu.Unlock()
	if l := s.policies.now(); l != nil {
		site.Govern(l.policy, site.RoleOf(l.policy), items)
	}
	return items, nil
}

// Earlier is the inventory at the end of the full pass before the last.
func (s *stock) Earlier() ([]inventory.Item, time.Time) { return s.keeper.Earlier() }

// Refresh asks for a full pass.
func (s *stock) Refresh() { s.keeper.Refresh() }

// State tells how the passes are.
func (s *stock) State() *pb.InventoryState {
	p := s.keeper.Progress()
	return &pb.InventoryState{
		Passing: p.Passing, Place: p.Place, Entries: uint64(p.Entries), Parts: uint64(p.Done), BeganMs: unixMilli(p.Began), EndedMs: unixMilli(p.Ended),
		Watched: uint64(p.Watched), Unwatched: uint64(p.Unseen), Projects: uint64(p.Projects),
	}
}

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Decide keeps a decision, and says who made it.
func (s *stock) Decide(q *approve.Request, by event.Actor) ([]inventory.Item, error) {
	items, err := s.Items()
	if err != nil {
		return nil, err
	}
	found, err := approve.Choose(items, q)
	if err != nil {
		return found, err
	}
	if err := s.approved.Add(approve.Make(found, q, by.String(), time.Now())); err != nil {
		return found, err
	}
	s.decided.Add(1)
	s.tell(event.Said{
		Name: event.InventoryDecided, By: &by, Reason: q.Reason,
		Message: fmt.Sprintf("%s is %s: %s (%.12s)", found[0].ID(), q.State, found[0].Command(), found[0].Digest),
	})
	return found, nil
}

// onlooker is the sink that tells the keeper what sessions use. It hands on first.
type onlooker struct {
	next  sensor.Sink
	stock *stock
}

// Append hands on, and waits for nobody.
func (o *onlooker) Append(e *event.Event) {
	o.next.Append(e)
	if !o.stock.keeper.Saw(e) {
		o.stock.missed.Add(1)
	}
}
