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

// Fields of /proc/PID/stat, counted behind the name, which may have anything in it.
const (
	startField  = 19
	memoryField = 20 // bytes of its address space; 0 of what has ended
	envEndField = 48 // where the environment ends; 0 until an exec has laid it out
)

// statField is a number of /proc/PID/stat; 0 where there is none.
func statField(pid uint32, field int) uint64 {
	raw, err := os.ReadFile("/proc/" + Number(pid) + "/stat")
	if err != nil {
		return 0
	}
	text := string(raw)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) <= field {
		return 0
	}
	value, err := strconv.ParseUint(fields[field], 10, 64)
	if err != nil {
		return 0
	}
	return value
}

// Started is when a process began, as a moment since boot; 0 where there is none. It is no finer than a hundredth of a second.
func Started(pid uint32) uint64 {
	return statField(pid, startField) * (uint64(time.Second) / userHz)
}
