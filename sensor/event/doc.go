// SPDX-License-Identifier: Apache-2.0

// Package event turns what the kernel's rings carry into what people, stores and plugins read.
//
// Decode takes one record as the kernel wrote it and gives an owned Record; nothing of the ring's memory stays. An
// Assembler joins the records of one exec (its object, its command line in pieces, on either ring, in any order) into one
// Event. Unwrap finds the command that a model asked for inside of its agent's shell wrapper, Redact takes known secret
// shapes out, and OCSF is the JSON form. All of it is pure: no clock, no files, no kernel.
//
// Decode fails on a record that is shorter than it says it is; it never panics and never reads past its argument. An
// Assembler loses nothing: what it cannot join it gives out apart, and counts.
package event
