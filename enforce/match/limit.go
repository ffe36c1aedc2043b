// SPDX-License-Identifier: Apache-2.0

// The limits that keep a policy from eating the host's memory, and the error that names who broke one.

package match

import (
	"fmt"
	"strings"
)

const (
	maxGlob         = 4096      // bytes of one glob
	maxAlternatives = 256       // globs that the braces of one glob stand for
	maxTokens       = 3_000_000 // of all globs after their braces
	maxOverlap      = 1 << 16   // bytes of one glob times another's, past which they count as meeting

	maxAtoms   = 64 // rules whose excepts need the register; groups with equal excepts share one
	maxAwkward = 32 // patterns in automaton C
	maxSinks   = 8  // of them with an inner `**`
	maxTwins   = 8  // of them like `**/*a*b`

	maxNodes = 600_000    // of one automaton's trie
	maxRaw   = 400_000    // states of one automaton before it is minimised
	maxCells = 16_000_000 // transitions of these: states times classes, 64 MB
	maxWork  = 16_000_000 // positions put together to find them; a second or two, 10,000 rules need 200,000
	maxMasks = 65_535     // distinct accept and emission sets
	maxAhead = 65_535     // distinct futures; states beyond share one that may lose everything
	maxBytes = 64 << 20   // of the encoded table

	maxSuspects = 8 // rules that an error about states names
)

// LimitError says that rules need more of something than a table may have.
type LimitError struct {
	Rules []string // who needs it
	What  string
	Limit int
	Hint  string
}

func (e *LimitError) Error() string {
	const named = 5
	who, more := e.Rules, ""
	if len(who) > named {
		who, more = who[:named], fmt.Sprintf(" and %d more", len(who)-named)
	}
	text := fmt.Sprintf("more than %d %s", e.Limit, e.What)
	if len(who) > 0 {
		text += ": rules " + strings.Join(who, ", ") + more
	}
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}
