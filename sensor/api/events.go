// SPDX-License-Identifier: Apache-2.0

// This file answers what happened, and why something was refused.

package api

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/session"
	"github.com/reeve-sensor/reeve/sensor/store"
)

func (s *server) Events(r *pb.EventsRequest, stream grpc.ServerStreamingServer[pb.EventsReply]) error {
	q, keep, err := s.query(stream.Context(), r)
	if err != nil {
		return err
	}
	past, f := s.Backend.Events.Follow(q, keep)
	defer f.Close()
	for _, e := range past {
		if !keep(e) {
			continue
		}
		if err := stream.Send(&pb.EventsReply{Event: s.event(e, r.Ocsf)}); err != nil {
			return err
		}
	}
	if !r.Follow {
		return nil
	}
	for {
		select {
		case e := <-f.C:
			if err := stream.Send(&pb.EventsReply{Event: s.event(e, r.Ocsf), Lost: f.Lost()}); err != nil {
				return err
			}
		case <-stream.Context().Done():
			return nil
		}
	}
}

// query turns a request into what the store is asked, and what the caller may see of the answer.
func (s *server) query(ctx context.Context, r *pb.EventsRequest) (store.Query, func(*event.Event) bool, error) {
	q := store.Query{Limit: int(r.Limit), Notable: !r.All && len(r.Kinds) == 0}
	if r.SinceMs != 0 {
		q.Since = time.UnixMilli(r.SinceMs)
	}
	for _, name := range r.Kinds {
		k, ok := event.ParseKind(name)
		if !ok {
			return q, nil, status.Errorf(codes.InvalidArgument, "no kind of event %q", name)
		}
		q.Kinds = append(q.Kinds, k)
	}
	if r.Session != "" {
		id, err := s.find(ctx, r.Session)
		if err != nil {
			return q, nil, err
		}
		q.Sessions = []uint64{id}
	}
	c := callerOf(ctx)
	keep := func(e *event.Event) bool {
		return q.Matches(e) && (s.door == Admin || s.own(c, e.ID()))
	}
	return q, keep, nil
}

func (s *server) own(c *Caller, id uint64) bool {
	own := false
	s.Table.View(func(t *session.Table) {
		x := t.Session(id)
		own = x != nil && s.mine(c, x)
	})
	return own
}

// whyMax bounds how many refusals are told at once.
const whyMax = 50

func (s *server) Why(ctx context.Context, r *pb.WhyRequest) (*pb.WhyReply, error) {
	id := callerOf(ctx).Session
	if s.door != Inside {
		found, err := s.latest(ctx, r.Session)
		if err != nil {
			return nil, err
		}
		id = found
	} else if id == 0 {
		return nil, status.Error(codes.FailedPrecondition, "the caller is in no session")
	} else if !s.limits.take(id) {
		return nil, status.Error(codes.ResourceExhausted, "asked too often")
	}
	n := min(max(int(r.Last), 1), whyMax)
	reply := &pb.WhyReply{Session: s.Boot.ID(id)}
	events := s.Backend.Events.Query(store.Query{Sessions: []uint64{id}, Notable: true})
	for i := len(events) - 1; i >= 0 && len(reply.Refusals) < n; i-- {
		if e := events[i]; e.Judged() && e.Kind != event.Held && e.Head.Action.Refuses() {
			reply.Refusals = append(reply.Refusals, s.event(e, false))
			reply.Allowed = append(reply.Allowed, s.Policies.Instead(e))
		}
	}
	return reply, nil
}

// latest is the session that a caller outside of sessions means: the one it names, or the newest that it may see.
func (s *server) latest(ctx context.Context, id string) (uint64, error) {
	if id != "" {
		return s.find(ctx, id)
	}
	var found uint64
	s.Table.View(func(t *session.Table) {
		for _, x := range t.Sessions() {
			if found == 0 && s.mine(callerOf(ctx), x) {
				found = x.ID
			}
		}
	})
	if found == 0 {
		return 0, status.Error(codes.NotFound, "no session yet")
	}
	return found, nil
}
