// SPDX-License-Identifier: Apache-2.0

// This file wires plugins: events go to those that export, rules to those that respond, and what a plugin asks for goes the
// way that people go.

package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/plugins/api"
	"github.com/reeve-sensor/reeve/plugins/host"
	"github.com/reeve-sensor/reeve/sensor"
	sensorapi "github.com/reeve-sensor/reeve/sensor/api"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// lifeOf tells the events of one daemon from those of the next, which are numbered from 1 again.
func lifeOf(started time.Time) string { return strconv.FormatInt(started.UnixMilli(), 36) }

// plugins opens the host. contain is asked for when the kernel side is there.
func (d *daemon) plugins(log *slog.Logger, h event.Host, contain func() *containment, tell func(event.Said)) (*host.Host, error) {
	opened, err := host.New(host.Options{
		Folders: d.config.Plugins.Folders, Run: filepath.Join(d.config.Run, "plugins"), State: filepath.Join(d.config.State, "queues"),
		QueueBytes: int64(d.config.Plugins.QueueMB) << 20, Plugins: specs(d.config.Plugin), Host: api.Host{Name: h.Name, Version: h.Version},
		Log: log, Tell: func(n host.Notice) {
			tell(event.Said{Name: n.Name, Severity: n.Severity, Message: n.Message, Session: n.Session})
		},
		Act: func(ctx context.Context, a host.Act) (int, error) { return act(ctx, contain(), a) },
		Answers: func(name string, actions []string) {
			d.policies.reportUnanswered(log, enforce.Plugin{Name: name, Actions: actions})
		},
	})
	if err != nil {
		return nil, fmt.Errorf("opening plugins: %w", err)
	}
	d.policies.askPlugins(opened.Status)
	return opened, nil
}

// askPlugins has policies held against what plugins say that they answer to.
func (p *policies) askPlugins(status func() []host.Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plugins = status
}

// told is the configuration with what plugins have said so far.
func (p *policies) told() site.Config {
	p.mu.Lock()
	status := p.plugins
	p.mu.Unlock()
	if status == nil {
		return p.config
	}
	actions := map[string][]string{}
	for _, s := range status() {
		actions[s.Name] = s.Actions
	}
	return p.config.Told(actions)
}

// reportUnanswered logs what the policy in force wants of a plugin that has just said what it can do, and cannot do that.
func (p *policies) reportUnanswered(log *slog.Logger, plugin enforce.Plugin) {
	l := p.now()
	if l == nil {
		return
	}
	for _, problem := range enforce.Unanswered(l.policy, plugin) {
		log.Warn("policy", "problem", problem)
	}
}

func specs(list []site.Plugin) []host.Spec {
	var out []host.Spec
	for _, p := range list {
		out = append(out, host.Spec{
			Name: p.Name, Path: p.Path, SHA256: p.SHA256, User: p.User, Events: host.Choice(p.Events), Timeout: p.Timeout,
			Memory: int64(p.MemoryMB) << 20, Acts: p.Acts, Settings: p.Settings, Secrets: p.Secrets,
		})
	}
	return out
}

// act does what a plugin asks for. What it did, an administrator alone takes back, as with whatever the sensor does itself.
func act(ctx context.Context, c *containment, a host.Act) (int, error) {
	action := sensorapi.Action(a.Action)
	if !slices.Contains(sensorapi.Actions, action) {
		return 0, fmt.Errorf("%q is not one of %v", a.Action, sensorapi.Actions)
	}
	reason := fmt.Sprintf("plugin %s: %s", a.Plugin, event.Redact(a.Reason))
	return c.Take(ctx, sensorapi.Measure{Action: action, Session: a.Session, Family: map[uint64]bool{a.Session: true}, Reason: reason})
}

// outlet is the sink that plugins hang on. It hands on first: the store numbers the event.
type outlet struct {
	next    sensor.Sink
	host    *host.Host
	respond func(*event.Event) []string // what the event's rule wants
	from    event.Host
}

// begin runs the plugins until the function that it returns is called, which is when no more events come.
func (o *outlet) begin() func() error {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- o.host.Run(ctx) }()
	return func() error {
		cancel()
		return <-ended
	}
}

// Append hands on, to plugins too, and waits for nobody. What an earlier daemon acted on is told once more, under the same id, and
// has no second response: somebody may have taken back what the first did. What that daemon had ordered and not had done is lost.
func (o *outlet) Append(e *event.Event) {
	o.next.Append(e)
	words := o.respond(e)
	out := host.Event{Notable: e.Notable(), Make: func() (*api.Event, error) { return o.make(e) }}
	for _, w := range words {
		plugin, _ := enforce.Responder(w)
		out.Chosen = append(out.Chosen, plugin)
	}
	o.host.Export(out)
	if len(words) == 0 || e.Again {
		return
	}
	made, err := o.make(e)
	if err != nil {
		return // the export tells of it
	}
	for _, w := range words {
		plugin, action := enforce.Responder(w)
		o.host.Order(plugin, action, e.ID(), made)
	}
}

// make is the event as plugins know events.
func (o *outlet) make(e *event.Event) (*api.Event, error) {
	raw, err := e.OCSF(o.from)
	if err != nil {
		return nil, err
	}
	out := &api.Event{
		ID: e.UID(o.from), Time: e.Time, Kind: e.Kind.String(), Severity: e.Grade(), Session: e.Session, Agent: e.Agent, User: e.User,
		Op: e.Op, Object: e.Object, Rule: e.Rule, Reason: e.Reason, Message: e.Message(), OCSF: raw,
	}
	if e.Judged() {
		out.Action, out.Applied = e.Head.Action.String(), e.Head.Applied()
	}
	return out, nil
}

// Respond is what the rule behind an event wants of plugins: nothing where the rule was not carried out, since a role that is
// only observed, or break-glass, lets things be.
func (p *policies) Respond(e *event.Event) []string {
	if e.Rule == "" || e.Kind == event.Held || !e.Judged() || e.Head.Switched() || e.Head.Relieved() {
		return nil
	}
	l := p.at(e.Head.Policy)
	if l == nil {
		return nil
	}
	r := l.policy.Rule(e.Rule)
	switch {
	case r == nil:
		return nil
	case e.Head.Action.Refuses() && !e.Head.Applied():
		return nil
	case l.policy.Mode(p.Role(e.Head.Policy, e.Head.Role)) == enforce.Observe:
		return nil
	}
	return r.Respond
}

// pluginStates are the plugins as status shows them.
func pluginStates(h *host.Host) []*pb.Plugin {
	var out []*pb.Plugin
	for _, s := range h.Status() {
		p := &pb.Plugin{
			Name: s.Name, Version: s.Version, State: string(s.State), Problem: s.Problem, Health: s.Health, Sha256: s.SHA256, Pid: uint32(s.PID),
			Restarts: s.Restarts, Exported: s.Exported, Refused: s.Refused, Dropped: s.Dropped, Queued: s.Queued, QueuedBytes: s.Bytes,
			Answered: s.Answered, Failed: s.Failed, Actions: s.Actions,
		}
		if !s.Since.IsZero() {
			p.SinceMs = s.Since.UnixMilli()
		}
		if !s.Until.IsZero() {
			p.UntilMs = s.Until.UnixMilli()
		}
		out = append(out, p)
	}
	return out
}
