// SPDX-License-Identifier: Apache-2.0

// This file shows events, as lines for people and as OCSF for programs.

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

// events prints what happened, and with --follow what happens.
func events(ctx context.Context, e *env, args []string) error {
	f := e.flags("events")
	follow := f.Bool("follow", false, "go on with what happens")
	id := f.String("session", "", "of this session `ID` only")
	back := f.Duration("since", 0, "not older than this, as `1h`")
	all := f.Bool("all", false, "what was allowed too")
	kinds := f.String("kind", "", "of these `KINDS` only, with commas between")
	limit := f.Uint("limit", 0, "the newest `N`")
	asJSON := f.Bool("json", false, "one OCSF object a line")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if err := count("events", rest, 0, 0, "no argument"); err != nil {
		return err
	}
	if *back < 0 {
		return fmt.Errorf("events: --since %v lies in the future", *back)
	}
	c, err := e.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	r := &pb.EventsRequest{Session: *id, Limit: uint32(*limit), Follow: *follow, All: *all, Ocsf: *asJSON}
	if *back > 0 {
		r.SinceMs = time.Now().Add(-*back).UnixMilli()
	}
	if *kinds != "" {
		r.Kinds = strings.Split(*kinds, ",")
	}
	stream, err := c.Events(ctx, r)
	if err != nil {
		return told(err)
	}
	for {
		reply, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return told(err)
		}
		if err := showEvent(e, reply, *asJSON, *id == ""); err != nil {
			return err
		}
	}
}

func showEvent(e *env, r *pb.EventsReply, asJSON, withSession bool) error {
	if r.Lost > 0 {
		fmt.Fprintf(e.stderr, "reeve: %d events went by too fast to be shown\n", r.Lost)
	}
	if !asJSON {
		printEvent(e, r.Event, withSession, "")
		return nil
	}
	if _, err := fmt.Fprintln(e.stdout, r.Event.Ocsf); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}

// printEvent writes an event on one line; a verdict has its reason on a second one.
func printEvent(e *env, ev *pb.Event, withSession bool, indent string) {
	head := indent + e.paint.dim(clock(ev.TimeUs)) + "  "
	left := len(indent) + 14
	if withSession {
		id := pad(ev.Session, 8)
		head += e.paint.blue(id) + "  "
		left += len(id) + 2
	}
	text := func(s string, used int) string { return cut(safe(s), max(e.width-left-used, 30)) }
	switch {
	case ev.Kind == "session.start":
		fmt.Fprintln(e.stdout, head+e.paint.green("●")+" "+e.paint.bold(text(ev.Agent+" begins"+inside(ev)+", "+ev.User+" as "+ev.Role, 2)))
	case ev.Kind == "session.claim":
		fmt.Fprintln(e.stdout, head+e.paint.green("●")+" "+text("the session is "+ev.Agent, 2))
	case ev.Kind == "session.end":
		fmt.Fprintln(e.stdout, head+e.paint.dim("○ "+text(ev.Agent+" ended", 2)))
	case ev.Notice != "":
		fmt.Fprintln(e.stdout, head+e.paint.severity(ev.Severity, "■ "+pad(ev.Notice, 5)+"  "+cut(safe(ev.Message), max(e.width-left, evidenceMin))))
	case ev.Kind == "agent-derived":
		fmt.Fprintln(e.stdout, head+e.paint.severity(ev.Severity, "■ "+cut("derived  "+safe(ev.Message), max(e.width-left, evidenceMin))))
	case ev.Action != "" && ev.Action != "allow":
		printVerdict(e, ev, head, left)
	case ev.Kind == "exec" && ev.Command != "":
		fmt.Fprintln(e.stdout, head+e.paint.bold("$ ")+text(actor(ev.Principal)+ev.Command, 2))
	case ev.Kind == "exec":
		fmt.Fprintln(e.stdout, head+"› "+text(actor(ev.Principal)+ev.Object, 2))
	case ev.Kind == "access", ev.Kind == "held", ev.Kind == "network":
		fmt.Fprintln(e.stdout, head+e.paint.dim("  "+text(pad(ev.Op, 10)+"  "+actor(ev.Principal)+objectOf(ev), 2)))
	default:
		fmt.Fprintln(e.stdout, head+e.paint.dim("  "+text(fmt.Sprintf("%s  %d %s", ev.Kind, ev.Pid, ev.Comm), 2)))
	}
}

func inside(ev *pb.Event) string {
	if ev.Parent == "" {
		return ""
	}
	return " inside of " + ev.Parent
}

// evidenceMin is how much of a refused object is shown, however narrow the terminal.
const evidenceMin = 300

// printVerdict writes what was decided, and below it the rule and its reason, which are never cut.
func printVerdict(e *env, ev *pb.Event, head string, left int) {
	mark, word := "✗", ev.Action
	switch {
	case ev.Action == "audit":
		mark = "!"
	case ev.Kind == "held":
		mark, word = "!", "holds"
	case !ev.Applied:
		mark, word = "!", "would "+ev.Action
	}
	line := mark + " " + pad(word, 5) + "  "
	fmt.Fprintln(e.stdout, head+e.paint.action(ev.Action, line)+pad(ev.Op, 10)+"  "+cut(safe(actor(ev.Principal)+objectOf(ev)), max(e.width-left, evidenceMin)))
	for _, why := range []string{ruleOf(ev), whyOf(ev)} {
		if why != "" {
			fmt.Fprintln(e.stdout, strings.Repeat(" ", left+2)+e.paint.dim(safe(why)))
		}
	}
}

// ruleOf is the rule behind a verdict, with its reason and where it is written; the reason alone where no rule has a say.
func ruleOf(ev *pb.Event) string {
	why := ev.Rule
	if ev.Relief {
		why = "break-glass, else " + cmp.Or(why, "refused")
	}
	switch {
	case why != "" && ev.Reason != "":
		why += ": " + ev.Reason
	case why == "":
		why = ev.Reason
	}
	if ev.Place != "" {
		why += "  (" + ev.Place + ")"
	}
	return why
}

// eventJSON is an event inside of another object.
func eventJSON(ev *pb.Event) map[string]any {
	o := map[string]any{
		"time": time.UnixMicro(ev.TimeUs).UTC(), "kind": ev.Kind, "session": ev.Session, "pid": ev.Pid, "comm": ev.Comm, "message": ev.Message,
	}
	for key, value := range map[string]string{
		"op": ev.Op, "object": ev.Object, "action": ev.Action, "rule": ev.Rule, "place": ev.Place, "reason": ev.Reason,
		"command": ev.Command, "path": ev.Path, "principal": ev.Principal, "notice": ev.Notice, "severity": ev.Severity, "by": ev.By,
	} {
		if value != "" {
			o[key] = value
		}
	}
	if ev.Action != "" {
		o["applied"] = ev.Applied
	}
	if ev.Network != nil {
		o["network"] = networkJSON(ev.Network)
	}
	if ev.Relief {
		o["relief"] = true
	}
	return o
}
