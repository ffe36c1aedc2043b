// SPDX-License-Identifier: Apache-2.0

// Package inventory knows the agents: by which programs they are recognised, how they wrap what a model asks for, and what
// their own start needs. The catalogue is a table of TOML files in the binary; a site adds to it, or replaces an entry as a
// whole, in /etc/reeve/agents.d. All faults of a catalogue are told at once, each with file, line and hint.
//
// It also has the words of the inventory: an Item is one thing found on a workstation, its Identity is what it is in terms that
// cannot be borrowed. The packages below find items (discover), judge them (risk, shadow), keep them current (live) and keep
// what was decided about them (approve).
package inventory
