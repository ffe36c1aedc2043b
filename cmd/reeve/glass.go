// SPDX-License-Identifier: Apache-2.0

// This file breaks the glass: policy refuses nothing on the host, in a role or in a session, for a time, and everyone is told.

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/sensor/api"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

// breakGlass lets policy refuse nothing somewhere for a time, or ends that.
func breakGlass(ctx context.Context, e *env, args []string) error {
	f := e.flags("break-glass")
	host := f.Bool("host", false, "on the whole host")
	role := f.String("role", "", "in this `ROLE`")
	id := f.String("session", "", "in the session of this `ID` and its children")
	lasts := f.Duration("for", 0, "how long, between 1m and 24h; it ends by itself")
	reason := f.String("reason", "", "why, for the record")
	end := f.Bool("end", false, "end it now")
	asJSON := f.Bool("json", false, "one object")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if err := count("break-glass", rest, 0, 0, "no argument"); err != nil {
		return err
	}
	r := &pb.BreakGlassRequest{Host: *host, Role: *role, Session: *id, ForS: uint32(lasts.Seconds()), Reason: *reason, End: *end}
	if err := checkGlass(r, *lasts); err != nil {
		return err
	}
	c, err := e.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	reply, err := c.BreakGlass(ctx, r)
	if err != nil {
		return told(err)
	}
	if r.End {
		return sayEnded(e, r, reply, *asJSON)
	}
	if *asJSON {
		return writeJSON(e.stdout, reliefJSON(reply.Relief))
	}
	printBroken(e, r, reply.Relief)
	return nil
}

// checkGlass tells what is wrong before anybody is asked.
func checkGlass(r *pb.BreakGlassRequest, lasts time.Duration) error {
	named := 0
	for _, is := range []bool{r.Host, r.Role != "", r.Session != ""} {
		if is {
			named++
		}
	}
	switch {
	case named != 1:
		return site.Hint(fmt.Errorf("break-glass: one of --host, --role and --session expected, %d given", named), "reeve sessions lists sessions, reeve policy show --running roles")
	case r.End && (lasts != 0 || r.Reason != ""):
		return site.Hint(errors.New("break-glass: --end takes neither --for nor --reason"), "reeve break-glass --help")
	case r.End:
		return nil
	}
	if err := api.CheckRelief(lasts, strings.TrimSpace(r.Reason)); err != nil {
		return site.Hint(fmt.Errorf("break-glass: %w", err), `as in --for 15m --reason "the build machine cannot deploy"`)
	}
	return nil
}

func sayEnded(e *env, r *pb.BreakGlassRequest, reply *pb.BreakGlassReply, asJSON bool) error {
	if asJSON {
		return e.answer(map[string]any{"host": r.Host, "role": r.Role, "session": r.Session, "ended": reply.Ended}, reply.Ended)
	}
	where := reliefWhere(&pb.Relief{Role: r.Role, Session: r.Session})
	if !reply.Ended {
		return &exit{exitNo, fmt.Errorf("no glass is broken %s", where)}
	}
	fmt.Fprintf(e.stdout, "policy holds again %s\n", safe(where))
	return nil
}

// printBroken says loudly what was done.
func printBroken(e *env, r *pb.BreakGlassRequest, it *pb.Relief) {
	until := time.UnixMilli(it.UntilMs)
	loud := func(s string) string { return e.paint.bold(e.paint.red(s)) }
	fmt.Fprintln(e.stdout, loud(fmt.Sprintf("BREAK-GLASS: policy refuses nothing %s until %s", safe(reliefWhere(it)), until.Format(time.DateTime))))
	fmt.Fprintf(e.stdout, "  by %s: %s\n", safe(it.By), safe(it.Reason))
	fmt.Fprintln(e.stdout, "  what policy would refuse passes and is recorded; what a session's switch refuses stays refused")
	fmt.Fprintf(e.stdout, "  it ends by itself; sooner with: reeve break-glass --end %s\n", target(r))
}

func target(r *pb.BreakGlassRequest) string {
	switch {
	case r.Role != "":
		return "--role " + safe(r.Role)
	case r.Session != "":
		return "--session " + safe(r.Session)
	}
	return "--host"
}

func reliefWhere(r *pb.Relief) string {
	switch {
	case r.Role != "":
		return "in role " + r.Role
	case r.Session != "":
		return "in session " + r.Session
	}
	return "on this host"
}

// reliefRow is a line of status.
func reliefRow(r *pb.Relief, now time.Time) string {
	return fmt.Sprintf("policy refuses nothing %s for another %s, by %s: %s", reliefWhere(r), lasted(time.UnixMilli(r.UntilMs).Sub(now)), r.By, r.Reason)
}

func reliefJSON(r *pb.Relief) map[string]any {
	return map[string]any{
		"host": r.Role == "" && r.Session == "", "role": r.Role, "session": r.Session, "reason": r.Reason, "by": r.By,
		"began": time.UnixMilli(r.BeganMs).UTC(), "until": time.UnixMilli(r.UntilMs).UTC(),
	}
}
