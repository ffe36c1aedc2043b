// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

package probe

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// Ask is a question to the kernel's decision, and its answer.
type Ask = probeAsk

// AskMove is a question to the kernel's judgement of a move, and its answer.
type AskMove = probeAskMove

// Decider asks the kernel. Close it.
type Decider struct {
	objects probeObjects
}

// OpenDecider loads the decision over a map of tables of that size.
func OpenDecider(tables *ebpf.Map, size uint32) (*Decider, error) {
	spec, err := loadProbe()
	if err != nil {
		return nil, err
	}
	if err := spec.Variables[probeVarCfgTableSize].Set(size); err != nil {
		return nil, err
	}
	spec.Maps[probeMapTables].InnerMap.ValueSize = size
	d := new(Decider)
	options := &ebpf.CollectionOptions{MapReplacements: map[string]*ebpf.Map{probeMapTables: tables}}
	if err := spec.LoadAndAssign(&d.objects, options); err != nil {
		return nil, fmt.Errorf("loading the probe: %w", err)
	}
	return d, nil
}

var errNoAnswer = errors.New("the kernel has no table or no buffer")

// Decide answers one question in place.
func (d *Decider) Decide(ask *Ask) error {
	answer, err := d.objects.Decide.Run(&ebpf.RunOptions{Context: ask, ContextOut: ask})
	if err != nil {
		return fmt.Errorf("running the probe: %w", err)
	}
	if answer != 0 {
		return errNoAnswer
	}
	return nil
}

// Move answers one question in place.
func (d *Decider) Move(ask *AskMove) error {
	answer, err := d.objects.Move.Run(&ebpf.RunOptions{Context: ask, ContextOut: ask})
	if err != nil {
		return fmt.Errorf("running the probe: %w", err)
	}
	if answer != 0 {
		return errNoAnswer
	}
	return nil
}

// Close frees the probe.
func (d *Decider) Close() error { return d.objects.Close() }
