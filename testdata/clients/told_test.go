// SPDX-License-Identifier: Apache-2.0

package clients

// What Reeve says of refusals afterwards.

import (
	"slices"
	"testing"

	"github.com/reeve-sensor/reeve/testdata/stage"
)

// told is what an event must say of a refusal; without an address it is none of networks.
type told struct {
	op, object, rule, domain, address string
	port                              int
}

// ocsf is as much of an event of `reeve events --json`.
type ocsf struct {
	Server struct {
		IP       string `json:"ip"`
		Port     int    `json:"port"`
		Hostname string `json:"hostname"`
	} `json:"dst_endpoint"`
	Query struct {
		Hostname string `json:"hostname"`
	} `json:"query"`
	Unmapped struct {
		Reeve struct {
			Session string `json:"session"`
			Op      string `json:"op"`
			Object  string `json:"object"`
			Rule    string `json:"rule"`
			Applied bool   `json:"applied"`
		} `json:"reeve"`
	} `json:"unmapped"`
}

func (e ocsf) told() told {
	r := e.Unmapped.Reeve
	return told{r.Op, r.Object, r.Rule, e.Server.Hostname + e.Query.Hostname, e.Server.IP, e.Server.Port}
}

// told wants such events, of a session.
func (p *play) told(t *testing.T, wants ...told) {
	t.Helper()
	all, err := stage.Objects[ocsf](t.Context(), p.reeve, "events", "--json", "--kind", "network,access")
	must(t, err)
	for _, w := range wants {
		if !slices.ContainsFunc(all, func(e ocsf) bool { return e.told() == w && e.Unmapped.Reeve.Applied && e.Unmapped.Reeve.Session != "" }) {
			t.Errorf("not told: %+v", w)
			for _, e := range all {
				if e.Unmapped.Reeve.Op == w.op {
					t.Logf("told: %+v", e)
				}
			}
		}
	}
}
