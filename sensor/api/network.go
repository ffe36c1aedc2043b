// SPDX-License-Identifier: Apache-2.0

// This file says what went over a network.

package api

import (
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// network is nil for an event of another kind.
func network(e *event.Event) *pb.Network {
	f := e.Flow
	if f == nil {
		return nil
	}
	return &pb.Network{
		Domain: f.Domain, Address: f.Address.String(), Port: uint32(f.Port), LocalPort: uint32(f.Local), Protocol: f.ProtocolName(),
		Reason: f.Reason.String(), Detail: f.DetailName(e.Head.Op), Why: e.Why(), Socket: f.Cookie, Namespace: f.Space,
		Where: e.Where(),
	}
}
