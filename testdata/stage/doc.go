// SPDX-License-Identifier: Apache-2.0

// Package stage is what a play needs under the kernel that holds the policy: reeved as its package installs it, a person
// for whom agents work, and what Reeve says of a session when it is over. The demo and the tests of whole machines share it;
// what is played, and what must come of it, is theirs.
package stage
