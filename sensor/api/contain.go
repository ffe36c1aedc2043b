// SPDX-License-Identifier: Apache-2.0

// This file answers what is done about a session: by hand here, and by rules and plugins on the same way.

package api

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// Action is what is done about a session and all that began inside of it.
type Action string

// The actions. Thaw takes back all that can be.
const (
	Kill    Action = "kill"    // every process ends
	Freeze  Action = "freeze"  // every task stops where it is
	Isolate Action = "isolate" // no network and no socket of others
	Deny    Action = "deny"    // no operation that policy knows
	Thaw    Action = "thaw"
)

// Actions are all of them.
var Actions = []Action{Kill, Freeze, Isolate, Deny, Thaw}

// Measure is an action on a session, with who wants it.
type Measure struct {
	Action  Action
	Session uint64
	Family  map[uint64]bool // the session and what is known to have begun inside of it
	Reason  string
	By      *event.Actor // nil: the sensor itself
	Admin   bool         // may take back what others did
}

// ErrNotYours says that somebody else contained a session, and an administrator alone may let it go on.
var ErrNotYours = errors.New("somebody else contained this session: an administrator lets it go on")

// Containment does what is to be done about sessions.
type Containment interface {
	// Take returns how many processes it reached.
	Take(context.Context, Measure) (int, error)
}

func (s *server) Contain(ctx context.Context, r *pb.ContainRequest) (*pb.ContainReply, error) {
	id, err := s.find(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(Actions, Action(r.Action)) {
		return nil, status.Errorf(codes.InvalidArgument, "%q is not one of %s", r.Action, fmt.Sprint(Actions))
	}
	by := s.actor(ctx)
	n, err := s.Backend.Contain.Take(ctx, Measure{
		Action: Action(r.Action), Session: id, Family: s.family(id), Reason: r.Reason, By: &by, Admin: s.door == Admin,
	})
	switch {
	case errors.Is(err, ErrNotYours):
		return nil, status.Error(codes.PermissionDenied, err.Error())
	case errors.Is(err, ErrSessionOver):
		return nil, status.Errorf(codes.NotFound, "session %s has ended", s.Boot.ID(id))
	case err != nil:
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &pb.ContainReply{Processes: uint32(n)}, nil
}
