// SPDX-License-Identifier: Apache-2.0

package clients

// What Reeve says of refusals afterwards.

import (
	"testing"

	"github.com/reeve-sensor/reeve/testdata/stage"
)

// told is what a record must say of a refusal: all that is not zero here.
type told struct {
	op, object, rule string
	domain, address  string
	port             int
}

// record is an event of `reeve session show --json`.
type record struct {
	stage.Occurrence
	Session string `json:"session"`
	Message string `json:"message"`
	Network struct {
		Domain  string `json:"domain"`
		Address string `json:"address"`
		Port    int    `json:"port"`
	} `json:"network"`
}

func (want told) is(r record) bool {
	got := told{r.Op, r.Object, r.Rule, r.Network.Domain, r.Network.Address, r.Network.Port}
	if want.domain == "" && want.address == "" {
		got.domain, got.address, got.port = "", "", 0
	}
	return r.Refused() && got == want
}

// told wants such a record in one of the sessions.
func (p *play) told(t *testing.T, wants ...told) {
	t.Helper()
	sessions, err := p.reeve.Ended(t.Context(), "claude-code")
	must(t, err)
	var all []record
	for _, s := range sessions {
		shown, err := stage.Objects[struct {
			Timeline []record `json:"timeline"`
		}](t.Context(), p.reeve, "session", "show", "--json", s.ID)
		must(t, err)
		for _, one := range shown {
			all = append(all, one.Timeline...)
		}
	}
next:
	for _, w := range wants {
		for _, r := range all {
			if w.is(r) {
				if r.Session == "" {
					t.Errorf("of no session: %+v", r)
				}
				continue next
			}
		}
		t.Errorf("not told: %+v", w)
		for _, r := range all {
			if r.Refused() && (r.Op == w.op || r.Object == w.object) {
				t.Logf("told: %+v", r)
			}
		}
	}
}
