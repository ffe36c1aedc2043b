// SPDX-License-Identifier: Apache-2.0

// This file answers the calls. It holds no state: the table, the store, the kernel and the policy do.

package api

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/session"
	"github.com/reeve-sensor/reeve/sensor/store"
)

// Table is where sessions are looked up.
type Table interface {
	View(func(*session.Table))
	Recount() // brings in what the kernel counted and did not tell yet
	User(uid uint32) string
}

// Events is where events are looked up.
type Events interface {
	Query(store.Query) []*event.Event
	Follow(store.Query, func(*event.Event) bool) ([]*event.Event, *store.Follower)
	Len() int
}

// Adoption is a process that shall be a session.
type Adoption struct {
	PID       uint32
	Agent     uint32
	Role      uint32
	UID       uint32
	Unclaimed bool // the first agent that it executes names the session
}

// Kernel is what the calls want of the kernel side.
type Kernel interface {
	Adopt(context.Context, Adoption) (session uint64, err error)
	Owner(pid uint32) (uid uint32, err error) // login uid, else real uid
	Coverage() string
	Programs() []*pb.Program
	Held() (form string, effects []*pb.Effect, degraded bool)
	Counters() ([]*pb.Counter, error)
}

// Policies is what the calls want of the policy in force.
type Policies interface {
	Summary() *pb.Policy
	// Apply and Confirm find in ctx who asks: ActorOf.
	Apply(ctx context.Context, files []*pb.PolicyFile, confirmWithin time.Duration) (*pb.PolicyApplyReply, error)
	Confirm(ctx context.Context) bool
	Text(asJSON bool) string
	RoleName(index uint16) string
	RoleByName(name string) (uint32, bool)
	RoleOf(uid uint32) uint32
	Instead(e *event.Event) string // what may be done instead of what was refused, in words, or ""
}

// Backend is everything behind the doors.
type Backend struct {
	Table     Table
	Events    Events
	Kernel    Kernel
	Policies  Policies
	Glass     Glass
	Contain   Containment
	Catalogue *inventory.Catalogue
	Boot      session.Boot
	Host      event.Host
	Started   time.Time
	Notes     func() []string // shown by status
	Plugins   func() []*pb.Plugin
	Resolvers func() []*pb.Resolver // nil where networks are not judged
	Inventory Inventory             // nil where none is kept
}

type server struct {
	pb.UnimplementedReeveServer
	Backend
	door   Door
	limits *limits
}

// mine reports whether the caller may see a session.
func (s *server) mine(c *Caller, x *session.Session) bool {
	return s.door == Admin || x.User() == c.UID
}

func (s *server) Status(ctx context.Context, _ *pb.StatusRequest) (*pb.StatusReply, error) {
	counters, err := s.Kernel.Counters()
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	reply := &pb.StatusReply{
		Version: s.Host.Version, Coverage: s.Kernel.Coverage(), StartedMs: s.Started.UnixMilli(), Policy: s.Policies.Summary(),
		Programs: s.Kernel.Programs(), Counters: counters, Events: uint64(s.Backend.Events.Len()), Notes: s.Notes(),
		Reliefs: s.reliefs(callerOf(ctx)),
	}
	reply.Form, reply.Effects, reply.Degraded = s.Kernel.Held()
	if s.Plugins != nil {
		reply.Plugins = s.Plugins()
	}
	if s.Resolvers != nil {
		reply.Resolvers = s.Resolvers()
	}
	s.Table.View(func(t *session.Table) {
		for _, x := range t.Sessions() {
			if !x.Over() && s.mine(callerOf(ctx), x) {
				reply.Sessions++
			}
		}
	})
	return reply, nil
}

func (s *server) Sessions(ctx context.Context, r *pb.SessionsRequest) (*pb.SessionsReply, error) {
	reply := &pb.SessionsReply{}
	s.Table.Recount()
	s.Table.View(func(t *session.Table) {
		for _, x := range t.Sessions() {
			if s.mine(callerOf(ctx), x) && (r.All || !x.Over()) {
				reply.Sessions = append(reply.Sessions, s.info(x))
			}
		}
	})
	return reply, nil
}

// find looks a session up that the caller may see. One that it may not see is not there.
func (s *server) find(ctx context.Context, id string) (uint64, error) {
	n, err := s.Boot.Parse(id)
	if err != nil {
		return 0, status.Error(codes.InvalidArgument, err.Error())
	}
	found := false
	s.Table.View(func(t *session.Table) {
		x := t.Session(n)
		found = x != nil && s.mine(callerOf(ctx), x)
	})
	if !found {
		return 0, status.Errorf(codes.NotFound, "no session %s", s.Boot.ID(n))
	}
	return n, nil
}

// timelineMax bounds the events of one answer.
const timelineMax = 2000

func (s *server) Session(ctx context.Context, r *pb.SessionRequest) (*pb.SessionReply, error) {
	id, err := s.find(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	reply := &pb.SessionReply{}
	var family []uint64
	s.Table.Recount()
	s.Table.View(func(t *session.Table) {
		for i, x := range t.Family(id) {
			family = append(family, x.ID)
			if i == 0 {
				reply.Session, reply.Processes = s.info(x), s.processes(t, x)
			} else {
				reply.Children = append(reply.Children, s.info(x))
			}
			s.held(reply, x)
		}
	})
	for _, e := range s.Backend.Events.Query(store.Query{Sessions: family, Limit: timelineMax * 10}) {
		if e.Kind != event.Held && (e.Notable() || e.Command != "") {
			reply.Timeline = append(reply.Timeline, s.event(e, false))
		}
	}
	if n := len(reply.Timeline); n > timelineMax {
		reply.Timeline = reply.Timeline[n-timelineMax:]
	}
	return reply, nil
}

func (s *server) PolicyApply(ctx context.Context, r *pb.PolicyApplyRequest) (*pb.PolicyApplyReply, error) {
	reply, err := s.Policies.Apply(s.withActor(ctx), r.Files, time.Duration(r.ConfirmWithinS)*time.Second)
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return reply, nil
}

func (s *server) PolicyConfirm(ctx context.Context, _ *pb.PolicyConfirmRequest) (*pb.PolicyConfirmReply, error) {
	return &pb.PolicyConfirmReply{Confirmed: s.Policies.Confirm(s.withActor(ctx))}, nil
}

func (s *server) PolicyShow(_ context.Context, q *pb.PolicyShowRequest) (*pb.PolicyShowReply, error) {
	return &pb.PolicyShowReply{Policy: s.Policies.Summary(), Text: s.Policies.Text(q.Json)}, nil
}
