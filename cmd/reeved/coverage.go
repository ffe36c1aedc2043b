// SPDX-License-Identifier: Apache-2.0

// This file says what the running kernel lets be held, as far as the daemon can tell from outside.

package main

import (
	"os"
	"slices"
	"strings"
)

// activeLSMs is where the kernel lists the security modules whose hooks are called.
const activeLSMs = "/sys/kernel/security/lsm"

// coverage is full where bpf is among the active security modules: elsewhere programs attach and are never called.
func coverage() string {
	raw, err := os.ReadFile(activeLSMs)
	if err != nil || !slices.Contains(strings.Split(strings.TrimSpace(string(raw)), ","), "bpf") {
		return "observe"
	}
	return "full"
}
