// SPDX-License-Identifier: Apache-2.0

package live

// What the table said of a place of the network is kept for the next one who asks. It must be the answer of who asks: of the policy
// in force, of the role, and of what the session has read; and of that place and no other one.

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
)

// keptPolicy has a role that reaches a place and a name, or not; another one that reaches nothing; and a taint that ends all.
const keptPolicy = `
[[role]]
name = "default"
defaults = { net = "deny", unix = "allow" }
[[role]]
name = "nowhere"
defaults = { net = "deny", unix = "allow" }
[[rule]]
id = "mark"
roles = ["default"]
on = ["file.read"]
match = ["/data/secret/**"]
action = "audit"
taint = "seen"
[[rule]]
id = "names"
roles = ["default"]
on = ["net.domain"]
match = ["*.allowed.test"]
action = "%[1]s"
[[rule]]
id = "numbers"
roles = ["default"]
on = ["net.addr"]
match = ["198.18.0.9:7"]
action = "%[1]s"
` + quietRules

// answersKept counts them.
func answersKept(t *testing.T) int {
	t.Helper()
	n := 0
	for place := range kernel.Maps.Repeats.MaxEntries() {
		var answer struct{ Print, Label, Sealed uint64 }
		must(t, kernel.Maps.Repeats.Lookup(place, &answer))
		if answer.Print != 0 {
			n++
		}
	}
	return n
}

func TestNetAnswersAreKeptForTheSameAsker(t *testing.T) {
	files(t)
	network(t)
	places := [][]string{
		{"tcp4", "connect 198.18.0.9:7"},
		{"udp4", "sendto 198.18.0.9:7 x"},
		{"ask www.allowed.test A"},
	}
	asks := func(want unix.Errno, m member) {
		t.Helper()
		for _, orders := range places {
			for range 2 {
				m.get(want, orders...)
			}
		}
	}
	policy(t, fmt.Sprintf(keptPolicy, "allow"))
	before := answersKept(t)
	free, bound, reader := memberOf(t, 0), memberOf(t, 1), memberOf(t, 0)
	asks(0, free)
	asks(unix.EPERM, bound)
	asks(0, reader)
	reader.want(secret, 0)
	asks(unix.EPERM, reader)
	asks(0, free)
	free.change(bpf.Change{DeniedSet: 1<<bpf.OpNetDomain | 1<<bpf.OpNetAddr})
	asks(unix.EPERM, free)
	free.change(bpf.Change{DeniedClear: 1<<bpf.OpNetDomain | 1<<bpf.OpNetAddr})
	for _, action := range []string{"deny", "allow", "deny"} {
		policy(t, fmt.Sprintf(keptPolicy, action))
		want := unix.EPERM
		if action == "allow" {
			want = 0
		}
		asks(want, free)
	}
	if after := answersKept(t); after <= before {
		t.Errorf("%d answers are kept, and were %d before", after, before)
	}
}

// Of more places than answers can be kept, each has its own.
func TestNetAnswersAreKeptOfTheSamePlace(t *testing.T) {
	network(t)
	policy(t, `
[[role]]
name = "default"
defaults = { net = "deny", unix = "allow" }
[[rule]]
id = "half"
on = ["net.addr"]
match = ["198.18.0.128/25"]
action = "allow"
`)
	m := memberOf(t, 0)
	for range 2 {
		for host := 2; host < 250; host += 4 {
			orders := []string{"udp4"}
			for port := 2000; port < 2100; port++ {
				orders = append(orders, fmt.Sprintf("sendto 198.18.0.%d:%d x", host, port))
			}
			if host >= 128 {
				m.get(0, orders...)
				continue
			}
			for _, o := range orders[1:][:30] {
				m.get(unix.EPERM, "udp4", o)
			}
		}
	}
}
