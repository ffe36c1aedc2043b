// SPDX-License-Identifier: Apache-2.0

// This file shows what a session had open before it was one.

package main

import (
	"fmt"
	"strings"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

// printHeld lists open files and sockets, those that policy refuses marked, with the rule below.
func printHeld(e *env, r *pb.SessionReply) {
	if len(r.Held) == 0 && r.HeldUnlisted == 0 {
		return
	}
	fmt.Fprintf(e.stdout, "\n%s\n", e.paint.bold("open since before the session"))
	for _, h := range r.Held {
		mark := "  "
		if h.Refused {
			mark = e.paint.action(h.Action, "! ")
		}
		who := holders(h)
		room := max(e.width-16-len([]rune(who)), 30)
		fmt.Fprintf(e.stdout, "  %s%s  %s  %s\n", mark, pad(h.Op, 10), cut(safe(heldObject(h)), room), e.paint.dim(safe(who)))
		if h.Rule != "" {
			fmt.Fprintln(e.stdout, strings.Repeat(" ", 16)+e.paint.dim(safe(heldWhy(h))))
		}
	}
	if r.HeldUnlisted > 0 {
		fmt.Fprintf(e.stdout, "    %s\n", e.paint.dim(fmt.Sprintf("and %d that are not listed", r.HeldUnlisted)))
	}
}

func heldObject(h *pb.Held) string {
	text := h.Object
	if h.Local != "" {
		text += " " + h.Local
	}
	if h.Remote != "" {
		text += " → " + h.Remote
	}
	if h.State != "" {
		text += " " + strings.ToLower(h.State)
	}
	return text
}

func holders(h *pb.Held) string {
	text := fmt.Sprintf("%s %d", h.Comm, h.Pid)
	if h.Processes > 1 {
		text += fmt.Sprintf(" and %d more", h.Processes-1)
	}
	return text
}

// heldWhy is the rule that speaks of it.
func heldWhy(h *pb.Held) string {
	text := h.Rule
	if h.Reason != "" {
		text += ": " + h.Reason
	}
	if h.Place != "" {
		text += "  (" + h.Place + ")"
	}
	return text
}

func heldJSON(h *pb.Held) map[string]any {
	o := map[string]any{
		"session": h.Session, "pid": h.Pid, "comm": h.Comm, "processes": h.Processes, "op": h.Op, "object": h.Object, "view": h.View,
		"action": h.Action, "refused": h.Refused,
	}
	for key, value := range map[string]string{
		"rule": h.Rule, "place": h.Place, "reason": h.Reason, "family": h.Family, "local": h.Local, "remote": h.Remote, "state": h.State,
	} {
		if value != "" {
			o[key] = value
		}
	}
	return o
}
