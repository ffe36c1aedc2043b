// SPDX-License-Identifier: Apache-2.0

// Package match compiles the globs of a policy to tables that tell, in one walk over a text, which groups of rules hold for
// it. Ten thousand rules cost what one costs. The same tables are walked in the kernel.
//
// The package is pure: tables are a function of the rules, labels of table and text. [Compile] fails with every
// [GlobError] and [LimitError] there is to report, and never takes more than about 250 MB and a few seconds to find out
// that it must. It does not expand `~` or sets, does not say which rule matched ([Match] does, one glob at a time) and does
// not know what an action is.
//
// # Globs
//
// A glob matches the whole text, and case counts. Everywhere:
//
//	?        one character: what utf8.DecodeRune takes, so one byte where the text is not UTF-8
//	[a-z_]   one ASCII byte of the class; [!a-z] one character outside it
//	{a,b}    either; alternatives may be empty, nest, and hold anything, '/' too
//	\x       x itself
//
// On a [Path], a text that begins with '/':
//
//   - any run of bytes within a component; a component is never empty
//     **       as a whole component any number of components, none included; at the end also the folder itself
//
// No wildcard or class matches '/', and a leading dot is nothing special. A glob begins with '/' or with '**'. On a [Line],
// a command line, '*' and '**' are any run of bytes and '/' is a byte like any other. `*?` and `?*` mean the same.
//
// # Construction
//
// The label of a text is a set of groups. Keeping it in the states is what fails: below `**/x/**` each state exists once for
// each set of x that the path may have passed. So what a sticky pattern (`…/**`, on command lines `…*`) has found is no
// state but an emission: when the walk goes on from a state that has just completed it, with '/' on paths and with any byte
// on command lines, a mask is OR-ed into a register. The label is the register and the accept masks of the last states.
//
// Three automata are walked together, because the sum of their states is small and the product is not:
//
//	A  anchored patterns. Plain `/p/**` stays in a state of its own instead of emitting: such states nest, they don't multiply.
//	B  patterns that begin with `**/`, on command lines with `*`.
//	C  the awkward ones. Paths: a component after the first of `**/…` that begins with a wildcard, a second `**` inside, two
//	   stars in one component below `**/`. Command lines: two stars, not counting one at the end.
//
// Excepts whose rule lies in the same automaton, neither of them emitting, are settled in the accept sets. Others get an
// atom, shared by the rules of a group with equal excepts: bit P of the register says that a rule matched, bit N that an
// except did, and P &^ N is folded into the label at the end. Excepts that can meet no text of their rule count for nothing.
//
// Each automaton is a trie of tokens made deterministic over one alphabet of byte classes, then minimal by Hopcroft's
// algorithm from the partition by (accept set, emission set), numbered breadth-first. Equal [State]s have equal futures.
//
// # Moves
//
// [CompileMoves] adds to each state what may be found below a folder whose name ends there, beyond what is found below every
// folder, so that [Lost] can answer what a folder's content may lose by a move without looking at it: an upper bound, exact
// where the two states are equal. 10,000 rules have 600 different futures of 24 bytes; they cost no time to speak of.
//
// # Figures
//
// From the tests' mixes of rules (rules_test.go) in 20 groups, a tenth of the path rules (but at most 64) and a twentieth of the line rules
// with excepts. States are minimal, A + B + C; seconds are of one core, on a machine with two busy ones.
//
//	paths    10      124 +    19 +      1 states      16 KB   0.002 s
//	paths   100      776 +   200 +      1 states     134 KB   0.005 s
//	paths  1000    4,802 + 1,322 +     47 states     0.8 MB   0.04-0.09 s
//	paths 10000   24,816 + 9,243 +     47 states     4.3 MB   0.3-0.8 s
//	lines    10      131 +     1 +    185 states     107 KB   0.003 s, 64 KB of it folds
//	lines   100    1,251 +   140 +    732 states     373 KB   0.01 s
//	lines  1000   25,459 +   687 + 24,161 states     7.3 MB   0.3-0.5 s
//	lines  2000   69,749 + 1,236 + 86,577 states      23 MB   1.7 s
//
// Command lines grow faster, since a `*` in one crosses everything: 3,000 of the mix pass the limits. With patterns like
// `git *a*b*` in A instead of C, 1,000 took 105,000 states and 15 MB. What multiplies is "a was passed" for each a that two
// patterns of one beginning do not share: 4 and 8 of `git *a*b*` take 333 and 10,000 states, and 12 pass the limits: they
// are good for single cases. `git push *--force*` costs the length of its text in each place where another `*` may be open.
// On paths, 32 of `**/x/*.y` take 4,700 states, 8 of `**/x/**/y` 11,000.
package match
