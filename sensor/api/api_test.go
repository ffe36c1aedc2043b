// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reeve-sensor/reeve/bpf"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/session"
	"github.com/reeve-sensor/reeve/sensor/store"
)

type table struct{ *session.Table }

func (t table) View(f func(*session.Table)) { f(t.Table) }
func (t table) Recount()                    {}
func (t table) User(uint32) string          { return "alice" }

type kernel struct {
	adopted  Adoption
	taken    Measure
	coverage string
	owner    uint32
}

func (k *kernel) Adopt(_ context.Context, a Adoption) (uint64, error) { k.adopted = a; return 33, nil }
func (k *kernel) Take(_ context.Context, m Measure) (int, error) {
	k.taken = m
	if m.Reason == "not mine" {
		return 0, ErrNotYours
	}
	return len(m.Family), nil
}
func (k *kernel) Owner(uint32) (uint32, error)       { return k.owner, nil }
func (k *kernel) Coverage() string                   { return k.coverage }
func (k *kernel) Programs() []*pb.Program            { return nil }
func (k *kernel) Held() (string, []*pb.Effect, bool) { return "lsm", nil, false }
func (k *kernel) Counters() ([]*pb.Counter, error)   { return []*pb.Counter{{Name: "x", Value: 1}}, nil }

type policies struct{}

func (policies) Summary() *pb.Policy { return &pb.Policy{Generation: 4} }
func (policies) Apply(context.Context, []*pb.PolicyFile, time.Duration) (*pb.PolicyApplyReply, error) {
	return &pb.PolicyApplyReply{Applied: true}, nil
}
func (policies) Confirm(context.Context) bool { return true }
func (policies) Text(asJSON bool) string {
	return map[bool]string{true: strings.Repeat("{}\n", 2<<20)}[asJSON]
}
func (policies) RoleName(uint16) string             { return "default" }
func (policies) RoleByName(n string) (uint32, bool) { return 2, n == "engineering" }
func (policies) RoleOf(uint32) uint32               { return 1 }
func (policies) Instead(*event.Event) string        { return "ask for it" }

type fixture struct {
	dir    string
	kernel *kernel
	glass  *glass
	inside atomic.Uint64 // the session that the caller itself is in
	table  *session.Table
	store  *store.Memory
	stock  *stock
}

func at(n int) time.Time { return time.Date(2026, 11, 22, 10, 0, n, 0, time.UTC) }

func begin(id, parent uint64, uid uint32) *event.Event {
	return &event.Event{Kind: event.SessionStart, Time: at(int(id)), ParentID: parent, LoginUID: noUser,
		Head: event.Head{Kind: event.SessionStart, Session: id, PID: uint32(id), Started: id, UID: uid, Agent: 1, Action: event.Allow}}
}

func denied(id uint64, n int, object string) *event.Event {
	return &event.Event{Kind: event.Access, Time: at(n), Op: "file.read", Object: object, Session: "3f2a-" + string(rune('0'+id)), Rule: "secrets",
		Head: event.Head{Kind: event.Access, Session: id, PID: uint32(id), Started: id, Action: event.Deny, Flags: uint16(bpf.EventApplied)}}
}

// serve opens the doors. Sessions 1 and its child 2 belong to the caller, 3 to somebody else.
func serve(t *testing.T, inside uint64) *fixture {
	t.Helper()
	c, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	me := uint32(os.Getuid())
	f := &fixture{
		dir: t.TempDir(), kernel: &kernel{coverage: "full", owner: me}, glass: &glass{}, table: session.New(session.DefaultLimits),
		store: store.NewMemory(1 << 20), stock: &stock{},
	}
	f.inside.Store(inside)
	for _, e := range []*event.Event{begin(1, 0, me), begin(2, 1, me), begin(3, 0, me+1), denied(1, 10, "/a"), denied(3, 11, "/b"), denied(1, 12, "/c")} {
		f.table.Apply(e)
		f.store.Append(e)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	b := Backend{Table: table{f.table}, Events: f.store, Kernel: f.kernel, Contain: f.kernel, Policies: policies{}, Glass: f.glass, Catalogue: c, Boot: "3f2a", Started: at(0), Notes: func() []string { return nil }, Inventory: f.stock}
	go func() { done <- Serve(ctx, f.dir, -1, b, func(int) (uint64, error) { return f.inside.Load(), nil }) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for _, name := range Sockets {
		for n := 0; ; n++ {
			if _, err := os.Stat(filepath.Join(f.dir, name)); err == nil {
				break
			}
			if n > 500 {
				t.Fatalf("%s does not appear", name)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return f
}

func (f *fixture) dial(t *testing.T, d Door) *Client {
	t.Helper()
	c, err := Dial(context.Background(), f.dir, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func code(err error) codes.Code { return status.Code(err) }

// A policy of ten thousand rules is longer than what a gRPC client takes of itself, 4 MiB.
func TestLongPoliciesAreShown(t *testing.T) {
	c := serve(t, 0).dial(t, Admin)
	if reply, err := c.PolicyShow(t.Context(), &pb.PolicyShowRequest{Json: true}); err != nil || len(reply.Text) < 6<<20 {
		t.Errorf("%d bytes, %v", len(reply.GetText()), err)
	}
}

func TestUsersSeeTheirOwnSessions(t *testing.T) {
	f := serve(t, 0)
	ctx := context.Background()
	for door, want := range map[Door]int{Admin: 3, Own: 2} {
		c := f.dial(t, door)
		reply, err := c.Sessions(ctx, &pb.SessionsRequest{})
		if err != nil || len(reply.Sessions) != want {
			t.Errorf("door %d: %v, %v", door, reply, err)
		}
		if s, err := c.Status(ctx, &pb.StatusRequest{}); err != nil || int(s.Sessions) != want || s.Policy.Generation != 4 {
			t.Errorf("door %d: %v, %v", door, s, err)
		}
	}
	own := f.dial(t, Own)
	if _, err := own.Session(ctx, &pb.SessionRequest{Id: "3f2a-3"}); code(err) != codes.NotFound {
		t.Errorf("another's session: %v", err)
	}
	if _, err := own.Contain(ctx, &pb.ContainRequest{Id: "3f2a-3", Action: "kill"}); code(err) != codes.NotFound || f.kernel.taken.Action != "" {
		t.Errorf("killing another's session: %v", err)
	}
	if _, err := own.Contain(ctx, &pb.ContainRequest{Id: "1", Action: "hug"}); code(err) != codes.InvalidArgument || f.kernel.taken.Action != "" {
		t.Errorf("an action that is none: %v", err)
	}
	if _, err := own.Contain(ctx, &pb.ContainRequest{Id: "1", Action: "thaw", Reason: "not mine"}); code(err) != codes.PermissionDenied || f.kernel.taken.Admin {
		t.Errorf("thawing what somebody else froze: %v", err)
	}
	if _, err := own.Session(ctx, &pb.SessionRequest{Id: "nonsense!"}); code(err) != codes.InvalidArgument {
		t.Errorf("no id: %v", err)
	}
	if _, err := own.PolicyApply(ctx, &pb.PolicyApplyRequest{}); code(err) != codes.PermissionDenied {
		t.Errorf("applying a policy: %v", err)
	}
	stream, err := own.Events(ctx, &pb.EventsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for {
		r, err := stream.Recv()
		if err != nil {
			break
		}
		if seen++; r.Event.Object == "/b" {
			t.Error("another's event")
		}
	}
	if seen != 4 {
		t.Errorf("%d events", seen)
	}
}

func TestSessionHasTreeChildrenAndTimeline(t *testing.T) {
	f := serve(t, 0)
	r, err := f.dial(t, Own).Session(context.Background(), &pb.SessionRequest{Id: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if r.Session.Id != "3f2a-1" || r.Session.Title != "Claude Code" || len(r.Children) != 1 || r.Children[0].Parent != "3f2a-1" ||
		len(r.Processes) != 2 || len(r.Timeline) != 4 || r.Timeline[3].Object != "/c" {
		t.Errorf("%v", r)
	}
}

func TestActionsReachChildren(t *testing.T) {
	f := serve(t, 0)
	for _, a := range Actions {
		r, err := f.dial(t, Own).Contain(context.Background(), &pb.ContainRequest{Id: "1", Action: string(a), Reason: "why"})
		m := f.kernel.taken
		if err != nil || r.Processes != 2 || m.Action != a || m.Session != 1 || !m.Family[1] || !m.Family[2] || m.Reason != "why" || m.By == nil {
			t.Errorf("%s: %v, %v, %+v", a, r, err, m)
		}
	}
}

func TestProcessesOfSessionsHaveOneDoor(t *testing.T) {
	f := serve(t, 1)
	ctx := context.Background()
	for _, door := range []Door{Admin, Own} {
		c := f.dial(t, door)
		if _, err := c.Status(ctx, &pb.StatusRequest{}); code(err) != codes.PermissionDenied {
			t.Errorf("door %d: %v", door, err)
		}
		stream, err := c.Events(ctx, &pb.EventsRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		if code(err) != codes.PermissionDenied {
			t.Errorf("door %d, events: %v", door, err)
		}
	}
	c := f.dial(t, Inside)
	if _, err := c.Sessions(ctx, &pb.SessionsRequest{}); code(err) != codes.PermissionDenied {
		t.Errorf("sessions from inside: %v", err)
	}
	r, err := c.Why(ctx, &pb.WhyRequest{Last: 5, Session: "3f2a-3"})
	if err != nil || r.Session != "3f2a-1" || len(r.Refusals) != 2 || r.Refusals[0].Object != "/c" || r.Allowed[0] != "ask for it" {
		t.Errorf("why: %v, %v", r, err)
	}
	limited := false
	for range burst + 5 {
		if _, err := c.Why(ctx, &pb.WhyRequest{}); code(err) == codes.ResourceExhausted {
			limited = true
		}
	}
	if !limited {
		t.Error("asked without end")
	}
}

func TestRunAdoptsTheCaller(t *testing.T) {
	f := serve(t, 0)
	ctx := context.Background()
	own := f.dial(t, Own)
	r, err := own.Run(ctx, &pb.RunRequest{})
	if want := (Adoption{PID: uint32(os.Getpid()), UID: uint32(os.Getuid()), Role: 1, Unclaimed: true}); err != nil || f.kernel.adopted != want || r.Id != "3f2a-11" {
		t.Errorf("%v, %v, %+v", r, err, f.kernel.adopted)
	}
	if _, err := own.Run(ctx, &pb.RunRequest{Role: "engineering"}); code(err) != codes.PermissionDenied {
		t.Errorf("a user chose its role: %v", err)
	}
	if _, err := own.Run(ctx, &pb.RunRequest{Agent: "nobody"}); code(err) != codes.InvalidArgument {
		t.Errorf("unknown agent: %v", err)
	}
	admin := f.dial(t, Admin)
	if _, err := admin.Run(ctx, &pb.RunRequest{Agent: "claude-code", Role: "engineering"}); err != nil || f.kernel.adopted.Role != 2 || f.kernel.adopted.Agent != 1 || f.kernel.adopted.Unclaimed {
		t.Errorf("%v, %+v", err, f.kernel.adopted)
	}
	f.kernel.owner++
	if _, err := own.Adopt(ctx, &pb.AdoptRequest{Pid: 4242}); code(err) != codes.PermissionDenied {
		t.Errorf("another's process: %v", err)
	}
	if _, err := own.Adopt(ctx, &pb.AdoptRequest{Pid: 1}); code(err) != codes.InvalidArgument {
		t.Errorf("the first process: %v", err)
	}
	f.kernel.coverage = "observe"
	if _, err := admin.Run(ctx, &pb.RunRequest{Require: "full"}); code(err) != codes.FailedPrecondition {
		t.Errorf("coverage: %v", err)
	}
}

func TestFollowersGetWhatComes(t *testing.T) {
	f := serve(t, 0)
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	stream, err := f.dial(t, Own).Events(ctx, &pb.EventsRequest{Follow: true, Session: "1", Ocsf: true})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	f.store.Append(denied(3, 20, "/other"))
	f.store.Append(denied(1, 21, "/new"))
	r, err := stream.Recv()
	if err != nil || r.Event.Object != "/new" || r.Event.Ocsf == "" {
		t.Errorf("%v, %v", r, err)
	}
}

func TestDoorsHaveTheirModes(t *testing.T) {
	f := serve(t, 0)
	for d, name := range Sockets {
		info, err := os.Stat(filepath.Join(f.dir, name))
		if err != nil || info.Mode().Perm() != modes[d] {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if _, err := Dial(context.Background(), t.TempDir(), Admin, Own); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no daemon: %v", err)
	}
}
