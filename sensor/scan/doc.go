// SPDX-License-Identifier: Apache-2.0

// Package scan judges skills, connectors and agents' configurations before they are loaded, and never executes anything of
// them. It promises that everything is read whole (what could not be read is a finding), that the same bytes give the same
// report on every machine, and that a hostile input costs no more than its limits.
//
// The way of a file: unpack hands it out, archives opened; text makes pieces of it and tells what was hidden; rule, shell, code,
// config, binary, depend and secret find; what the whole unit says of itself is compared with what it does; judge makes one
// verdict of all findings. What is known of attacks is data (rule/data, judge/model.toml), not code.
//
// It is pure: it reads through io/fs, knows no clock, network or kernel, and its time is its caller's context, which every
// analyser asks within a file too; where it ends, that is a finding, and the only thing about a report that depends on the
// machine. A verdict is an opinion about text: what is put together only when it runs, or waits at the other end of an address,
// it does not see.
package scan
