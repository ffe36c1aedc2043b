// SPDX-License-Identifier: Apache-2.0

// This file shows one session as a tree and a timeline, and ends it.

package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

// sessionShow prints a session's tree and timeline.
func sessionShow(ctx context.Context, e *env, args []string) error {
	f := e.flags("session show")
	asJSON := f.Bool("json", false, "one object")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if err := count("session show", rest, 1, 1, "one session id"); err != nil {
		return err
	}
	c, err := e.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	reply, err := c.Session(ctx, &pb.SessionRequest{Id: rest[0]})
	if err != nil {
		return told(err)
	}
	if *asJSON {
		return writeJSON(e.stdout, showJSON(reply))
	}
	printSession(e, reply, time.Now())
	return nil
}

func printSession(e *env, r *pb.SessionReply, now time.Time) {
	printHead(e, r.Session, now)
	for _, c := range r.Children {
		fmt.Fprintf(e.stdout, "  %s %s  %s\n", e.paint.dim("child"), e.paint.bold(c.Id), safe(name(c)))
	}
	fmt.Fprintln(e.stdout)
	printTree(e, r.Processes)
	printHeld(e, r)
	if len(r.Timeline) == 0 {
		return
	}
	fmt.Fprintf(e.stdout, "\n%s\n", e.paint.bold("timeline"))
	many := len(r.Children) > 0
	for _, ev := range r.Timeline {
		printEvent(e, ev, many, "  ")
	}
}

func printHead(e *env, s *pb.SessionInfo, now time.Time) {
	state := e.paint.green("running") + " for " + lasted(now.Sub(time.UnixMilli(s.BeganMs)))
	if s.EndedMs != 0 {
		state = "ended after " + lasted(time.UnixMilli(s.EndedMs).Sub(time.UnixMilli(s.BeganMs)))
	}
	for _, c := range s.Contained {
		state += ", " + e.paint.amber(c)
	}
	fmt.Fprintf(e.stdout, "session %s  %s  %s\n", e.paint.bold(s.Id), e.paint.bold(safe(name(s))), state)
	line := func(parts ...string) {
		var kept []string
		for i := 0; i < len(parts); i += 2 {
			if parts[i+1] != "" {
				kept = append(kept, e.paint.dim(parts[i])+" "+safe(parts[i+1]))
			}
		}
		if len(kept) > 0 {
			fmt.Fprintln(e.stdout, "  "+strings.Join(kept, "  "))
		}
	}
	line("user", s.User, "role", s.Role, "began", time.UnixMilli(s.BeganMs).Format("2006-01-02 15:04:05"), "by", s.Cause, "inside of", s.Parent)
	line("folder", s.Cwd, "conversation", s.Conversation, "entry", s.Entrypoint, "terminal", s.Tty)
	line("program", s.Program)
	var acts []string
	for _, a := range []string{"kill", "deny", "ask", "audit", "allow"} {
		if n := s.Actions[a]; n > 0 {
			acts = append(acts, e.paint.action(a, fmt.Sprintf("%d %s", n, a)))
		}
	}
	if len(acts) > 0 {
		fmt.Fprintf(e.stdout, "  %s %s, %d stopped\n", e.paint.dim("verdicts"), strings.Join(acts, ", "), s.Refused)
	}
	if s.Partial {
		fmt.Fprintln(e.stdout, "  "+e.paint.amber("its beginning was not seen"))
	}
	if s.Forgotten > 0 {
		fmt.Fprintf(e.stdout, "  %s\n", e.paint.dim(fmt.Sprintf("%d ended processes are no longer held", s.Forgotten)))
	}
}

// printTree draws processes that come in the tree's order, each with its depth. Where a child session begins, it is named.
func printTree(e *env, list []*pb.Process) {
	named := map[string]bool{}
	for i, p := range list {
		prefix := "  " + branches(list, i)
		text := safe(label(p))
		note := ending(e, p)
		if i > 0 && !named[p.Session] {
			note += e.paint.dim("  session ") + p.Session
		}
		named[p.Session] = true
		room := e.width - len([]rune(prefix)) - 24
		fmt.Fprintf(e.stdout, "%s%s%s%s\n", e.paint.dim(prefix), cut(text, max(room, 20)), e.paint.dim(fmt.Sprintf("  %d", p.Pid)), note)
	}
}

// branches are the lines left of a process: whether it, and those above it, have younger siblings.
func branches(list []*pb.Process, i int) string {
	if list[i].Depth == 0 {
		return ""
	}
	parts := make([]string, list[i].Depth)
	for d := uint32(1); d <= list[i].Depth; d++ {
		more := sibling(list, i, d)
		switch {
		case d == list[i].Depth && more:
			parts[d-1] = "├─ "
		case d == list[i].Depth:
			parts[d-1] = "└─ "
		case more:
			parts[d-1] = "│  "
		default:
			parts[d-1] = "   "
		}
	}
	return strings.Join(parts, "")
}

// sibling reports whether another process of depth d follows before the tree goes above it.
func sibling(list []*pb.Process, i int, d uint32) bool {
	for _, p := range list[i+1:] {
		if p.Depth < d {
			return false
		}
		if p.Depth == d {
			return true
		}
	}
	return false
}

// label is what a process is called: what the model asked for, else its command line; before it who it is, where that is not the agent.
func label(p *pb.Process) string {
	return actor(p.Principal) + called(p)
}

// actor names a principal that is not the agent itself, for the front of a line.
func actor(principal string) string {
	if principal == "" || principal == "agent" {
		return ""
	}
	return principal + ": "
}

func called(p *pb.Process) string {
	switch {
	case p.Command != "":
		return "$ " + p.Command
	case p.Line != "":
		return p.Line
	}
	return p.Comm
}

// ending is how a process ended and what it was refused, where that is worth a word.
func ending(e *env, p *pb.Process) string {
	var b strings.Builder
	if n := p.Actions["kill"] + p.Actions["deny"] + p.Actions["ask"]; n > 0 {
		b.WriteString("  " + e.paint.red(fmt.Sprintf("✗ %d", n)))
	}
	switch signal, code := p.Status&0x7f, p.Status>>8&0xff; {
	case p.EndedMs == 0:
		b.WriteString("  " + e.paint.green("running"))
	case signal != 0:
		b.WriteString("  " + e.paint.amber(fmt.Sprintf("signal %d", signal)))
	case code != 0:
		b.WriteString("  " + e.paint.amber(fmt.Sprintf("exit %d", code)))
	}
	return b.String()
}

// contain is the command of an action on a session.
func contain(action string) func(context.Context, *env, []string) error {
	return func(ctx context.Context, e *env, args []string) error {
		f := e.flags("session " + action)
		reason := f.String("reason", "", "why, for those who read the record")
		asJSON := f.Bool("json", false, "one object")
		rest, err := parse(f, args)
		if err != nil {
			return err
		}
		if err := count("session "+action, rest, 1, 1, "one session id"); err != nil {
			return err
		}
		c, err := e.dial(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		reply, err := c.Contain(ctx, &pb.ContainRequest{Id: rest[0], Action: action, Reason: *reason})
		if err != nil {
			return told(err)
		}
		if *asJSON {
			return writeJSON(e.stdout, map[string]any{"session": rest[0], "action": action, "processes": reply.Processes})
		}
		fmt.Fprintln(e.stdout, strings.ReplaceAll(contained[action], "#", strconv.Itoa(int(reply.Processes))))
		return nil
	}
}

// contained is what is said of an action that was taken, with how many processes it reached.
var contained = map[string]string{
	"kill": "# processes killed", "freeze": "# processes stopped", "thaw": "the session goes on, # of its processes were stopped",
	"isolate": "no network and no sockets of others from now on", "deny": "everything is refused from now on",
}

func showJSON(r *pb.SessionReply) map[string]any {
	children, processes, timeline, held := []any{}, []any{}, []any{}, []any{}
	for _, c := range r.Children {
		children = append(children, sessionJSON(c))
	}
	for _, p := range r.Processes {
		o := map[string]any{
			"session": p.Session, "principal": p.Principal, "pid": p.Pid, "started": p.Started, "parent_pid": p.ParentPid, "depth": p.Depth, "comm": p.Comm,
			"path": p.Path, "line": p.Line, "command": p.Command, "cwd": p.Cwd, "actions": p.Actions, "status": p.Status,
			"began": time.UnixMilli(p.BeganMs).UTC(), "ended": nil,
		}
		if p.EndedMs != 0 {
			o["ended"] = time.UnixMilli(p.EndedMs).UTC()
		}
		processes = append(processes, o)
	}
	for _, ev := range r.Timeline {
		timeline = append(timeline, eventJSON(ev))
	}
	for _, h := range r.Held {
		held = append(held, heldJSON(h))
	}
	return map[string]any{
		"session": sessionJSON(r.Session), "children": children, "processes": processes, "timeline": timeline,
		"held": held, "held_unlisted": r.HeldUnlisted,
	}
}
