// SPDX-License-Identifier: Apache-2.0

package live

// Threads of an actor that are there before they are asked for anything.

import (
	"runtime"

	"golang.org/x/sys/unix"
)

var threads = map[string]func(act) result{"gather": gather, "each": each}

// crowdMember is a thread that waits for what it is to do.
type crowdMember struct {
	orders  chan act
	answers chan result
}

var crowd []crowdMember

// gather starts threads that stay; it is over when all of them run.
func gather(a act) result {
	for range a.At {
		m := crowdMember{make(chan act), make(chan result)}
		go m.live()
		crowd = append(crowd, m)
		m.ask(act{Do: "noop"})
	}
	return result{}
}

func (m crowdMember) live() {
	runtime.LockOSThread()
	for a := range m.orders {
		r := result{}
		if a.Do == "each" {
			r = open(a.Path, a.Flags)
		}
		r.PID = unix.Gettid()
		m.answers <- r
	}
}

func (m crowdMember) ask(a act) result {
	m.orders <- a
	return <-m.answers
}

// each has every thread of the crowd open a path.
func each(a act) (r result) {
	for _, m := range crowd {
		r.Steps = append(r.Steps, m.ask(a))
	}
	return r
}
