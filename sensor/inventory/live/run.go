// SPDX-License-Identifier: Apache-2.0

// This file takes in what running agents were given beside what lies in homes and projects.

package live

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/reeve-sensor/reeve/sensor/inventory/discover"
)

// runsMax bounds the runs of agents that are looked at.
const runsMax = 500

// Given tells what the running agents of each user were given. What ended is forgotten at the next full pass.
func (k *Keeper) Given(runs map[string][]discover.Run) {
	now := map[place]discover.Run{}
	for user, list := range runs {
		for _, r := range list {
			raw, err := json.Marshal(r)
			if err != nil || len(now) >= runsMax {
				continue
			}
			sum := sha256.Sum256(raw)
			now[place{user, "run", fmt.Sprintf("%s#%x", r.Cwd, sum[:6])}] = r
		}
	}
	k.mu.Lock()
	was := k.runs
	k.runs = now
	k.mu.Unlock()
	for p := range now {
		if _, known := was[p]; !known {
			k.touch(p)
		}
	}
}

func (k *Keeper) runsOf(user string) []place {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []place
	for p := range k.runs {
		if p.user == user {
			out = append(out, p)
		}
	}
	return out
}
