// SPDX-License-Identifier: Apache-2.0

// This file answers about the inventory, and takes decisions about what is in it.

package api

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/approve"
	"github.com/reeve-sensor/reeve/sensor/inventory/risk"
)

// Inventory is what the calls want of the inventory.
type Inventory interface {
	// Items are everything that is known, with what was decided about it.
	Items() ([]inventory.Item, error)
	Earlier() ([]inventory.Item, time.Time)
	State() *pb.InventoryState
	Refresh()
	// Decide keeps a decision about the items that a request means, and gives them as they were before.
	Decide(q *approve.Request, by event.Actor) ([]inventory.Item, error)
	// Places are the running sessions, as places where items come together.
	Places() []risk.Place
}

// passMax bounds the wait for a full pass.
const passMax = 10 * time.Minute

func (s *server) Inventory(r *pb.InventoryRequest, out pb.Reeve_InventoryServer) error {
	if s.Backend.Inventory == nil {
		return status.Error(codes.FailedPrecondition, "no inventory is kept")
	}
	if r.Refresh {
		if s.door != Admin {
			return status.Error(codes.PermissionDenied, "a full pass is for administrators")
		}
		if err := s.pass(out); err != nil {
			return err
		}
	}
	state := s.Backend.Inventory.State()
	items, err := s.Backend.Inventory.Items()
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	if r.Earlier {
		var at time.Time
		items, at = s.Backend.Inventory.Earlier()
		state.EndedMs = millis(at)
	}
	if err := out.Send(&pb.InventoryReply{State: state}); err != nil {
		return err
	}
	return s.sendItems(r, out, s.visible(out.Context(), items))
}

// pass waits for a full pass, and tells how it goes.
func (s *server) pass(out pb.Reeve_InventoryServer) error {
	before := s.Backend.Inventory.State().EndedMs
	s.Backend.Inventory.Refresh()
	limit := time.After(passMax)
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		state := s.Backend.Inventory.State()
		if state.EndedMs > before && !state.Passing {
			return nil
		}
		if err := out.Send(&pb.InventoryReply{State: state}); err != nil {
			return err
		}
		select {
		case <-out.Context().Done():
			return out.Context().Err()
		case <-limit:
			return status.Errorf(codes.DeadlineExceeded, "the pass goes on, at %s", state.Place)
		case <-tick.C:
		}
	}
}

// visible are the items that a caller may see: its own and the machine's; an administrator all.
func (s *server) visible(ctx context.Context, items []inventory.Item) []inventory.Item {
	if s.door == Admin {
		return items
	}
	name := s.Table.User(callerOf(ctx).UID)
	var out []inventory.Item
	for _, it := range items {
		if it.Owner == name || it.Owner == "system" {
			out = append(out, it)
		}
	}
	return out
}

func (s *server) sendItems(r *pb.InventoryRequest, out pb.Reeve_InventoryServer, items []inventory.Item) error {
	for i := range items {
		raw, err := json.Marshal(&items[i])
		if err != nil {
			return status.Error(codes.Internal, err.Error())
		}
		if err := out.Send(&pb.InventoryReply{Item: string(raw)}); err != nil {
			return err
		}
	}
	if !r.Exposure {
		return nil
	}
	places := risk.Places(items)
	name := s.Table.User(callerOf(out.Context()).UID)
	for _, p := range s.Backend.Inventory.Places() {
		if s.door == Admin || p.User == name {
			places = append(places, p)
		}
	}
	for _, p := range places {
		raw, err := json.Marshal(risk.Expose(p, items))
		if err != nil {
			return status.Error(codes.Internal, err.Error())
		}
		if err := out.Send(&pb.InventoryReply{Exposure: string(raw)}); err != nil {
			return err
		}
	}
	return nil
}

// refusals are the reasons for which nothing is decided, as the answer names them.
var refusals = []struct {
	err  error
	name string
}{{approve.ErrNone, "none"}, {approve.ErrAmbiguous, "ambiguous"}, {approve.ErrLoose, "loose"}, {approve.ErrUnknown, "unknown"}}

func (s *server) Approve(ctx context.Context, r *pb.ApproveRequest) (*pb.ApproveReply, error) {
	if s.Backend.Inventory == nil {
		return nil, status.Error(codes.FailedPrecondition, "no inventory is kept")
	}
	q, err := request(r)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	items, err := s.Backend.Inventory.Decide(q, s.actor(ctx))
	reply := &pb.ApproveReply{}
	for i := range items {
		raw, err := json.Marshal(&items[i])
		if err != nil {
			return nil, status.Error(codes.Internal, err.Error())
		}
		reply.Items = append(reply.Items, string(raw))
	}
	if err == nil {
		return reply, nil
	}
	for _, known := range refusals {
		if errors.Is(err, known.err) {
			reply.Refused, reply.Message = known.name, err.Error()
			return reply, nil
		}
	}
	return nil, status.Error(codes.Internal, err.Error())
}

func request(r *pb.ApproveRequest) (*approve.Request, error) {
	q := &approve.Request{State: approve.State(r.State), Kind: inventory.Kind(r.Kind), Name: r.Name, Owner: r.Owner, File: r.File, Digest: r.Digest, Reason: r.Reason}
	switch {
	case q.State != approve.Approved && q.State != approve.Pinned && q.State != approve.Revoked:
		return nil, errors.New("approved, pinned or revoked is expected")
	case !q.Kind.Governed() || q.Name == "":
		return nil, errors.New("a kind and a name are expected")
	case len(q.Reason) > ReasonMax:
		return nil, errors.New("the reason is too long")
	}
	return q, nil
}
