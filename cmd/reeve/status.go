// SPDX-License-Identifier: Apache-2.0

// This file shows how the daemon is.

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/reeve-sensor/reeve/sensor"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

// statusCommand shows how the daemon is.
func statusCommand(ctx context.Context, e *env, args []string) error {
	f := e.flags("status")
	asJSON := f.Bool("json", false, "one object")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if err := count("status", rest, 0, 0, "no argument"); err != nil {
		return err
	}
	c, err := e.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := c.Status(ctx, &pb.StatusRequest{})
	if err != nil {
		return told(err)
	}
	if *asJSON {
		return errors.Join(writeJSON(e.stdout, statusJSON(s)), degraded(s))
	}
	printStatus(e, s, time.Now())
	return degraded(s)
}

// degraded is the exit status of a daemon that holds less than at its start.
func degraded(s *pb.StatusReply) error {
	if s.Degraded {
		return &exit{code: exitNo}
	}
	return nil
}

func printStatus(e *env, s *pb.StatusReply, now time.Time) {
	coverage := e.paint.green(s.Coverage)
	switch s.Coverage {
	case string(sensor.Full):
	case string(sensor.Network):
		coverage = e.paint.amber(s.Coverage) + "  only what goes over networks is blocked; `reeve doctor` says why"
	default:
		coverage = e.paint.red(s.Coverage) + "  nothing is blocked; `reeve doctor` says why"
	}
	row := func(what, text string) { fmt.Fprintf(e.stdout, "%s  %s\n", e.paint.dim(pad(what, 9)), text) }
	row("reeved", fmt.Sprintf("%s, up %s", s.Version, strings.TrimSuffix(since(s.StartedMs, now), " ago")))
	row("coverage", coverage)
	if p := s.Policy; p != nil {
		row("policy", fmt.Sprintf("generation %d, base %s, %s, %s, %d KB, applied %s", p.Generation, p.Base, plural(int(p.Rules), "rule"), plural(int(p.Roles), "role"), p.Bytes>>10, since(p.AppliedMs, now)))
		if p.Fault != "" {
			row("", e.paint.red(safe(p.Fault)))
		}
	}
	for _, r := range s.Reliefs {
		row("GLASS", e.paint.red("broken: "+safe(reliefRow(r, now))))
	}
	row("programs", fmt.Sprintf("%d attached as %s", attached(s.Programs), s.Form))
	for _, state := range []string{"held", "seen", "not seen"} {
		if ops := operationsThatAre(s.Effects, state); ops != "" {
			row(state, ops)
		}
	}
	if len(s.Resolvers) > 0 {
		row("resolvers", resolversText(s.Resolvers))
	}
	row("sessions", fmt.Sprintf("%d live, %d events held", s.Sessions, s.Events))
	var facts, losses []string
	for _, c := range s.Counters {
		text := fmt.Sprintf("%s %d", c.Name, c.Value)
		if !c.Loss {
			facts = append(facts, text)
		} else if c.Value > 0 {
			losses = append(losses, text)
		}
	}
	row("counters", strings.Join(facts, ", "))
	if len(losses) == 0 {
		row("losses", "none")
	} else {
		row("losses", e.paint.amber(strings.Join(losses, ", ")))
	}
	printPlugins(e, s.Plugins, now, row)
	for _, n := range s.Notes {
		row("note", safe(n))
	}
}

// resolversText is who answers for names, and who says so.
func resolversText(list []*pb.Resolver) string {
	var out []string
	for _, r := range list {
		out = append(out, fmt.Sprintf("%s (%s)", r.Address, r.From))
	}
	return strings.Join(out, ", ")
}

// operationsThatAre lists the operations in one state.
func operationsThatAre(effects []*pb.Effect, state string) string {
	var ops []string
	for _, x := range effects {
		if x.State == state {
			ops = append(ops, x.Op)
		}
	}
	return strings.Join(ops, ", ")
}

func attached(programs []*pb.Program) int {
	n := 0
	for _, p := range programs {
		if p.Attached {
			n++
		}
	}
	return n
}

func statusJSON(s *pb.StatusReply) map[string]any {
	counters := map[string]uint64{}
	losses := map[string]uint64{}
	for _, c := range s.Counters {
		if c.Loss {
			losses[c.Name] = c.Value
		} else {
			counters[c.Name] = c.Value
		}
	}
	programs := []map[string]any{}
	for _, p := range s.Programs {
		programs = append(programs, map[string]any{"name": p.Name, "hook": p.Hook, "attached": p.Attached})
	}
	reliefs := []map[string]any{}
	for _, r := range s.Reliefs {
		reliefs = append(reliefs, reliefJSON(r))
	}
	names := []map[string]any{}
	for _, r := range s.Resolvers {
		names = append(names, map[string]any{"address": r.Address, "from": r.From})
	}
	return map[string]any{
		"reliefs": reliefs, "resolvers": names,
		"version": s.Version, "coverage": s.Coverage, "started": time.UnixMilli(s.StartedMs).UTC(), "policy": policyJSON(s.Policy),
		"programs": programs, "sessions": s.Sessions, "events": s.Events, "counters": counters, "losses": losses, "notes": s.Notes,
		"form": s.Form, "operations": effectsJSON(s.Effects), "degraded": s.Degraded,
		"plugins": pluginsJSON(s.Plugins),
	}
}

func policyJSON(p *pb.Policy) map[string]any {
	if p == nil {
		return nil
	}
	return map[string]any{
		"generation": p.Generation, "base": p.Base, "files": p.Files, "rules": p.Rules, "roles": p.Roles, "bytes": p.Bytes,
		"applied": time.UnixMilli(p.AppliedMs).UTC(), "fault": p.Fault,
	}
}

func effectsJSON(effects []*pb.Effect) map[string]string {
	out := map[string]string{}
	for _, x := range effects {
		out[x.Op] = x.State
	}
	return out
}
