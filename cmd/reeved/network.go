// SPDX-License-Identifier: Apache-2.0

// This file wires what the network gate needs of user space: below which control group it judges, who answers for names, and an
// end at once for connections that were refused.

package main

import (
	"fmt"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/sensor"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/resolvers"
)

// cgroupAt checks where the command line wants networks judged; "" is the whole host.
func cgroupAt(path string) error {
	if path == "" {
		return nil
	}
	if err := sensor.CheckCgroup(path); err != nil {
		return site.Hint(fmt.Errorf("--cgroup: %w", err), "a folder below a mount of cgroup2, as findmnt -t cgroup2 lists them")
	}
	return nil
}

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
