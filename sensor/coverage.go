// SPDX-License-Identifier: Apache-2.0

// Coverage: what the running kernel lets be held, by effect. A tiny program is loaded, attached, and seen to refuse a
// child of this process; version numbers and the list of security modules prove nothing.

package sensor

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/reeve-sensor/reeve/bpf/canary"
)

// Coverage is how much is held.
type Coverage string

const (
	// Full: refusals take effect.
	Full Coverage = "full"
	// Observe: programs see, nothing is refused.
	Observe Coverage = "observe"
	// None: no program runs.
	None Coverage = "none"
)

// Finding is what was found, and what stood in the way of more.
type Finding struct {
	Coverage Coverage
	Reason   error // nil at Full
}

// ErrNoEffect says that a program loaded and attached and was never asked: bpf is not among the active security modules.
var ErrNoEffect = errors.New("a refusing program was attached and did not take effect")

// Probe finds the coverage. It runs a harmless program twice; the second exec is refused where coverage is full. It needs
// the rights to load programs.
func Probe() Finding {
	refuse, err := effect()
	if err == nil && refuse {
		return Finding{Coverage: Full}
	}
	if err == nil {
		err = ErrNoEffect
	}
	see, seeErr := canary.Attach(canary.See, 0)
	if seeErr != nil {
		return Finding{None, errors.Join(err, seeErr)}
	}
	see.Close()
	return Finding{Observe, err}
}

// effect reports whether a child's exec is refused while the canary sits, and goes on without it.
func effect() (bool, error) {
	if err := child(); err != nil {
		return false, fmt.Errorf("running a program to try: %w", err)
	}
	sits, err := canary.Attach(canary.Refuse, uint32(os.Getpid()))
	if err != nil {
		return false, err
	}
	err = child()
	if closeErr := sits.Close(); closeErr != nil {
		return false, fmt.Errorf("taking the canary away: %w", closeErr)
	}
	if err == nil {
		return false, nil
	}
	if !errors.Is(err, syscall.EPERM) {
		return false, fmt.Errorf("running a program under the canary: %w", err)
	}
	return true, nil
}

// child executes what is everywhere and does nothing.
func child() error {
	return exec.Command("/bin/true").Run()
}
