// SPDX-License-Identifier: Apache-2.0

// This file answers break-glass: an administrator lets pass for a time what policy refuses.

package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/session"
)

// The bounds of break-glass.
const (
	ReliefLeast = time.Minute
	ReliefMost  = 24 * time.Hour
	ReasonMax   = 500 // bytes
)

// Place is where policy refuses nothing for a time: a role, a session, or the whole host where it is neither.
type Place struct {
	Role    string `json:"role,omitempty"`
	Session uint64 `json:"session,omitempty"`
}

// Relief is break-glass in force.
type Relief struct {
	Place
	Began, Until time.Time
	Reason       string
	By           event.Actor
}

// ErrSessionOver says that there is no task left that could be relieved.
var ErrSessionOver = errors.New("the session has ended")

// Glass is what the calls want of break-glass. family are the session and its children.
type Glass interface {
	Begin(p Place, family map[uint64]bool, lasts time.Duration, reason string, by event.Actor) (Relief, error)
	End(p Place, by event.Actor) (bool, error)
	Reliefs() []Relief
}

func (s *server) BreakGlass(ctx context.Context, r *pb.BreakGlassRequest) (*pb.BreakGlassReply, error) {
	if s.Glass == nil {
		return nil, status.Error(codes.FailedPrecondition, "there is no kernel side to relieve")
	}
	p, family, err := s.place(ctx, r)
	if err != nil {
		return nil, err
	}
	by := s.actor(ctx)
	if r.End {
		ended, err := s.Glass.End(p, by)
		if err != nil {
			return nil, status.Error(codes.Internal, err.Error())
		}
		return &pb.BreakGlassReply{Ended: ended}, nil
	}
	lasts, reason := time.Duration(r.ForS)*time.Second, strings.TrimSpace(r.Reason)
	if err := CheckRelief(lasts, reason); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	began, err := s.Glass.Begin(p, family, lasts, reason, by)
	switch {
	case errors.Is(err, ErrSessionOver):
		return nil, status.Error(codes.FailedPrecondition, err.Error())
	case err != nil:
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &pb.BreakGlassReply{Relief: s.relief(began)}, nil
}

// CheckRelief holds the bounds of break-glass.
func CheckRelief(lasts time.Duration, reason string) error {
	switch {
	case lasts < ReliefLeast || lasts > ReliefMost:
		return fmt.Errorf("%s: not between %s and %s", short(lasts), short(ReliefLeast), short(ReliefMost))
	case reason == "":
		return errors.New("a reason is required")
	case len(reason) > ReasonMax:
		return fmt.Errorf("a reason of %d bytes, %d are kept", len(reason), ReasonMax)
	}
	return nil
}

// short is a time without its empty end: 15m0s is 15m.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// place reads which one of the three is meant.
func (s *server) place(ctx context.Context, r *pb.BreakGlassRequest) (p Place, family map[uint64]bool, err error) {
	named := 0
	for _, is := range []bool{r.Host, r.Role != "", r.Session != ""} {
		if is {
			named++
		}
	}
	if named != 1 {
		return p, nil, status.Error(codes.InvalidArgument, "one of the host, a role and a session is expected")
	}
	if _, ok := s.Policies.RoleByName(r.Role); r.Role != "" && !ok {
		return p, nil, status.Errorf(codes.InvalidArgument, "the policy has no role %q", r.Role)
	}
	p.Role = r.Role
	if r.Session == "" {
		return p, nil, nil
	}
	if p.Session, err = s.find(ctx, r.Session); err != nil {
		return p, nil, err
	}
	return p, s.family(p.Session), nil
}

// family are a session and all that began inside of it.
func (s *server) family(id uint64) map[uint64]bool {
	ids := map[uint64]bool{}
	s.Table.View(func(t *session.Table) {
		for _, x := range t.Family(id) {
			ids[x.ID] = true
		}
	})
	return ids
}

func (s *server) relief(r Relief) *pb.Relief {
	return &pb.Relief{
		Role: r.Role, Session: s.Boot.ID(r.Session), UntilMs: millis(r.Until), BeganMs: millis(r.Began), Reason: r.Reason, By: r.By.String(),
	}
}

// reliefs are those that the caller may know of: of the host and of roles everyone, of a session who may see it.
func (s *server) reliefs(c *Caller) []*pb.Relief {
	if s.Glass == nil {
		return nil
	}
	var out []*pb.Relief
	for _, r := range s.Glass.Reliefs() {
		if r.Session == 0 || s.door == Admin || s.own(c, r.Session) {
			out = append(out, s.relief(r))
		}
	}
	return out
}
