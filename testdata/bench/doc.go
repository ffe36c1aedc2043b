// SPDX-License-Identifier: Apache-2.0

// Package bench measures what the sensor costs, in instructions: a test machine whose clock counts them (testdata/vm)
// runs the operations of ops/ops.c without programs, with programs that only return, and with the sensor, inside and outside
// of a session. It promises figures that repeat within about 2 % on any host; they are no times, for caches and memory
// do not show in them.
//
// Some of these figures are goldens, with what the verifier walks for each program, the weight of the binaries and the
// memory of the daemon: the budget (testdata/budget.txt). Which lines the verifier walks most is printed on demand (Walked).
//
// Its tests hold two more things, in the same machines: the verifier's part of the budget, and that no verdict mixes two
// policies while they are exchanged.
package bench
