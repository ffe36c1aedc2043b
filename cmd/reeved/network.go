// SPDX-License-Identifier: Apache-2.0

// This file wires what the network gate needs of user space: below which control group it judges, who answers for names, and an
// end at once for connections that were refused.

package main

import (
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/resolvers"
)

// cgroupNote says what a control group leaves open.
func cgroupNote(path string) []string {
	if path == "" {
		return nil
	}
	return []string{"networks are judged below " + path + " alone: what runs elsewhere is not"}
}

// resolverRows are who answers for names, as status shows them.
func resolverRows(list []resolvers.Resolver) []*pb.Resolver {
	var out []*pb.Resolver
	for _, r := range list {
		out = append(out, &pb.Resolver{Address: r.Address.String(), From: r.From})
	}
	return out
}
