// SPDX-License-Identifier: Apache-2.0

package observe

// Connectors by tracepoints alone: nothing is refused, and everything says who acts.

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/event"
)

func TestTracepointsTellConnectors(t *testing.T) {
	dir := stage(t)
	k := observed(t, dir)
	program, tool := filepath.Join(dir, "agent"), filepath.Join(dir, "tool")
	f, err := os.Open(tool)
	must(t, err)
	pinned, err := sensor.Stamp(f)
	must(t, err)
	must(t, f.Close())
	const number = uint16(bpf.PrincipalFirst)
	loose := bpf.Start{Principal: number, Flags: uint16(bpf.StartApproved)}
	pinned.Principal, pinned.Flags = number, uint16(bpf.StartPinned)
	stale, moved := pinned, pinned
	stale.ChangedNs ^= 1
	moved.Device ^= 1
	elsewhere := filepath.Join(dir, "elsewhere", "tool")
	for name, c := range map[string]struct {
		known  sensor.Known
		want   uint16 // who the tool is
		starts bool   // as a connector
		open   []sensor.Open
	}{
		"its command":              {sensor.Known{Command: sensor.Command{Program: tool, Args: []string{"--flag", "with space"}}, Start: loose}, number | uint16(bpf.PrincipalUnpinned), true, nil},
		"its content":              {sensor.Known{Command: sensor.Command{Program: tool, Args: []string{"--flag", "with space"}}, Start: pinned}, number, true, nil},
		"another content":          {sensor.Known{Command: sensor.Command{Program: tool, Args: []string{"--flag", "with space"}}, Start: stale}, number | uint16(bpf.PrincipalUnpinned), true, nil},
		"another file system":      {sensor.Known{Command: sensor.Command{Program: tool, Args: []string{"--flag", "with space"}}, Start: moved}, number | uint16(bpf.PrincipalUnpinned), true, nil},
		"another program's":        {sensor.Known{Command: sensor.Command{Program: elsewhere, Args: []string{"--flag", "with space"}}, Start: loose}, uint16(bpf.PrincipalAgent), true, nil},
		"arguments cut otherwise":  {sensor.Known{Command: sensor.Command{Program: tool, Args: []string{"--flag", "with", "space"}}, Start: loose}, uint16(bpf.PrincipalAgent), false, nil},
		"an argument less":         {sensor.Known{Command: sensor.Command{Program: tool, Args: []string{"--flag"}}, Start: loose}, uint16(bpf.PrincipalAgent), false, nil},
		"an empty argument more":   {sensor.Known{Command: sensor.Command{Program: tool, Args: []string{"--flag", "with space", ""}}, Start: loose}, uint16(bpf.PrincipalAgent), false, nil},
		"the session's user's own": {sensor.Known{Command: sensor.Command{User: 4_000_000, Program: tool, Args: []string{"--flag", "with space"}}, Start: loose}, uint16(bpf.PrincipalAgent), false, nil},
		"open, but known": {sensor.Known{Command: sensor.Command{Program: tool, Args: []string{"--flag", "with space"}}, Start: loose},
			number | uint16(bpf.PrincipalUnpinned), true, []sensor.Open{{User: bpf.CommandAnyone, Name: "tool", Args: 2}}},
		"open, by its name":                      {sensor.Known{Command: sensor.Command{Program: elsewhere, Args: []string{"x"}}}, uint16(bpf.PrincipalAgent), true, []sensor.Open{{User: bpf.CommandAnyone, Name: "tool", Args: 2, Fixed: ""}}},
		"open, by an argument":                   {sensor.Known{Command: sensor.Command{Program: elsewhere, Args: []string{"x"}}}, uint16(bpf.PrincipalAgent), true, []sensor.Open{{User: bpf.CommandAnyone, Name: "tool", Args: 2, Fixed: "--flag\x00"}}},
		"open, by a part of one":                 {sensor.Known{Command: sensor.Command{Program: elsewhere, Args: []string{"x"}}}, uint16(bpf.PrincipalAgent), true, []sensor.Open{{User: bpf.CommandAnyone, Name: "tool", Args: 2, Fixed: "--flag\x00with"}}},
		"open, as far as several are":            {sensor.Known{Command: sensor.Command{Program: elsewhere, Args: []string{"x"}}}, uint16(bpf.PrincipalAgent), true, []sensor.Open{{User: bpf.CommandAnyone, Name: "tool", Args: 2, Fixed: "--flag\x00with"}, {User: bpf.CommandAnyone, Name: "tool", Args: 2, Fixed: "--fl"}}},
		"open, the user's as far as everybody's": {sensor.Known{Command: sensor.Command{Program: elsewhere, Args: []string{"x"}}}, uint16(bpf.PrincipalAgent), true, []sensor.Open{{User: bpf.CommandAnyone, Name: "tool", Args: 2, Fixed: "--flag\x00"}, {User: uint32(os.Getuid()), Name: "tool", Args: 2, Fixed: "--other"}}},
		"open, the user's own":                   {sensor.Known{Command: sensor.Command{Program: elsewhere, Args: []string{"x"}}}, uint16(bpf.PrincipalAgent), true, []sensor.Open{{User: bpf.CommandAnyone, Name: "tool", Args: 2, Fixed: "--other"}, {User: uint32(os.Getuid()), Name: "tool", Args: 2, Fixed: "--flag"}}},
		"open, with another argument":            {sensor.Known{Command: sensor.Command{Program: elsewhere, Args: []string{"x"}}}, uint16(bpf.PrincipalAgent), false, []sensor.Open{{User: bpf.CommandAnyone, Name: "tool", Args: 2, Fixed: "--flags"}}},
		"open, with another argument behind":     {sensor.Known{Command: sensor.Command{Program: elsewhere, Args: []string{"x"}}}, uint16(bpf.PrincipalAgent), false, []sensor.Open{{User: bpf.CommandAnyone, Name: "tool", Args: 2, Fixed: "--flag\x00width"}}},
		"open, with an argument more":            {sensor.Known{Command: sensor.Command{Program: elsewhere, Args: []string{"x"}}}, uint16(bpf.PrincipalAgent), false, []sensor.Open{{User: bpf.CommandAnyone, Name: "tool", Args: 3, Fixed: ""}}},
		"open, of another name":                  {sensor.Known{Command: sensor.Command{Program: elsewhere, Args: []string{"x"}}}, uint16(bpf.PrincipalAgent), false, []sensor.Open{{User: bpf.CommandAnyone, Name: "tools", Args: 2, Fixed: ""}}},
		"open, somebody else's":                  {sensor.Known{Command: sensor.Command{Program: elsewhere, Args: []string{"x"}}}, uint16(bpf.PrincipalAgent), false, []sensor.Open{{User: 4_000_000, Name: "tool", Args: 2, Fixed: ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			c.known.Name = c.known.Program
			if c.known.User == 0 {
				c.known.User = bpf.CommandAnyone
			}
			known := sensor.Commands([]sensor.Known{c.known})
			maps.Copy(known, sensor.OpenCommands(c.open))
			must(t, k.SetCommands(known, true))
			s, stop := record(t, k)
			root, status := run(t, "agent", program, dir)
			left := func() *event.Event { return s.find(line("/proc/self/exe", "left behind")) }
			eventually(func() bool { return left() != nil && s.find(of(event.Exit, root)) != nil })
			stop()
			tool := s.find(line(tool, "--flag", "with space"))
			begun := s.find(of(event.Exec, root))
			if status != agentStatus || tool == nil || begun == nil || left() == nil {
				t.Fatalf("the agent ended with %d; %+v, %+v, %+v", status, begun, tool, left())
			}
			if begun.Head.Principal != uint16(bpf.PrincipalAgent) || tool.Head.Principal != c.want {
				t.Errorf("the agent is %d, what it starts %#x, want %#x", begun.Head.Principal, tool.Head.Principal, c.want)
			}
			if inherits := left().Head.Principal; inherits != c.want {
				t.Errorf("what that leaves behind is %#x", inherits)
			}
			started := s.find(func(e *event.Event) bool { return e.Starts() && e.Head.Op == event.Op(bpf.OpConnectorStart) })
			if (started != nil) != c.starts || started != nil && (started.Path != filepath.Join(dir, "tool") || started.Head.Applied()) {
				t.Errorf("told as a connector's start: %+v, want %t", started, c.starts)
			}
		})
	}
}
