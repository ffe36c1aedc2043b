// SPDX-License-Identifier: Apache-2.0

// This file ties the kernel's clock to the wall's, and names the boot.

package procfs

import (
	"fmt"
	"os"
	"strconv"
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

// userHz is in what part of a second /proc tells start times (kernel: USER_HZ is 100 on every architecture that is built).
const userHz = 100

// Ticks is a moment since boot as /proc/PID/stat writes it.
func Ticks(sinceBoot uint64) string {
	return strconv.FormatUint(sinceBoot/(uint64(time.Second)/userHz), 10)
}

// BootID is the kernel's name of this boot.
func BootID() (string, error) {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("reading the boot id: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}
