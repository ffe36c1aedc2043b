// SPDX-License-Identifier: Apache-2.0

// This file gets the inventory: from the daemon, or by a pass of its own, which says so.

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/approve"
	"github.com/reeve-sensor/reeve/sensor/inventory/live"
	"github.com/reeve-sensor/reeve/sensor/inventory/risk"
	"github.com/reeve-sensor/reeve/sensor/procfs"
)

// stock is an inventory as it was got.
type stock struct {
	items     []inventory.Item
	exposures []risk.Exposure
	unwatched uint64 // folders of which changes are seen at the next full pass only
}

// stock asks the daemon, or passes itself where there is none.
func (e *env) stock(ctx context.Context, w *wanted) (*stock, error) {
	if !w.own {
		c, err := e.dial(ctx)
		if err == nil {
			defer c.Close()
			return e.fromDaemon(ctx, c, &pb.InventoryRequest{Refresh: w.refresh, Exposure: w.exposure})
		}
		if _, isConfig := errors.AsType[*site.Fault](err); isConfig || w.refresh || w.diff.name == "true" {
			return nil, err
		}
		fmt.Fprintf(e.stderr, "reeve: %s: this is a pass of its own; when things were first seen and which sessions used them is not known\n", safe(err.Error()))
	}
	return e.ownPass(ctx)
}

func (e *env) fromDaemon(ctx context.Context, c pb.ReeveClient, r *pb.InventoryRequest) (*stock, error) {
	answer, err := c.Inventory(ctx, r)
	if err != nil {
		return nil, told(err)
	}
	s := &stock{}
	progress := newProgress(e)
	defer progress.end()
	for {
		reply, err := answer.Recv()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return nil, told(err)
		}
		switch {
		case reply.Item != "":
			var it inventory.Item
			if err := json.Unmarshal([]byte(reply.Item), &it); err != nil {
				return nil, fmt.Errorf("reading the daemon's answer: %w", err)
			}
			s.items = append(s.items, it)
		case reply.Exposure != "":
			var x risk.Exposure
			if err := json.Unmarshal([]byte(reply.Exposure), &x); err != nil {
				return nil, fmt.Errorf("reading the daemon's answer: %w", err)
			}
			s.exposures = append(s.exposures, x)
		case reply.State != nil:
			s.unwatched = reply.State.Unwatched
			if reply.State.Passing {
				progress.say(reply.State.Parts, reply.State.Place, reply.State.Entries)
			}
		}
	}
}

// progress is a line on the terminal that is written over. Where there is none it says nothing.
type progress struct {
	e  *env
	on bool
}

func newProgress(e *env) *progress {
	on := false
	if f, ok := e.stderr.(*os.File); ok {
		on, _ = terminalOf(f)
	}
	return &progress{e: e, on: on}
}

func (p *progress) say(parts uint64, place string, entries uint64) {
	if p.on {
		fmt.Fprintf(p.e.stderr, "\r\x1b[K%s", cut(safe(fmt.Sprintf("%d parts done, %s, %d entries", parts, place, entries)), p.e.width))
	}
}

func (p *progress) end() {
	if p.on {
		fmt.Fprint(p.e.stderr, "\r\x1b[K")
	}
}

// partMax is how long a pass of its own waits for one part.
const partMax = time.Minute

// ownPass looks itself: as root at everybody's home, else at the caller's own, and at the system's.
func (e *env) ownPass(ctx context.Context) (*stock, error) {
	c, err := site.ReadConfig(e.config)
	if err != nil {
		return nil, err
	}
	agents, err := inventory.Load(c.Agents)
	if err != nil {
		return nil, err
	}
	people := c.People
	if os.Geteuid() != 0 {
		me, err := c.Me()
		if err != nil {
			return nil, err
		}
		people = func() []live.Person { return []live.Person{me} }
	}
	bounds := c.Bounds()
	if bounds.Publishers, err = c.Publishers(); err != nil {
		fmt.Fprintf(e.stderr, "reeve: not every publisher of extensions is trusted that should be: %v\n", err)
	}
	k, err := live.New(live.Options{
		Catalogue: agents, Bounds: bounds, People: people, Limit: partMax, Eager: true, Log: slog.New(slog.NewTextHandler(e.stderr, nil)),
	})
	if err != nil {
		return nil, err
	}
	running, err := procfs.All(ctx, site.Names(agents))
	if err == nil {
		k.Given(site.Runs(ctx, agents, running))
	}
	e.watchPass(ctx, k)
	records, err := approve.Store{Dir: c.State}.Read()
	if err != nil {
		records = nil // root's own; who may not read them sees no approvals
	}
	s := &stock{items: k.Items(records)}
	for i := range s.items {
		s.items[i].First, s.items[i].Last = time.Time{}, time.Time{} // one look tells neither
	}
	s.overlay(agents, running, k)
	if p, ps := c.Load(c.Files(), agents); p != nil {
		site.Govern(p, site.RoleOf(p), s.items)
	} else {
		fmt.Fprintln(e.stderr, "reeve: the policy has faults, so it says nothing here:", safe(ps.Errors().Error()))
	}
	for _, p := range risk.Places(s.items) {
		s.exposures = append(s.exposures, risk.Expose(p, s.items))
	}
	return s, nil
}

// watchPass passes, and shows how it goes.
func (e *env) watchPass(ctx context.Context, k *live.Keeper) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.Once(ctx)
	}()
	line := newProgress(e)
	defer line.end()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			p := k.Progress()
			line.say(uint64(p.Done), p.Place, uint64(p.Entries))
		}
	}
}

// overlay adds what runs.
func (s *stock) overlay(agents *inventory.Catalogue, list []procfs.Running, k *live.Keeper) {
	none := func(uint32) string { return "" }
	processes, commands := site.Processes(agents, list, none), k.Commands()
	site.Talks(processes, commands)
	s.items = append(s.items, site.Suspects(processes, commands)...)
	site.Running(agents, list, s.items)
	inventory.Sort(s.items)
}

// lineMax bounds one line of a file of items.
const lineMax = 8 << 20

// readItems reads what --json wrote.
func readItems(name string) ([]inventory.Item, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var items []inventory.Item
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, lineMax)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var it inventory.Item
		if err := json.Unmarshal(lines.Bytes(), &it); err != nil || it.Kind == "" {
			return nil, site.Hint(fmt.Errorf("%s:%d: no item of an inventory", name, n), "reeve inventory --json > FILE writes one")
		}
		items = append(items, it)
	}
	return items, lines.Err()
}
