// SPDX-License-Identifier: Apache-2.0

// Package api is what a plugin is written with: a [Plugin] that says what it can do, and [Main] that serves it.
//
// A plugin is a process of its own, under a user of its own, with an environment that holds nothing. The host promises:
//
//   - Configure is called once, before anything else, with settings that fit what the plugin declared.
//   - Export gets events in the order in which they happened, one call at a time. What was not answered without an error comes
//     again, in this process or the next: at least once. An event keeps its ID, so who receives it can tell.
//   - Each call has a deadline, in its context. Who does not answer by then is ended, and started again after a while.
//   - A plugin may do nothing to the machine by itself. What it asks of its [Session] the host does, if the rule that called it
//     named that action or the configuration lets the plugin ask for it.
//
// What it does not promise: that a call comes soon. Nobody waits for a plugin.
package api
