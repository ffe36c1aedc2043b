// SPDX-License-Identifier: Apache-2.0

// This file speaks to systemd: ready, reloading, alive, stopping (sd_notify(3)).

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// notify sends a state to systemd. Without one listening it does nothing.
func notify(state string) error {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("telling systemd: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("telling systemd: %w", err)
	}
	return nil
}

// reloading is the state before a reload: systemd wants the moment, on its clock.
func reloading() string {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", ts.Nano()/1000)
}

// watchdog says twice in each period that the daemon lives, as long as alive says so.
func watchdog(ctx context.Context, alive func() bool) {
	period, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || period <= 0 {
		return
	}
	t := time.NewTicker(time.Duration(period) * time.Microsecond / 2)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if alive() {
				_ = notify("WATCHDOG=1")
			}
		case <-ctx.Done():
			return
		}
	}
}
