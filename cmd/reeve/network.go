// SPDX-License-Identifier: Apache-2.0

// This file shows what went over a network: where to beside the name that was judged, and why where that is more than a rule.

package main

import (
	"net"
	"strconv"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

// objectOf is what an event is about, with the rest of what a network's event knows of it.
func objectOf(ev *pb.Event) string {
	n := ev.Network
	if n == nil {
		return ev.Object
	}
	end := net.JoinHostPort(n.Address, strconv.Itoa(int(n.Port))) + "/" + n.Protocol
	switch {
	case n.Domain != "" && ev.Object == n.Domain && n.Detail != "":
		return ev.Object + " (" + n.Detail + ") of " + end
	case n.Domain != "" && ev.Op == "net.domain":
		return ev.Object + " at " + end
	case n.Domain != "":
		return ev.Object + " for " + n.Domain
	}
	return ev.Object
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
