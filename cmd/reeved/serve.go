// SPDX-License-Identifier: Apache-2.0

// This file wires the daemon: files, then kernel, then readers and doors, and everything back in reverse.

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"os/user"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/api"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/builds"
	"github.com/reeve-sensor/reeve/sensor/cut"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/procfs"
	"github.com/reeve-sensor/reeve/sensor/resolvers"
	"github.com/reeve-sensor/reeve/sensor/session"
	"github.com/reeve-sensor/reeve/sensor/store"
)

// daemon is what is known before the kernel is touched.
type daemon struct {
	config   site.Config
	cgroup   string // below which networks are judged; "" is the host
	agents   *inventory.Catalogue
	policies *policies
	first    *live
	warnings enforce.Problems
	safety   *safety
	outlet   *outlet // where plugins hang on
	stocked  *stock  // the inventory
	starts   *starts
	skills   *skills
	names    *resolvers.Keeper
	cutter   *cut.Cutter
	builds   *builds.Keeper
	sourcing *sourcing
	copying  *copying

	inherited *inheritor
}

// prepare reads configuration, catalogue and policy. It needs no privilege.
func prepare(o options) (*daemon, error) {
	c, err := site.ReadConfig(o.config)
	if err != nil {
		return nil, err
	}
	if o.require != "" {
		c.Require = o.require
	}
	if !slices.Contains([]string{"", "full", "network", "observe"}, c.Require) {
		return nil, site.Hint(fmt.Errorf("--require %q: unknown", c.Require), "full, network or observe")
	}
	if err := site.CheckCgroup(o.cgroup); err != nil {
		return nil, err
	}
	agents, err := inventory.Load(c.Agents)
	if err != nil {
		return nil, err
	}
	d := &daemon{config: c, cgroup: o.cgroup, agents: agents, policies: newPolicies(c, agents)}
	l, ps := d.policies.read(nil)
	if l == nil {
		return nil, ps.Errors()
	}
	d.first, d.warnings = l, ps.Warnings()
	return d, nil
}

// summary says what the check found.
func (d *daemon) summary() string {
	return fmt.Sprintf("ok: %d agents, base %s, %d rules for %d roles, table of %d bytes",
		len(d.agents.Agents), d.first.policy.Base, len(d.first.policy.Rules), len(d.first.policy.Roles), len(d.first.image.Table))
}

// serve runs until ctx ends.
func (d *daemon) serve(ctx context.Context, log *slog.Logger) error {
	held, err := lock(d.config.Run)
	if err != nil {
		return err
	}
	defer held.Close()
	for _, w := range d.warnings {
		log.Warn("policy", "problem", w)
	}
	boot, err := procfs.BootID()
	if err != nil {
		return err
	}
	d.names, d.cutter, d.builds = resolvers.New(d.config.Sources(), log), cut.New(log), d.buildsKeeper(log)
	d.stocked = d.stock(log, session.BootOf(boot), d.config.People)
	d.starts = &starts{stock: d.stocked, people: d.config.People, log: log}
	d.skills = &skills{stock: d.stocked, people: d.config.People, log: log}
	k, err := d.open(ctx, log)
	if err != nil {
		return err
	}
	slots, err := k.Sessions()
	if err != nil {
		return errors.Join(err, k.Close())
	}
	events := store.NewMemory(d.config.Memory.EventsMB << 20)
	limits := session.DefaultLimits
	limits.Sessions = d.config.Memory.Sessions
	d.safety = d.safeguards(k, events, session.BootOf(boot))
	started := time.Now()
	from := event.Host{Name: hostname(), Version: version, Life: lifeOf(started)}
	plugged, err := d.plugins(log, from, func() *containment { return k.contain }, d.policies.notices.tell)
	if err != nil {
		return errors.Join(err, k.Close())
	}
	inherited := newInheritor(&ender{d.safety.killer, d.cutter.Add}, k.MarkSockets, log)
	d.copying = newCopying(k, d.policies, log)
	d.outlet = &outlet{next: inherited, host: plugged, respond: d.policies.Respond, from: from}
	d.sourcing = newSourcing(k, d.config.State, boot, log)
	watch := sensor.NewWatch(sensor.WatchOptions{
		Catalogue: d.agents, Names: d.policies, Sink: &learner{&onlooker{d.outlet, d.stocked}, d.builds.Began}, Limits: limits, Boot: session.BootOf(boot),
		Version: d.builds.Version, Settle: plugged.Settle,
		Saw: func(e *event.Event) {
			d.copying.watcher.Saw(e)
			d.sourcing.saw(e)
		},
	})
	watch.Resume(slots)
	d.tellers(watch, k, log)
	d.count(watch, events, k)
	k.contain = &containment{kernel: k, freezer: k.cgroups, tell: watch.Notice, name: session.BootOf(boot).ID, by: map[uint64]uint32{}}
	d.inherited = inherited
	err = d.run(ctx, log, k, watch, api.Backend{
		Table: table{watch, k}, Events: events, Kernel: k, Policies: d.policies, Glass: d.safety.glass, Contain: k.contain, Catalogue: d.agents, Boot: session.BootOf(boot),
		Host: from, Started: started, Notes: k.notes, Plugins: func() []*pb.Plugin { return pluginStates(plugged) },
		Inventory: d.stocked, Resolvers: func() []*pb.Resolver { return resolverRows(d.names.Now()) },
	})
	_ = notify("STOPPING=1")
	return errors.Join(err, d.leave(k, log))
}

// tellers has those that look at the machine tell what they see among the events.
func (d *daemon) tellers(watch *sensor.Watch, k *kernel, log *slog.Logger) {
	d.stocked.follow(watch, k.Kernel)
	d.sourcing.tell = watch.Sourced
	k.guard.tell = watch.Notice
	d.safety.open(log, watch.Notice)
}

// count says where losses and further counts come from.
func (d *daemon) count(watch *sensor.Watch, events *store.Memory, k *kernel) {
	k.losses = func() map[string]uint64 {
		out := losses(watch, events, d.stocked, d.cutter.Counts())
		out["kills_postponed"] = d.safety.killer.missed.Load()
		out["builds_unlearned"] = d.builds.Missed()
		missed, unmarked := d.copying.watcher.Counts(), d.sourcing.counts()
		out["copies_missed"], out["copies_failed"] = missed.Missed, missed.Failed
		out["sourced_unmarked"], out["sourced_overrun"] = unmarked.Unmarked, unmarked.Overrun
		return out
	}
	k.facts = func() []*pb.Counter {
		facts := []*pb.Counter{{Name: "connections_cut", Value: d.cutter.Counts().Cut}}
		return slices.Concat(facts, d.sourcing.facts(), d.copying.facts())
	}
}

// run keeps the daemon's loops going until ctx ends or one of them fails.
func (d *daemon) run(ctx context.Context, log *slog.Logger, k *kernel, watch *sensor.Watch, b api.Backend) error {
	verdicts, activity, err := sensor.OpenRings(k.Maps)
	if err != nil {
		return err
	}
	doors, err := api.Listen(d.config.Run, groupID(d.config.Group))
	if err != nil {
		return errors.Join(err, verdicts.Close(), activity.Close())
	}
	hangup := make(chan os.Signal, 1) // from before anybody is told that the daemon is ready: a hang-up would end it
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	endPlugins := d.outlet.begin()
	var wait sync.WaitGroup
	errs := make(chan error, 16)
	loop := func(f func() error) {
		wait.Go(func() {
			if err := f(); err != nil {
				errs <- err
				stop()
			}
		})
	}
	loop(func() error { return watch.Run(ctx, verdicts, activity) })
	loop(func() error { return doors.Serve(ctx, b, k.member) })
	loop(func() error { return k.WatchMounts(ctx, func(ps []error, err error) { reportMounts(log, ps, err) }) })
	loop(func() error {
		watchdog(ctx, func() bool { watch.View(func(*session.Table) {}); return true })
		return nil
	})
	loop(func() error { d.reloads(ctx, hangup, log); return nil })
	loop(func() error { d.safety.run(ctx); return nil })
	loop(func() error { k.guarding(ctx, watch); return nil })
	loop(func() error { d.stocked.keep(ctx); return nil })
	loop(func() error { d.starts.keep(ctx); return nil })
	loop(func() error { d.skills.keep(ctx); return nil })
	loop(func() error { d.inherited.run(ctx); return nil })
	loop(func() error { d.names.Run(ctx); return nil })
	loop(func() error { d.cutter.Run(ctx); return nil })
	loop(func() error { d.builds.Run(ctx); return nil })
	loop(func() error { return d.sourcing.run(ctx) })
	loop(func() error { d.copying.run(ctx); return nil })
	if err := k.Present(ctx, 0); err != nil {
		log.Warn("processes of running sessions are not known", "problem", err)
	}
	log.Info("ready", "coverage", k.Coverage(), "generation", d.first.image.Generation, "rules", len(d.first.policy.Rules))
	watch.Notice(event.Said{Name: event.DaemonStarted, Message: fmt.Sprintf("reeved %s started, coverage %s as %s", version, k.Coverage(), k.Form)})
	if err := notify("READY=1"); err != nil {
		log.Warn("systemd does not answer", "problem", err)
	}
	<-ctx.Done()
	wait.Wait()
	err = errors.Join(err, endPlugins())
	close(errs)
	for e := range errs {
		err = errors.Join(err, e)
	}
	return err
}

// reloads applies the configured policy at every SIGHUP.
func (d *daemon) reloads(ctx context.Context, hangup <-chan os.Signal, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		}
		_ = notify(reloading())
		reply, err := d.policies.Apply(ctx, nil, 0)
		switch {
		case err != nil:
			log.Error("the policy stays as it was", "problem", err)
		case !reply.Applied:
			for _, p := range reply.Problems {
				log.Error("the policy stays as it was", "problem", p.Text, "hint", p.Hint)
			}
		default:
			log.Info("policy applied", "generation", reply.Policy.Generation, "rules", reply.Policy.Rules)
		}
		_ = notify("READY=1")
	}
}

func reportMounts(log *slog.Logger, problems []error, err error) {
	if err != nil {
		log.Error("the mount table cannot be followed", "problem", err)
	}
	for _, p := range problems {
		log.Warn("a mount has no name", "problem", p)
	}
}

// losses are what user space lost: readers, table, store, and connections that were to be ended.
func losses(w *sensor.Watch, m *store.Memory, s *stock, c cut.Counts) map[string]uint64 {
	out := w.Losses()
	l := m.Losses()
	out["events_evicted"], out["verdict_events_evicted"], out["follower_events_dropped"] = l.Evicted, l.Notable, l.Followed
	out["inventory_uses_dropped"] = s.missed.Load()
	out["inventory_changes_untold"] = s.unsaid.Load()
	out["inventory_folders_unwatched"] = uint64(s.keeper.Progress().Unseen)
	out["cuts_dropped"], out["cuts_failed"] = c.Dropped, c.Failed
	return out
}

func sortedNames(m map[string]uint64) []string { return slices.Sorted(maps.Keys(m)) }

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}

// groupID is the group of admin.sock, or -1 for root's alone.
func groupID(name string) int {
	g, err := user.LookupGroup(name)
	if err != nil {
		return -1
	}
	id, err := strconv.Atoi(g.Gid)
	if err != nil {
		return -1
	}
	return id
}
