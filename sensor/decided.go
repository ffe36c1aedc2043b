// SPDX-License-Identifier: Apache-2.0

// This file tells the kernel what was decided about agents. It knows them by the catalogue, not by what they are, so that a decision is
// about all of an agent that one person may start.

package sensor

import (
	"errors"
	"fmt"

	"github.com/reeve-sensor/reeve/bpf"
)

// Decisions are what people decided about agents, by person.
type Decisions map[bpf.DecidedKey]bpf.StartFlag

// Stricter is the stricter one of two decisions about the same thing: revoked before asked for, asked for before approved, not pinned
// before pinned, other content before what is declared.
func Stricter(a, b bpf.StartFlag) bpf.StartFlag {
	return a&b&(bpf.StartApproved|bpf.StartPinned) | (a|b)&(bpf.StartRevoked|bpf.StartOther)
}

// errManyDecisions says that some decisions do not hold.
var errManyDecisions = fmt.Errorf("more decisions about agents than the kernel's map holds, %d: the rest of the agents start as policy says", bpf.DecidedMax)

// SetDecided makes the kernel know these decisions. Where they are all that there are it knows no others after that; else those that an
// earlier daemon set stay, and may only become stricter. What could not be set is in the error; the rest holds.
func (k *Kernel) SetDecided(want Decisions, all bool) error {
	have, err := k.decided()
	if err != nil {
		return err
	}
	for key := range have {
		if _, stays := want[key]; stays || !all {
			continue
		}
		if err := k.Maps.Decided.Delete(key); err != nil {
			return fmt.Errorf("forgetting a decision about agent %d: %w", key.Agent, err)
		}
		delete(have, key)
	}
	var problem error
	for key, flags := range want {
		old, known := have[key]
		if known && !all {
			flags = Stricter(old, flags)
		}
		switch {
		case known && old == flags:
		case !known && len(have) == bpf.DecidedMax:
			problem = errManyDecisions
		default:
			if err := k.Maps.Decided.Put(key, uint32(flags)); err != nil {
				return errors.Join(problem, fmt.Errorf("setting a decision about agent %d: %w", key.Agent, err))
			}
			have[key] = flags
		}
	}
	return problem
}

// decided are the decisions in the map.
func (k *Kernel) decided() (Decisions, error) {
	have := Decisions{}
	var key bpf.DecidedKey
	var flags uint32
	each := k.Maps.Decided.Iterate()
	for each.Next(&key, &flags) {
		have[key] = bpf.StartFlag(flags)
	}
	if err := each.Err(); err != nil {
		return nil, fmt.Errorf("reading what was decided about agents: %w", err)
	}
	return have, nil
}
