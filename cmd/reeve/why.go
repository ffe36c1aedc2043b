// SPDX-License-Identifier: Apache-2.0

// This file tells whoever was refused by which rule, and what is allowed instead.

package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reeve-sensor/reeve/sensor/api"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

// why says what was refused last, by which rule, and what is allowed instead.
func why(ctx context.Context, e *env, args []string) error {
	f := e.flags("why")
	last := f.Bool("last", false, "the last refusal only; this is the default")
	number := f.Uint("n", 1, "the last `N` refusals")
	id := f.String("session", "", "of this session `ID`; inside of a session it is always its own")
	asJSON := f.Bool("json", false, "one object a line")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if err := count("why", rest, 0, 0, "no argument"); err != nil {
		return err
	}
	if *last {
		*number = 1
	}
	reply, err := askWhy(ctx, e, &pb.WhyRequest{Last: uint32(*number), Session: *id})
	if err != nil {
		return err
	}
	if len(reply.Refusals) == 0 && !*asJSON {
		fmt.Fprintf(e.stdout, "nothing was refused in session %s\n", reply.Session)
		return nil
	}
	for i, ev := range reply.Refusals {
		if *asJSON {
			o := eventJSON(ev)
			o["instead"] = reply.Allowed[i]
			if err := writeJSON(e.stdout, o); err != nil {
				return err
			}
			continue
		}
		printEvent(e, ev, true, "")
		if reply.Allowed[i] != "" {
			fmt.Fprintf(e.stdout, "%s%s\n", "                          ", safe(reply.Allowed[i]))
		}
	}
	return nil
}

// askWhy asks at the door of sessions first: it answers nobody else.
func askWhy(ctx context.Context, e *env, r *pb.WhyRequest) (*pb.WhyReply, error) {
	inside, err := e.dial(ctx, api.Inside)
	if err != nil {
		return nil, err
	}
	defer inside.Close()
	reply, err := inside.Why(ctx, r)
	if status.Code(err) != codes.FailedPrecondition {
		return reply, told(err)
	}
	c, err := e.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	reply, err = c.Why(ctx, r)
	return reply, told(err)
}
