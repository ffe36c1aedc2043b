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
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/procfs"
	"github.com/reeve-sensor/reeve/sensor/session"
	"github.com/reeve-sensor/reeve/sensor/store"
)

// daemon is what is known before the kernel is touched.
type daemon struct {
	config   site.Config
	agents   *inventory.Catalogue
	policies *policies
	first    *live
	warnings enforce.Problems
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
	agents, err := inventory.Load(c.Agents)
	if err != nil {
		return nil, err
	}
	d := &daemon{config: c, agents: agents, policies: newPolicies(c, agents)}
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

// open puts policy and programs into the kernel, membership first.
func (d *daemon) open(ctx context.Context, log *slog.Logger) (*kernel, error) {
	found := sensor.Probe()
	if err := enough(found, d.config.Require); err != nil {
		return nil, err
	}
	if found.Coverage != sensor.Full {
		log.Error("nothing is refused on this kernel", "coverage", found.Coverage, "problem", found.Reason)
	}
	loaded, err := sensor.Load(sensor.Options{TableSize: enforce.TableSize(d.first.image, sensor.MinTableSize)})
	if err != nil {
		return nil, site.Hint(err, doctorHint)
	}
	k := &kernel{Kernel: loaded, applier: enforce.NewApplier(loaded.Objects.Tables, loaded.TableSize), found: found}
	d.policies.target = k
	if err := d.start(ctx, k, log); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

const doctorHint = "reeve doctor says what this kernel allows and what is missing"

// enough refuses to go on below the coverage that is required, and where nothing can run at all.
func enough(found sensor.Finding, require string) error {
	if found.Coverage == sensor.None {
		return site.Hint(fmt.Errorf("this kernel lets no program run: %w", found.Reason), doctorHint)
	}
	// bound: between observe and full there is network, which no build reaches yet.
	if found.Coverage != sensor.Full && (require == "full" || require == "network") {
		return site.Hint(fmt.Errorf("coverage is %s, %s is required: %w", found.Coverage, require, found.Reason), doctorHint)
	}
	return nil
}

func (d *daemon) start(ctx context.Context, k *kernel, log *slog.Logger) error {
	problems, err := k.SyncMounts()
	if err != nil {
		return err
	}
	for _, p := range problems {
		log.Warn("a mount has no name", "problem", p)
	}
	if err := d.policies.put(d.first); err != nil {
		return fmt.Errorf("applying the policy: %w", err)
	}
	for _, a := range d.agents.Agents {
		for _, name := range a.Applets {
			if err := k.SetApplet(a.ID, name); err != nil {
				return err
			}
		}
	}
	if err := k.Attach(); err != nil {
		return err
	}
	_, err = k.SeedAgents(ctx)
	return err
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
	k, err := d.open(ctx, log)
	if err != nil {
		return err
	}
	events := store.NewMemory(d.config.Memory.EventsMB << 20)
	limits := session.DefaultLimits
	limits.Sessions = d.config.Memory.Sessions
	watch := sensor.NewWatch(sensor.WatchOptions{
		Catalogue: d.agents, Names: d.policies, Sink: events, Limits: limits, Boot: session.BootOf(boot),
	})
	k.losses = func() map[string]uint64 { return losses(watch, events) }
	err = d.run(ctx, log, k, watch, api.Backend{
		Table: watch, Events: events, Kernel: k, Policies: d.policies, Catalogue: d.agents, Boot: session.BootOf(boot),
		Host: event.Host{Name: hostname(), Version: version}, Started: time.Now(), Notes: k.notes(),
	})
	_ = notify("STOPPING=1")
	return errors.Join(err, k.Close())
}

// run keeps the daemon's loops going until ctx ends or one of them fails.
func (d *daemon) run(ctx context.Context, log *slog.Logger, k *kernel, watch *sensor.Watch, b api.Backend) error {
	verdicts, activity, err := sensor.OpenRings(k.Objects)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wait sync.WaitGroup
	errs := make(chan error, 8)
	loop := func(f func() error) {
		wait.Go(func() {
			if err := f(); err != nil {
				errs <- err
				stop()
			}
		})
	}
	loop(func() error { return watch.Run(ctx, verdicts, activity) })
	loop(func() error { return api.Serve(ctx, d.config.Run, groupID(d.config.Group), b, k.member) })
	loop(func() error { return k.WatchMounts(ctx, func(ps []error, err error) { reportMounts(log, ps, err) }) })
	loop(func() error {
		watchdog(ctx, func() bool { watch.View(func(*session.Table) {}); return true })
		return nil
	})
	loop(func() error { d.reloads(ctx, log); return nil })
	log.Info("ready", "coverage", k.Coverage(), "generation", d.first.image.Generation, "rules", len(d.first.policy.Rules))
	if err := notify("READY=1"); err != nil {
		log.Warn("systemd does not answer", "problem", err)
	}
	<-ctx.Done()
	wait.Wait()
	close(errs)
	for e := range errs {
		err = errors.Join(err, e)
	}
	return err
}

// reloads applies the configured policy at every SIGHUP.
func (d *daemon) reloads(ctx context.Context, log *slog.Logger) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
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

// losses are what user space lost: readers, table and store.
func losses(w *sensor.Watch, m *store.Memory) map[string]uint64 {
	out := w.Losses()
	l := m.Losses()
	out["events_evicted"], out["verdict_events_evicted"], out["follower_events_dropped"] = l.Evicted, l.Notable, l.Followed
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
