// SPDX-License-Identifier: Apache-2.0

// Package shadow finds agents that nobody knows of: processes that behave like an agent and are none of the catalogue. It is
// a pure function of what is known of a process; whoever calls it looks at processes. What it says is a suspicion, with the
// evidence: everything it goes by can be forged, and much of it can be left out.
//
// What processes say to each other is not read. A handshake on a pipe would be the plainest evidence, and looking for it would tax
// every write on the machine; who holds which ends costs one look a minute.
package shadow
