// SPDX-License-Identifier: Apache-2.0

// This file brings the kernel side up, or adopts what an earlier daemon left, and leaves it as the configuration says.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
)

const doctorHint = "reeve doctor says what this kernel allows and what is missing"

// open puts policy and programs into the kernel, membership first.
func (d *daemon) open(ctx context.Context, log *slog.Logger) (*kernel, error) {
	pins := d.pins(log)
	if err := d.follow(pins, log); err != nil {
		return nil, err
	}
	d.first = d.policies.first(d.first)
	k := &kernel{}
	o := sensor.Options{TableSize: enforce.TableSize(d.first.image, sensor.MinTableSize), Pins: pins, Cgroup: d.cgroup}
	loaded, found, err := sensor.Start(ctx, o, func(loaded *sensor.Kernel) error {
		k.Kernel, k.applier = loaded, enforce.NewApplier(loaded.Maps.Tables, loaded.TableSize)
		d.policies.target = k
		return d.prepare(k, log)
	})
	if err != nil {
		return nil, site.Hint(err, doctorHint)
	}
	k.guard = &guard{kernel: loaded, pins: pins, best: found.Coverage, found: found, log: log}
	switch found.Coverage {
	case sensor.Network:
		log.Error("only what goes over networks is refused on this kernel", "coverage", found.Coverage, "problem", found.Reason)
	case sensor.Observe:
		log.Error("nothing is refused on this kernel", "coverage", found.Coverage, "problem", found.Reason)
	}
	if found.Passed != nil {
		log.Warn("programs that hold more could not be used", "used", found.Form, "problem", found.Passed)
	}
	err = errors.Join(enough(found, d.config.Require), loaded.Guard())
	if err == nil {
		_, err = loaded.SeedAgents(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

// pins is where everything is pinned; nowhere, and loudly so, where that cannot be.
func (d *daemon) pins(log *slog.Logger) sensor.Pins {
	pins := sensor.Pins(d.config.Pins)
	if err := pins.Usable(); err != nil {
		log.Error("enforcement will end with this daemon", "problem", err)
		return ""
	}
	return pins
}

// follow goes on with the numbers of the policy that an earlier daemon left in force: running sessions carry them.
func (d *daemon) follow(pins sensor.Pins, log *slog.Logger) error {
	tables, err := pins.Tables()
	if err != nil {
		log.Warn("what an earlier daemon left cannot be read", "problem", err)
		return nil
	}
	for _, table := range tables {
		n, err := enforce.ReadNumbers(table)
		if err != nil {
			log.Warn("the policy in force is of another build: sessions get the roles of their users", "problem", err)
			continue
		}
		d.policies.follow(n)
	}
	l, ps := d.policies.read(nil)
	if l == nil {
		return ps.Errors()
	}
	d.first = l
	return nil
}

// prepare fills what programs look at before they are attached.
func (d *daemon) prepare(k *kernel, log *slog.Logger) error {
	problems, err := k.SyncMounts()
	if err != nil {
		return err
	}
	for _, p := range problems {
		log.Warn("a mount has no name", "problem", p)
	}
	if err := d.names.Fill(k.Kernel); err != nil {
		return err
	}
	if err := d.policies.put(d.first); err != nil {
		return fmt.Errorf("applying the policy: %w", err)
	}
	d.starts.begin(k, time.Now())
	d.skills.begin(k, time.Now())
	if err := d.builds.Fill(k.Kernel); err != nil {
		return err
	}
	for _, a := range d.agents.Agents {
		for _, name := range a.Applets {
			if err := k.SetApplet(a.ID, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// enough refuses to go on below the coverage that is required, and where nothing can run at all.
func enough(found sensor.Finding, require string) error {
	if found.Coverage == sensor.None {
		return site.Hint(fmt.Errorf("this kernel lets no program run: %w", found.Reason), doctorHint)
	}
	if !found.Coverage.Reaches(sensor.Coverage(require)) {
		return site.Hint(fmt.Errorf("coverage is %s, %s is required: %w", found.Coverage, require, found.Reason), doctorHint)
	}
	return nil
}

// leave ends the daemon's part: what is pinned goes on, unless the configuration wants it gone.
func (d *daemon) leave(k *kernel, log *slog.Logger) error {
	if pins := k.guard.pins; d.config.OnDaemonExit == "keep" && pins != "" {
		log.Info("stopped; what sits in the kernel goes on", "pins", string(pins))
		return k.Close()
	}
	err := k.Close()
	_, releaseErr := k.guard.pins.Release()
	err = errors.Join(err, releaseErr, sensor.ThawAll()) // in this order: as long as programs sit, forks of what goes on are refused
	if err == nil {
		log.Warn("stopped; nothing is held any more")
	}
	return err
}

// release takes away what daemons left: what is pinned, and what is frozen. None may run.
func release(o options, stdout io.Writer) error {
	c, err := site.ReadConfig(o.config)
	if err != nil {
		return err
	}
	held, err := lock(c.Run)
	if err != nil {
		return site.Hint(err, "systemctl stop reeved")
	}
	defer held.Close()
	n, err := sensor.Pins(c.Pins).Release()
	if err = errors.Join(err, sensor.ThawAll()); err != nil {
		return err
	}
	if n == 0 {
		fmt.Fprintf(stdout, "nothing is pinned under %s\n", c.Pins)
		return nil
	}
	fmt.Fprintf(stdout, "released what was pinned under %s: no agent is watched or held any more\n", c.Pins)
	return nil
}
