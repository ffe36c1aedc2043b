// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/approve"
	"github.com/reeve-sensor/reeve/sensor/inventory/risk"
)

// stock is an inventory of alice, who is the caller, of bob and of the machine.
type stock struct {
	passes  int
	decided *approve.Request
	by      event.Actor
}

func (s *stock) Items() ([]inventory.Item, error) {
	var items []inventory.Item
	for _, owner := range []string{"alice", "bob", "system"} {
		it := inventory.Item{Kind: inventory.KindConnector, Name: owner + "s-github", Owner: owner, Agents: []string{"codex"}}
		it.Identity.Command = []string{"/opt/" + owner}
		it.Digest = it.Identity.Digest()
		risk.Judge(&it)
		items = append(items, it)
	}
	return items, nil
}
func (s *stock) Earlier() ([]inventory.Item, time.Time) { return nil, at(7) }
func (s *stock) State() *pb.InventoryState {
	return &pb.InventoryState{EndedMs: int64(s.passes + 1), Projects: 3}
}
func (s *stock) Refresh() { s.passes++ }
func (s *stock) Decide(q *approve.Request, by event.Actor) ([]inventory.Item, error) {
	s.decided, s.by = q, by
	items, _ := s.Items()
	return approve.Choose(items, q)
}
func (s *stock) Places() []risk.Place {
	return []risk.Place{{User: "alice", Agent: "codex", Session: "3f2a-1"}, {User: "bob", Agent: "codex", Session: "3f2a-3"}}
}

// ask gives the answer's state, the owners of its items and the sessions of what they bring together.
func ask(t *testing.T, c *Client, r *pb.InventoryRequest) (state *pb.InventoryState, owners, sessions []string, err error) {
	t.Helper()
	answer, err := c.Inventory(context.Background(), r)
	for err == nil {
		var reply *pb.InventoryReply
		if reply, err = answer.Recv(); err != nil {
			break
		}
		switch {
		case reply.Item != "":
			var it inventory.Item
			if err := json.Unmarshal([]byte(reply.Item), &it); err != nil {
				t.Fatal(err)
			}
			owners = append(owners, it.Owner)
		case reply.Exposure != "":
			var x risk.Exposure
			if err := json.Unmarshal([]byte(reply.Exposure), &x); err != nil {
				t.Fatal(err)
			}
			if x.Session != "" {
				sessions = append(sessions, x.Session)
			}
		default:
			state = reply.State
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return state, owners, sessions, err
}

func TestUsersSeeTheirOwnInventory(t *testing.T) {
	f := serve(t, 0)
	admin, own := f.dial(t, Admin), f.dial(t, Own)
	state, owners, sessions, err := ask(t, admin, &pb.InventoryRequest{Exposure: true})
	if err != nil || strings.Join(owners, " ") != "alice bob system" || strings.Join(sessions, " ") != "3f2a-1 3f2a-3" || state.Projects != 3 {
		t.Errorf("%v %v %v %v", state, owners, sessions, err)
	}
	_, owners, sessions, err = ask(t, own, &pb.InventoryRequest{Exposure: true})
	if err != nil || strings.Join(owners, " ") != "alice system" || strings.Join(sessions, " ") != "3f2a-1" {
		t.Errorf("%v %v %v", owners, sessions, err)
	}
	if state, _, _, err = ask(t, admin, &pb.InventoryRequest{Earlier: true}); err != nil || state.EndedMs != at(7).UnixMilli() {
		t.Errorf("%v %v", state, err)
	}
	if state, _, _, err = ask(t, admin, &pb.InventoryRequest{Refresh: true}); err != nil || state.EndedMs != 2 {
		t.Errorf("%v %v", state, err)
	}
	if _, _, _, err = ask(t, own, &pb.InventoryRequest{Refresh: true}); status.Code(err) != codes.PermissionDenied {
		t.Errorf("a user had everything passed over: %v", err)
	}
}

func TestApprovalsAreForAdministrators(t *testing.T) {
	f := serve(t, 0)
	ctx := context.Background()
	r := &pb.ApproveRequest{State: "approved", Kind: "connector", Name: "bobs-github", Reason: "reviewed"}
	if _, err := f.dial(t, Own).Approve(ctx, r); status.Code(err) != codes.PermissionDenied {
		t.Errorf("a user approved: %v", err)
	}
	if _, err := f.dial(t, Inside).Approve(ctx, r); status.Code(err) != codes.PermissionDenied {
		t.Errorf("from inside: %v", err)
	}
	c := f.dial(t, Admin)
	reply, err := c.Approve(ctx, r)
	if err != nil || reply.Refused != "" || len(reply.Items) != 1 || f.stock.decided.Reason != "reviewed" || f.stock.by.User != "alice" {
		t.Errorf("%v %v %+v", reply, err, f.stock)
	}
	for name, tc := range map[string]struct {
		change  func(*pb.ApproveRequest)
		refused string
		code    codes.Code
	}{
		"nothing of the name": {func(r *pb.ApproveRequest) { r.Name = "x" }, "none", codes.OK},
		"no state":            {func(r *pb.ApproveRequest) { r.State = "pending" }, "", codes.InvalidArgument},
		"no kind":             {func(r *pb.ApproveRequest) { r.Kind = "file" }, "", codes.InvalidArgument},
		"a long reason":       {func(r *pb.ApproveRequest) { r.Reason = strings.Repeat("x", ReasonMax+1) }, "", codes.InvalidArgument},
	} {
		r := &pb.ApproveRequest{State: "approved", Kind: "connector", Name: "bobs-github"}
		tc.change(r)
		reply, err := c.Approve(ctx, r)
		if status.Code(err) != tc.code || reply.GetRefused() != tc.refused {
			t.Errorf("%s: %v %v", name, reply, err)
		}
	}
	// Whoever is a session's process by now approves nothing, whatever its uid.
	f.inside.Store(1)
	if _, err := c.Approve(ctx, r); status.Code(err) != codes.PermissionDenied {
		t.Errorf("a session approved: %v", err)
	}
	if slices.Contains(answers["Approve"], Own) || slices.Contains(answers["Approve"], Inside) {
		t.Error("another door answers")
	}
}
