// SPDX-License-Identifier: Apache-2.0

// Package disk is the inventory's way to the disk. It opens what it is asked for so that nothing waits (pipes, devices, file
// systems whose servers may be away) and nothing is started, with the rights of the person whose home it is, at the lowest
// priority. A person's links therefore lead nowhere that the person could not go.
package disk
