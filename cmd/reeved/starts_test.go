// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/approve"
	"github.com/reeve-sensor/reeve/sensor/inventory/discover"
	"github.com/reeve-sensor/reeve/sensor/inventory/disk"
	keeping "github.com/reeve-sensor/reeve/sensor/inventory/live"
)

// kernelMap is what the kernel would have been told.
type kernelMap struct {
	mu     sync.Mutex
	known  map[bpf.Command]bpf.Start
	agents sensor.Decisions
	all    bool
}

func (k *kernelMap) SetCommands(known map[bpf.Command]bpf.Start, all bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known, k.all = known, all
	return nil
}

func (k *kernelMap) SetDecided(agents sensor.Decisions, all bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.agents = agents
	return nil
}

// start is what is known of a command line, program first.
func (k *kernelMap) start(line string) (bpf.Start, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key, start := range k.known {
		if strings.TrimRight(string(key.Text[:]), "\x00") == strings.ReplaceAll(line, " ", "\x00") {
			return start, true
		}
	}
	return bpf.Start{}, false
}

func TestKernelIsToldOfConnectors(t *testing.T) {
	program := filepath.Join(t.TempDir(), "server")
	if err := os.WriteFile(program, []byte("one"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := stockedWith(t, fmt.Sprintf("version = 1\n[[connector]]\nname = \"ours\"\ncommand = [%q, \"declared\"]\n", program))
	k := &kernelMap{}
	c := &starts{stock: s.stock, people: func() []keeping.Person { return nil }, kernel: k, log: slog.New(slog.DiscardHandler)}
	told := func(what, line string, want bpf.Start) {
		t.Helper()
		s.await(what, func() bool {
			c.look(time.Now())
			is, ok := k.start(line)
			return ok && is.Principal == want.Principal && is.Flags == want.Flags
		})
	}
	configure := func(argument string) {
		s.put(".claude.json", fmt.Sprintf(`{"mcpServers":{"srv":{"command":%q,"args":[%q]}}}`, program, argument))
	}
	decide := func(state approve.State) {
		t.Helper()
		q := approve.Request{State: state, Kind: inventory.KindConnector, Name: "srv"}
		if _, err := s.Decide(&q, event.Actor{}); err != nil {
			t.Fatal(err)
		}
	}
	first := uint16(bpf.PrincipalFirst)
	told("a declaration", program+" declared", bpf.Start{Principal: first})
	configure("v1")
	told("a configuration", program+" v1", bpf.Start{})
	told("its name", "server v1", bpf.Start{})
	decide(approve.Approved)
	told("an approval", program+" v1", bpf.Start{Flags: uint16(bpf.StartApproved)})
	told("its name, after the approval", "server v1", bpf.Start{})
	configure("v2")
	told("another version", program+" v2", bpf.Start{})
	configure("v1")
	told("the approved one again", program+" v1", bpf.Start{Flags: uint16(bpf.StartApproved)})
	if err := os.WriteFile(program, []byte("two"), 0o755); err != nil {
		t.Fatal(err)
	}
	told("another content", program+" v1", bpf.Start{})
	decide(approve.Revoked)
	told("what was taken back", program+" v1", bpf.Start{Flags: uint16(bpf.StartRevoked)})
	configure("declared")
	s.await("the declared command", func() bool { return strings.HasSuffix(s.item("connector:srv").Command(), " declared") })
	decide(approve.Approved)
	told("what is declared, and approved", program+" declared", bpf.Start{Principal: first, Flags: uint16(bpf.StartApproved)})
	if _, ok := k.start(program + " v1"); ok || !k.all {
		t.Error("what nobody configures any more is still known")
	}
}

func TestKernelIsToldOfAgents(t *testing.T) {
	s := stockedWith(t, "version = 1\n")
	k := &kernelMap{}
	people := func() []keeping.Person {
		return []keeping.Person{{Home: discover.Home{User: "alice", Dir: s.home}, Person: disk.Person{UID: 1000}}}
	}
	c := &starts{stock: s.stock, people: people, kernel: k, log: slog.New(slog.DiscardHandler)}
	key := bpf.DecidedKey{Uid: 1000, Agent: s.agents.ByName("goose").ID}
	told := func(what string, want bpf.StartFlag) {
		t.Helper()
		s.await(what, func() bool {
			c.look(time.Now())
			is, ok := k.agents[key]
			return ok && is == want
		})
	}
	decide := func(state approve.State) {
		t.Helper()
		if _, err := s.Decide(&approve.Request{State: state, Kind: inventory.KindAgent, Name: "goose", Owner: "alice"}, event.Actor{}); err != nil {
			t.Fatal(err)
		}
	}
	s.put(".local/bin/goose", "one")
	s.Refresh()
	told("an agent", 0)
	decide(approve.Approved)
	told("an approval", bpf.StartApproved)
	s.put(".local/bin/goose", "two")
	s.Refresh()
	told("another content", 0)
	decide(approve.Revoked)
	told("what was taken back", bpf.StartRevoked)
}
