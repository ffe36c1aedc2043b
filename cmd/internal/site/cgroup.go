// SPDX-License-Identifier: Apache-2.0

// This file checks --cgroup, which the daemon and doctor share.

package site

import (
	"fmt"

	"github.com/reeve-sensor/reeve/sensor"
)

// CheckCgroup checks where the command line wants networks judged; "" is the whole host.
func CheckCgroup(path string) error {
	if path == "" {
		return nil
	}
	if err := sensor.CheckCgroup(path); err != nil {
		return Hint(fmt.Errorf("--cgroup: %w", err), "a folder below a mount of cgroup2, as findmnt -t cgroup2 lists them")
	}
	return nil
}
