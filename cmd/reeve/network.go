// SPDX-License-Identifier: Apache-2.0

// This file shows what went over a network: where to beside the name that was judged, and why where that is more than a rule.

package main

import (
	"strings"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

// objectOf is what an event is about, with what its object does not say.
func objectOf(ev *pb.Event) string {
	text := strings.TrimSuffix(ev.Object+" "+ev.Network.GetWhere(), " ")
	if ev.Kind == "access" && ev.Path != "" {
		text += " (" + ev.Path + ")" // what starts has a name and a program
	}
	return text
}

// whyOf is what decided beside the rule that is shown already.
func whyOf(ev *pb.Event) string {
	if n := ev.Network; n != nil && n.Why != ev.Reason {
		return n.Why
	}
	return ""
}

func networkJSON(n *pb.Network) map[string]any {
	o := map[string]any{
		"address": n.Address, "port": n.Port, "local_port": n.LocalPort, "protocol": n.Protocol, "reason": n.Reason, "socket": n.Socket,
		"namespace": n.Namespace,
	}
	for key, value := range map[string]string{"domain": n.Domain, "detail": n.Detail, "why": n.Why} {
		if value != "" {
			o[key] = value
		}
	}
	return o
}
