// SPDX-License-Identifier: Apache-2.0

// This file is the way to the daemon, and how its answers' errors are told.

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/sensor/api"
)

// dial connects to the daemon, at the door of administrators where it opens.
func (e *env) dial(ctx context.Context, doors ...api.Door) (*api.Client, error) {
	if len(doors) == 0 {
		doors = []api.Door{api.Admin, api.Own}
	}
	// Inside of sessions the configuration may not be read, and that would be told as a refusal: where it is packaged first.
	if doors[0] == api.Inside && e.config == site.DefaultConfig {
		if client, err := api.Dial(ctx, site.Defaults().Run, doors...); err == nil {
			return client, nil
		}
	}
	c, err := site.ReadConfig(e.config)
	if err != nil {
		return nil, err
	}
	client, err := api.Dial(ctx, c.Run, doors...)
	if errors.Is(err, fs.ErrPermission) {
		return nil, site.Hint(errors.New("the daemon does not take calls from here"), "only `reeve why` works inside of a session")
	}
	if err != nil {
		return nil, site.Hint(fmt.Errorf("no daemon answers in %s", c.Run), "systemctl start reeved", "reeve doctor says whether it can run here")
	}
	return client, nil
}

// told turns an answer's error into one for people.
func told(err error) error {
	if err == nil {
		return nil
	}
	s := status.Convert(err)
	switch s.Code() {
	case codes.PermissionDenied:
		if strings.HasPrefix(s.Message(), "processes of a session") {
			return site.Hint(errors.New(s.Message()), "reeve why")
		}
		return site.Hint(errors.New(s.Message()), "try it as root, or as a member of the group reeve")
	case codes.NotFound:
		return &exit{exitNo, site.Hint(errors.New(s.Message()), "reeve sessions --all lists what can be named")}
	case codes.Unavailable:
		return site.Hint(errors.New("the daemon went away"), "systemctl status reeved")
	case codes.Canceled:
		return &exit{code: exitDone}
	}
	return errors.New(s.Message())
}

// clock is a time of today, to the millisecond.
func clock(micros int64) string { return time.UnixMicro(micros).Format("15:04:05.000") }

// since says a moment as people do.
func since(ms int64, now time.Time) string {
	if ms == 0 {
		return ""
	}
	return lasted(now.Sub(time.UnixMilli(ms))) + " ago"
}

// lasted rounds a time to what is worth reading.
func lasted(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd", int(d.Hours())/24)
}
