// SPDX-License-Identifier: Apache-2.0

// This file bounds what following a program may cost, whatever it was made to cost, and asks whether there is still time.

package code

// Bounds of what following one program costs, in looks at a token: for each that it has (real programs take up to 20), and for a
// short one; how many tokens of a look through the whole program cost as much as one; how long a dotted name is told from others.
const (
	maxSteps   = 200
	shortSteps = 100_000
	wholes     = 8
	maxName    = 1000
)

// step counts one look, and says whether there may be another.
func (f *flow) step() bool {
	if f.steps++; f.steps >= f.ask && !f.over {
		f.ask = f.steps + 4096
		f.over = f.ctx.Err() != nil
		if f.steps > maxSteps*len(f.toks)+shortSteps {
			f.over = true
			f.tell("ARC-UNREAD", 0, "a program that was made to cost more than reading it may: it is not followed further")
		}
	}
	return !f.over
}
