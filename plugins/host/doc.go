// SPDX-License-Identifier: Apache-2.0

// Package host runs plugins: each as a process of its own under a user of its own, from the very bytes that were hashed.
//
// Nobody waits for a plugin. What it exports goes through a queue on disk (plugins/queue) and is sent again until it arrives; what
// rules want of it goes through a short queue in memory, with a time after which it is told as failed. A plugin that does not
// answer in time, uses too much memory or dies is ended and started again, after a pause that grows; one whose back end is down
// is left alone for as long. Both pauses, and everything that was lost, are in its [Status].
//
// The package knows neither the sensor nor the kernel: cmd/reeved turns events into the contract's, and does what plugins ask.
package host
