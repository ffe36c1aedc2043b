// SPDX-License-Identifier: Apache-2.0

package actor

// Threads of an actor that are there before they are asked for anything.

import (
	"runtime"

	"golang.org/x/sys/unix"
)

var threads = map[string]func(Act) Result{"gather": gather, "each": each}

// crowdMember is a thread that waits for what it is to do.
type crowdMember struct {
	orders  chan Act
	answers chan Result
}

var crowd []crowdMember

// gather starts threads that stay; it is over when all of them run.
func gather(a Act) Result {
	for range a.At {
		m := crowdMember{make(chan Act), make(chan Result)}
		go m.live()
		crowd = append(crowd, m)
		m.ask(Act{Do: "noop"})
	}
	return Result{}
}

func (m crowdMember) live() {
	runtime.LockOSThread()
	for a := range m.orders {
		r := Result{}
		if a.Do == "each" {
			r = open(a.Path, a.Flags)
		}
		r.PID = unix.Gettid()
		m.answers <- r
	}
}

func (m crowdMember) ask(a Act) Result {
	m.orders <- a
	return <-m.answers
}

// each has every thread of the crowd open a path.
func each(a Act) (r Result) {
	for _, m := range crowd {
		r.Steps = append(r.Steps, m.ask(a))
	}
	return r
}
