// SPDX-License-Identifier: Apache-2.0

// This file ties the kernel's clock to the wall's, and names the boot.

package procfs

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// SinceBoot is the kernel's clock of records (CLOCK_BOOTTIME), in ns.
func SinceBoot() uint64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0 // kernel: fails only on kernels without the clock, before 2.6.39
	}
	return uint64(ts.Nano())
}

// Wall is the wall's time of a moment of the kernel's clock.
func Wall(sinceBoot uint64) time.Time {
	return time.Now().Add(time.Duration(int64(sinceBoot) - int64(SinceBoot())))
}

// BootID is the kernel's name of this boot.
func BootID() (string, error) {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("reading the boot id: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}
