// SPDX-License-Identifier: Apache-2.0

// This file begins sessions on request.

package api

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

func (s *server) Run(ctx context.Context, r *pb.RunRequest) (*pb.AdoptReply, error) {
	if err := s.require(r.Require); err != nil {
		return nil, err
	}
	return s.adopt(ctx, callerOf(ctx).PID, r.Agent, r.Role)
}

func (s *server) Adopt(ctx context.Context, r *pb.AdoptRequest) (*pb.AdoptReply, error) {
	if r.Pid <= 1 {
		return nil, status.Errorf(codes.InvalidArgument, "%d: not a process that can be adopted", r.Pid)
	}
	return s.adopt(ctx, r.Pid, r.Agent, r.Role)
}

// coverages are ordered by how much is held.
var coverages = []string{"observe", "network", "full"}

func rank(coverage string) int {
	for i, c := range coverages {
		if c == coverage {
			return i
		}
	}
	return -1
}

func (s *server) require(coverage string) error {
	if coverage == "" {
		return nil
	}
	if rank(coverage) < 0 {
		return status.Errorf(codes.InvalidArgument, "coverage %q: one of full, network, observe", coverage)
	}
	if have := s.Kernel.Coverage(); rank(have) < rank(coverage) {
		return status.Errorf(codes.FailedPrecondition, "coverage is %s, %s is required", have, coverage)
	}
	return nil
}

// adopt makes a process a session. A user adopts its own processes, in the role that policy gives it.
func (s *server) adopt(ctx context.Context, pid uint32, agent, role string) (*pb.AdoptReply, error) {
	c := callerOf(ctx)
	owner, err := s.Kernel.Owner(pid)
	if err != nil {
		return nil, status.Errorf(codes.NotFound, "no process %d", pid)
	}
	if s.door != Admin && owner != c.UID {
		return nil, status.Errorf(codes.PermissionDenied, "process %d belongs to %s", pid, s.Table.User(owner))
	}
	a := Adoption{PID: pid, UID: owner, Role: s.Policies.RoleOf(owner), Unclaimed: agent == ""}
	if agent != "" {
		entry := s.Catalogue.ByName(agent)
		if entry == nil {
			return nil, status.Errorf(codes.InvalidArgument, "no agent %q in the catalogue", agent)
		}
		a.Agent = entry.ID
	}
	if role != "" {
		if s.door != Admin {
			return nil, status.Error(codes.PermissionDenied, "only administrators choose a role")
		}
		index, ok := s.Policies.RoleByName(role)
		if !ok {
			return nil, status.Errorf(codes.InvalidArgument, "the policy has no role %q", role)
		}
		a.Role = index
	}
	id, err := s.Kernel.Adopt(ctx, a)
	if err != nil {
		return nil, status.Error(codes.FailedPrecondition, err.Error())
	}
	return &pb.AdoptReply{Id: s.Boot.ID(id), Coverage: s.Kernel.Coverage()}, nil
}
