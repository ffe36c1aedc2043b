// SPDX-License-Identifier: Apache-2.0

package live

// A session floods the rings while nobody reads them: no verdict changes, and what matters is told all the same.

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
)

const floodPolicy = `
[[role]]
name = "default"
[[rule]]
id = "made"
on = ["file.create"]
match = ["/data/flood/refused/**"]
action = "deny"
[[rule]]
id = "read"
on = ["file.read"]
match = ["/data/flood/secret/**"]
action = "deny"
`

const secrets = 50 // that are asked for beside a flood

func TestFloodHidesNoRefusal(t *testing.T) {
	for _, dir := range []string{"refused", "free", "secret"} {
		must(t, os.MkdirAll("/data/flood/"+dir, 0o755))
	}
	for i := range secrets {
		must(t, touch(secretOf(i)))
	}
	policy(t, floodPolicy)
	for _, c := range []struct {
		name  string
		flood act
		all   bool        // of it is refused
		lost  bpf.Counter // that goes up, or it was no flood
	}{
		{"of refusals", act{Path: "/data/flood/refused", Flags: 8, At: 3_000}, true, bpf.CountVerdictsFlood}, // fewer than the ring holds
		{"of what is allowed", act{Path: "/data/flood/free", Flags: 250, At: 12_000}, false, bpf.CountActivityLost},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.flood.Do = "flood"
			loud, other := session(t), session(t)
			told := watch(t) // from now on: what earlier tests left unread may have cost records, too
			before, err := kernel.Counters()
			must(t, err)
			if r := loud.do(c.flood); r.Errno != 0 || c.all != (r.Status == c.flood.At) || !c.all && r.Status > 0 {
				t.Errorf("%d of the flood were refused; %v", r.Status, r.Errno)
			}
			for i := range secrets {
				loud.want(act{Do: "open", Path: secretOf(i)}, unix.EACCES)
				other.want(act{Do: "open", Path: secretOf(i)}, unix.EACCES)
			}
			records := told()
			after, err := kernel.Counters()
			must(t, err)
			if after[c.lost] == before[c.lost] {
				t.Error("that was no flood")
			}
			if n := after[bpf.CountVerdictsLost] - before[bpf.CountVerdictsLost]; n > 0 {
				t.Errorf("%d refusals were lost", n)
			}
			for _, p := range []*process{loud, other} {
				if n := secretsTold(records, p.pid()); n != secrets {
					t.Errorf("%d refusals of %d beside the flood were told", n, secrets)
				}
			}
		})
	}
}

func secretOf(i int) string { return fmt.Sprintf("/data/flood/secret/%d", i) }

func secretsTold(records []record, pid uint32) (n int) {
	for _, r := range records {
		if r.Pid == pid && bpf.EventKind(r.Kind) == bpf.KindAccess && bpf.Op(r.Op) == bpf.OpFileRead &&
			r.Action == uint8(bpf.ActionDeny) && strings.HasPrefix(r.object(), "/data/flood/secret/") {
			n++
		}
	}
	return n
}
