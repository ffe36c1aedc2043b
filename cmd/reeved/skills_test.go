// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/approve"
	keeping "github.com/reeve-sensor/reeve/sensor/inventory/live"
)

func TestKernelIsToldOfSkills(t *testing.T) {
	const text = "---\nname: tidy\n---\n"
	s := stockedWith(t, fmt.Sprintf("version = 1\n[[skill]]\nname = \"ours\"\nsha256 = \"%x\"\n", sha256.Sum256([]byte(text))))
	var known []sensor.Skill
	c := &skills{stock: s.stock, people: func() []keeping.Person { return nil }, log: slog.New(slog.DiscardHandler)}
	c.set = func(skills []sensor.Skill, _ bool) error { known = skills; return nil }
	c.known.Programs.Now = func() time.Time { return time.Now().Add(time.Hour) }
	told := func(what string, principal uint16, flags bpf.StartFlag) {
		t.Helper()
		s.await(what, func() bool {
			c.look(time.Now())
			return len(known) == 1 && known[0].Start.Inode != 0 && known[0].Start.Principal == principal && known[0].Start.Flags == uint16(flags) &&
				known[0].Programs == uint16(bpf.PrincipalFirst)
		})
	}
	decide := func(state approve.State) {
		t.Helper()
		q := approve.Request{State: state, Kind: inventory.KindSkill, Name: "tidy"}
		if _, err := s.Decide(&q, event.Actor{}); err != nil {
			t.Fatal(err)
		}
	}
	first := uint16(bpf.PrincipalFirst)
	told("what was found", first, 0)
	decide(approve.Approved)
	told("an approval", first, bpf.StartApproved)
	s.put(".claude/skills/tidy/SKILL.md", text+"more")
	told("another text", 0, 0)
	s.put(".claude/skills/tidy/SKILL.md", text)
	told("the approved one again", first, bpf.StartApproved)
	s.put(".claude/skills/tidy/run.sh", "x")
	told("one more file", 0, 0)
	if err := os.Remove(filepath.Join(s.home, ".claude/skills/tidy/run.sh")); err != nil {
		t.Fatal(err)
	}
	told("without it", first, bpf.StartApproved)
	s.put(".claude/skills/tidy/a.py", "x")
	told("a source", 0, 0)
	s.await("its approval", func() bool { it := s.item("skill:tidy"); return it != nil && len(it.Identity.Files) == 2 })
	decide(approve.Approved)
	told("a source, approved", 0, bpf.StartApproved)
	s.put(".claude/skills/tidy/__pycache__/a.cpython-312.pyc", "x")
	revision := s.keeper.Revision()
	s.await("its bytecode", func() bool { return s.keeper.Revision() > revision })
	told("what it left when it ran", 0, bpf.StartApproved)
	decide(approve.Revoked)
	told("what was taken back", 0, bpf.StartRevoked)
}
