// SPDX-License-Identifier: Apache-2.0

// This file says errors as people read them: one line a fault, two hints at most.

package site

import (
	"errors"
	"strings"

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

// walk says each of several errors by itself, whatever they are wrapped in.
func walk(err error, lines, hints *[]string) {
	if _, one := errors.AsType[*Hinted](err); !one {
		if many := several(err); many != nil {
			for _, inner := range many {
				walk(inner, lines, hints)
			}
			return
		}
	}
	*lines = append(*lines, strings.ReplaceAll(err.Error(), "\n", "; "))
	for _, h := range advice(err) {
		if h != "" {
			*hints = append(*hints, h)
		}
	}
}

// several are the errors that err is a list of. One that names two causes in one line is no list.
func several(err error) []error {
	if !strings.Contains(err.Error(), "\n") {
		return nil
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if list, ok := err.(interface{ Unwrap() []error }); ok {
			return list.Unwrap()
		}
	}
	return nil
}

func advice(err error) []string {
	if e, ok := errors.AsType[*Hinted](err); ok {
		return e.Hints
	}
	if e, ok := errors.AsType[*Fault](err); ok {
		return []string{e.Hint}
	}
	if e, ok := errors.AsType[*inventory.Problem](err); ok {
		return []string{e.Hint}
	}
	if e, ok := errors.AsType[*enforce.Problem](err); ok {
		return []string{e.Hint}
	}
	return nil
}
