// SPDX-License-Identifier: Apache-2.0

// Package respond sees the whole daemon act by itself, in a machine: reeved as its unit runs the plugins contain and syslog as
// their users, a rule has a session frozen, and a listener is told. The same machine has what else needs the whole daemon
// where everything is held: faulty policies, what keeps right ones from doing harm, and what doctor says.
package respond
