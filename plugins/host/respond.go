// SPDX-License-Identifier: Apache-2.0

// This file is how rules' responses are carried out: ordered without waiting, tried for a while, and told where they failed.

package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reeve-sensor/reeve/plugins/api"
	pb "github.com/reeve-sensor/reeve/plugins/api/plugin"
)

// order is one response that a rule wants.
type order struct {
	orderKey
	event *api.Event
	until time.Time
}

// orderKey is what makes two orders one: what was ordered for a session and has not begun is not ordered again.
type orderKey struct {
	action  string
	session uint64
}

const (
	ordersMost = 1024             // that may wait
	orderTime  = 30 * time.Second // for an order to be carried out, however often it is tried
	orderPause = 250 * time.Millisecond
	actsMost   = 8 // that a plugin may ask for in one order
)

// order takes an order in, or tells that it cannot. It never waits.
func (w *worker) order(action string, session uint64, e *api.Event) {
	o := &order{orderKey{action, session}, e, w.clock.Now().Add(orderTime)}
	w.mu.Lock()
	known := w.pending[o.orderKey]
	w.pending[o.orderKey] = true
	w.mu.Unlock()
	if known {
		return
	}
	select {
	case w.orders <- o:
	default:
		w.begun(o)
		w.failed(o, errors.New("too many wait"))
	}
}

// begun lets the same be ordered again.
func (w *worker) begun(o *order) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.pending, o.orderKey)
}

// answer carries orders out, one after the other.
func (w *worker) answer(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case o := <-w.orders:
			w.begun(o)
			if err := w.carryOut(ctx, o); err != nil && ctx.Err() == nil {
				w.failed(o, err)
			}
		}
	}
}

func (w *worker) failed(o *order, err error) {
	w.set(func(s *Status) { s.Failed++ })
	w.o.Log.Error("a response failed", "plugin", w.spec.Name, "action", o.action, "session", o.event.Session, "problem", err)
	w.tell(fmt.Sprint(NoticeFailed, o.orderKey), Notice{Name: NoticeFailed, Severity: "high", Session: o.session,
		Message: fmt.Sprintf("response %s to rule %s failed: %s", label(w.spec.Name, o.action), o.event.Rule, oneLine(err.Error()))})
}

func label(plugin, action string) string {
	if action == "" {
		return plugin
	}
	return plugin + ":" + action
}

// carryOut tries until it is done, or its time is over.
func (w *worker) carryOut(ctx context.Context, o *order) error {
	var last error // what went wrong with the plugin says more than that it does not run
	for {
		c, err := w.running(ctx, o.until)
		if err != nil {
			return cmp.Or(last, err)
		}
		if err = w.respond(ctx, c, o); err == nil {
			w.set(func(s *Status) { s.Answered++ })
			return nil
		}
		last = plain(err)
		var said *saidError
		if errors.As(err, &said) || w.clock.Now().After(o.until) {
			return last
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.clock.After(orderPause):
		}
	}
}

// running waits for the plugin to run.
func (w *worker) running(ctx context.Context, until time.Time) (*conn, error) {
	late := w.clock.After(until.Sub(w.clock.Now()))
	for {
		w.mu.Lock()
		c, changed, problem := w.now, w.changed, w.status.Problem
		w.mu.Unlock()
		if c != nil {
			return c, nil
		}
		select {
		case <-changed:
		case <-late:
			return nil, fmt.Errorf("the plugin does not run: %s", problem)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// saidError is the plugin's own word, or the host's, that it will not be done: trying again does not help.
type saidError struct{ text string }

func (e *saidError) Error() string { return e.text }

// respond orders it once, and does what the plugin asks for.
func (w *worker) respond(ctx context.Context, c *conn, o *order) error {
	knows := func(a *pb.Action) bool { return a.Name == o.action }
	if !slices.ContainsFunc(c.about.Actions, knows) {
		if o.action == "" && c.about.Exports {
			return nil // the rule has the event exported
		}
		return &saidError{fmt.Sprintf("plugin %s knows no action %q", w.spec.Name, o.action)}
	}
	ctx, cancel := context.WithTimeout(ctx, w.spec.Timeout)
	defer cancel()
	stream, err := c.rpc.Respond(ctx)
	if err != nil {
		return w.lost(c, err) // it may be ending already
	}
	first := &pb.FromHost{Of: &pb.FromHost_Order{Order: &pb.Order{Action: o.action, Event: o.event.Wire()}}}
	if err := stream.Send(first); err != nil {
		return w.lost(c, err)
	}
	for asked := 0; ; {
		reply, err := stream.Recv()
		if err != nil {
			return w.lost(c, err)
		}
		if done := reply.GetDone(); done != nil {
			return saidOf(done)
		}
		if asked++; asked > actsMost {
			return &saidError{"it asks for too much"}
		}
		acted := &pb.FromHost{Of: &pb.FromHost_Acted{Acted: w.act(ctx, o, reply.GetAct())}}
		if err := stream.Send(acted); err != nil {
			return err
		}
	}
}

func saidOf(done *pb.Done) error {
	if done.Problem == "" {
		return nil
	}
	return &saidError{oneLine(done.Problem)}
}

// lost is the error of a plugin that broke off. One that hangs is ended.
func (w *worker) lost(c *conn, err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("it broke off")
	case status.Code(err) == codes.DeadlineExceeded:
		c.endFor(errHangs)
		return errHangs
	}
	select {
	case <-c.process.ended:
		return c.ending()
	case <-time.After(orderPause):
		return err
	}
}

// act does what the plugin asks for, where it may: what the rule named, and what the configuration lets it ask for.
func (w *worker) act(ctx context.Context, o *order, a *pb.Act) *pb.Acted {
	if a.GetAction() != o.action && !slices.Contains(w.spec.Acts, a.GetAction()) {
		return &pb.Acted{Problem: fmt.Sprintf("plugin %s may not ask for %q: neither the rule nor acts in reeve.toml names it", w.spec.Name, oneLine(a.GetAction()))}
	}
	n, err := w.o.Act(ctx, Act{Plugin: w.spec.Name, Action: a.GetAction(), Reason: oneLine(a.GetReason()), Session: o.session, Event: *o.event})
	if err != nil {
		return &pb.Acted{Processes: uint32(n), Problem: err.Error()}
	}
	return &pb.Acted{Processes: uint32(n)}
}
