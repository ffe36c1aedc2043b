// SPDX-License-Identifier: Apache-2.0

// This file reads which names the kernel has learned for addresses, from what sessions were answered.

package sensor

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/cilium/ebpf"

	"github.com/reeve-sensor/reeve/bpf"
)

// Answers are the names of addresses by what sessions were answered, those that had not expired at a moment (CLOCK_BOOTTIME, ns). bound:
// what is learned meanwhile may not be among them, and what was learned long ago may have made room.
func (k *Kernel) Answers(after uint64) (map[netip.Addr][]string, error) {
	out := map[netip.Addr][]string{}
	var key bpf.AnswerKey
	var answer bpf.Answer
	each := k.Maps.Answers.Iterate()
	for each.Next(&key, &answer) {
		if answer.Expires <= after || int(answer.Length) > len(answer.Name) {
			continue // the one is old, or being written; the other no answer of this kernel side
		}
		address, name := netip.AddrFrom16(key.Address).Unmap(), string(answer.Name[:answer.Length])
		if !slices.Contains(out[address], name) {
			out[address] = append(out[address], name)
		}
	}
	if err := each.Err(); err != nil && !errors.Is(err, ebpf.ErrIterationAborted) {
		return nil, fmt.Errorf("reading which names addresses have: %w", err)
	}
	return out, nil
}
