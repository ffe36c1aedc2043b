// SPDX-License-Identifier: Apache-2.0

// This file lists sessions.

package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

// sessions lists sessions.
func sessions(ctx context.Context, e *env, args []string) error {
	f := e.flags("sessions")
	all := f.Bool("all", false, "ended ones too")
	asJSON := f.Bool("json", false, "one object a line")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if err := count("sessions", rest, 0, 0, "no argument"); err != nil {
		return err
	}
	c, err := e.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	reply, err := c.Sessions(ctx, &pb.SessionsRequest{All: *all})
	if err != nil {
		return told(err)
	}
	if *asJSON {
		for _, s := range reply.Sessions {
			if err := writeJSON(e.stdout, sessionJSON(s)); err != nil {
				return err
			}
		}
		return nil
	}
	printSessions(e, reply.Sessions, time.Now())
	return nil
}

func printSessions(e *env, list []*pb.SessionInfo, now time.Time) {
	if len(list) == 0 {
		fmt.Fprintln(e.stdout, "no session")
		return
	}
	var rows [][]string
	for _, s := range list {
		state := lasted(now.Sub(time.UnixMilli(s.BeganMs)))
		switch {
		case s.EndedMs != 0:
			state = "ended"
		case len(s.Contained) > 0:
			state += " " + strings.Join(s.Contained, ",")
		}
		rows = append(rows, []string{s.Id, safe(name(s)), safe(s.User), safe(s.Role), state, strconv.Itoa(int(s.Processes)),
			strconv.FormatUint(s.Refused, 10), s.Parent, safe(s.Cwd)})
	}
	columns(e, []string{"SESSION", "AGENT", "USER", "ROLE", "AGE", "PROCS", "REFUSED", "PARENT", "FOLDER"}, rows)
}

// name is an agent with its version.
func name(s *pb.SessionInfo) string {
	if s.Version == "" {
		return s.Title
	}
	return s.Title + " " + s.Version
}

func sessionJSON(s *pb.SessionInfo) map[string]any {
	o := map[string]any{
		"id": s.Id, "agent": s.Agent, "version": s.Version, "user": s.User, "uid": s.Uid, "role": s.Role, "parent": s.Parent,
		"conversation": s.Conversation, "entrypoint": s.Entrypoint, "cause": s.Cause, "began": time.UnixMilli(s.BeganMs).UTC(), "ended": nil, "pid": s.Pid,
		"cwd": s.Cwd, "program": s.Program, "processes": s.Processes, "actions": s.Actions, "refused": s.Refused,
		"partial": s.Partial, "forgotten": s.Forgotten, "tty": s.Tty, "contained": s.Contained,
	}
	if s.EndedMs != 0 {
		o["ended"] = time.UnixMilli(s.EndedMs).UTC()
	}
	return o
}
