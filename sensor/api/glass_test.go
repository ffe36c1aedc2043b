// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// glass keeps what it was asked.
type glass struct {
	begun  []Relief
	family map[uint64]bool
	ended  []Place
}

func (g *glass) Begin(p Place, family map[uint64]bool, lasts time.Duration, reason string, by event.Actor) (Relief, error) {
	r := Relief{Place: p, Began: at(0), Until: at(0).Add(lasts), Reason: reason, By: by}
	g.begun, g.family = append(g.begun, r), family
	return r, nil
}

func (g *glass) End(p Place, _ event.Actor) (bool, error) {
	g.ended = append(g.ended, p)
	return true, nil
}

func (g *glass) Reliefs() []Relief { return g.begun }

func TestBreakGlassIsForAdministrators(t *testing.T) {
	f := serve(t, 0)
	ctx := context.Background()
	ask := &pb.BreakGlassRequest{Host: true, ForS: 60, Reason: "why"}
	for _, door := range []Door{Own, Inside} {
		if _, err := f.dial(t, door).BreakGlass(ctx, ask); code(err) != codes.PermissionDenied {
			t.Errorf("door %d: %v", door, err)
		}
	}
	admin := f.dial(t, Admin)
	f.inside.Store(1)
	for name, c := range map[string]*Client{"connects from inside": f.dial(t, Admin), "became a session's after it connected": admin} {
		if _, err := c.BreakGlass(ctx, ask); code(err) != codes.PermissionDenied || !strings.HasPrefix(status.Convert(err).Message(), "processes of a session") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(f.glass.begun) != 0 {
		t.Errorf("%+v", f.glass.begun)
	}
	f.inside.Store(0)
	if _, err := admin.BreakGlass(ctx, ask); err != nil || len(f.glass.begun) != 1 {
		t.Errorf("%v, %+v", err, f.glass.begun)
	}
}

func TestBreakGlassHasBounds(t *testing.T) {
	f := serve(t, 0)
	admin := f.dial(t, Admin)
	for want, r := range map[string]*pb.BreakGlassRequest{
		"59s: not between 1m and 24h":                                {Host: true, ForS: 59, Reason: "r"},
		"24h0m1s: not between 1m and 24h":                            {Host: true, ForS: 24*3600 + 1, Reason: "r"},
		"0s: not between 1m and 24h":                                 {Role: "engineering", Reason: "r"},
		"a reason is required":                                       {Host: true, ForS: 60, Reason: " \n"},
		"a reason of 501 bytes, 500 are kept":                        {Host: true, ForS: 60, Reason: strings.Repeat("r", 501)},
		"one of the host, a role and a session is expected":          {ForS: 60, Reason: "r"},
		"the policy has no role \"nobody\"":                          {Role: "nobody", ForS: 60, Reason: "r"},
		"\"zz!\": not a session id":                                  {Session: "zz!", ForS: 60, Reason: "r"},
		"no session 3f2a-9":                                          {Session: "9", ForS: 60, Reason: "r"},
		"one of the host, a role and a session is expected\x00 both": {Host: true, Role: "engineering", ForS: 60, Reason: "r"},
	} {
		want, _, _ = strings.Cut(want, "\x00")
		if _, err := admin.BreakGlass(context.Background(), r); status.Convert(err).Message() != want {
			t.Errorf("%v: %v, want %s", r, err, want)
		}
	}
	if len(f.glass.begun) != 0 {
		t.Errorf("%+v", f.glass.begun)
	}
}

func TestBreakGlassSaysWhoAndWhere(t *testing.T) {
	f := serve(t, 0)
	f.kernel.owner++ // sudo: the login is another's
	ctx := context.Background()
	admin := f.dial(t, Admin)
	for _, r := range []*pb.BreakGlassRequest{
		{Host: true, ForS: 60, Reason: " on fire "}, {Role: "engineering", ForS: 900, Reason: "r"}, {Session: "1", ForS: 60, Reason: "r"}, {Session: "3", ForS: 60, Reason: "r"},
	} {
		reply, err := admin.BreakGlass(ctx, r)
		if err != nil || reply.Relief.UntilMs != at(0).Add(time.Duration(r.ForS)*time.Second).UnixMilli() || reply.Relief.By != "alice (login alice)" {
			t.Errorf("%v: %v, %v", r, reply, err)
		}
	}
	var places []Place
	for _, r := range f.glass.begun {
		places = append(places, r.Place)
	}
	want := []Place{{}, {Role: "engineering"}, {Session: 1}, {Session: 3}}
	if !reflect.DeepEqual(places, want) || f.glass.begun[0].Reason != "on fire" || f.glass.begun[0].By.UID != uint32(os.Getuid()) {
		t.Errorf("%+v", f.glass.begun)
	}
	if reply, err := admin.BreakGlass(ctx, &pb.BreakGlassRequest{Role: "engineering", End: true}); err != nil || !reply.Ended || f.glass.ended[0].Role != "engineering" {
		t.Errorf("%v, %v, %v", reply, err, f.glass.ended)
	}
	for door, want := range map[Door]int{Admin: 4, Own: 3} { // not that of somebody else's session
		s, err := f.dial(t, door).Status(ctx, &pb.StatusRequest{})
		if err != nil || len(s.Reliefs) != want || s.Reliefs[0].Reason != "on fire" {
			t.Errorf("door %d: %v, %v", door, s, err)
		}
	}
}

func TestBreakGlassOfASessionReachesItsChildren(t *testing.T) {
	f := serve(t, 0)
	if _, err := f.dial(t, Admin).BreakGlass(context.Background(), &pb.BreakGlassRequest{Session: "1", ForS: 60, Reason: "r"}); err != nil {
		t.Fatal(err)
	}
	if want := map[uint64]bool{1: true, 2: true}; !reflect.DeepEqual(f.glass.family, want) {
		t.Errorf("%v", f.glass.family)
	}
}

func TestNoticesReachAdministratorsAndOwners(t *testing.T) {
	f := serve(t, 0)
	for _, s := range []event.Said{
		{Name: event.CoverageDegraded, Message: "host"}, {Name: event.SafetyAudit, Message: "own", Session: 1}, {Name: event.SafetyAudit, Message: "other", Session: 3},
	} {
		f.store.Append(event.NewNotice(s, 1, at(30)))
	}
	for door, want := range map[Door][]string{Admin: {"host", "own", "other"}, Own: {"own"}} {
		stream, err := f.dial(t, door).Events(context.Background(), &pb.EventsRequest{Kinds: []string{"notice"}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for {
			r, err := stream.Recv()
			if err != nil {
				break
			}
			got = append(got, r.Event.Message)
			if r.Event.Notice == "" || r.Event.Severity == "" || r.Event.By != "reeved" || !r.Event.Notable {
				t.Errorf("%+v", r.Event)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("door %d: %q", door, got)
		}
	}
}
