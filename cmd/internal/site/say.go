// SPDX-License-Identifier: Apache-2.0

// This file says errors as people read them: one line a fault, two hints at most.

package site

import (
	"errors"

	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// hintsMax is how many hints are worth reading.
const hintsMax = 2

// Hinted is an error with advice.
type Hinted struct {
	Err   error
	Hints []string
}

func (h *Hinted) Error() string { return h.Err.Error() }
func (h *Hinted) Unwrap() error { return h.Err }

// Hint adds advice to an error.
func Hint(err error, hints ...string) error { return &Hinted{err, hints} }

// Say takes an error apart.
func Say(err error) (lines, hints []string) {
	walk(err, &lines, &hints)
	if len(hints) > hintsMax {
		hints = hints[:hintsMax]
	}
	return lines, hints
}

func walk(err error, lines, hints *[]string) {
	add := func(line string, advice ...string) {
		*lines = append(*lines, line)
		for _, h := range advice {
			if h != "" {
				*hints = append(*hints, h)
			}
		}
	}
	switch e := err.(type) {
	case *Hinted:
		add(e.Error(), e.Hints...)
		return
	case *Fault:
		add(e.Error(), e.Hint)
		return
	case *inventory.Problem:
		add(e.Error(), e.Hint)
		return
	case *enforce.Problem:
		add(e.Error(), e.Hint)
		return
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			walk(inner, lines, hints)
		}
		return
	}
	if inner := errors.Unwrap(err); inner != nil {
		if _, many := inner.(interface{ Unwrap() []error }); many {
			walk(inner, lines, hints)
			return
		}
	}
	add(err.Error())
}
