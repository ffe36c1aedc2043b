// SPDX-License-Identifier: Apache-2.0

// Actor is the process that is watched in the tests of testdata/live: a small program, for it is started thousands of times.
package main

import (
	"runtime"

	"github.com/reeve-sensor/reeve/testdata/live/actor"
)

// The main goroutine keeps the first thread, so every other goroutine is in a thread that does not lead.
func init() { runtime.LockOSThread() }

func main() { actor.Main() }
