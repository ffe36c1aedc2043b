// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/sensor"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/approve"
	keeping "github.com/reeve-sensor/reeve/sensor/inventory/live"
)

// skillMaps are what the kernel would have been told.
type skillMaps struct {
	known   []sensor.Skill
	folders map[string]uint32
}

func (m *skillMaps) SetSkills(skills []sensor.Skill, _ bool) error {
	m.known = skills
	return nil
}

func (m *skillMaps) SkillFolders() (map[string]uint32, error) { return m.folders, nil }

func TestKernelIsToldOfSkills(t *testing.T) {
	const text = "---\nname: tidy\n---\n"
	s := stockedWith(t, fmt.Sprintf("version = 1\n[[skill]]\nname = \"ours\"\nsha256 = \"%x\"\n", sha256.Sum256([]byte(text))))
	maps := &skillMaps{}
	c := &skills{stock: s.stock, people: func() []keeping.Person { return nil }, log: slog.New(slog.DiscardHandler)}
	c.known.Programs.Now = func() time.Time { return time.Now().Add(time.Hour) }
	c.begin(maps, time.Now())
	told := func(what string, principal uint16, flags bpf.StartFlag) {
		t.Helper()
		s.await(what, func() bool {
			c.look(time.Now())
			known := maps.known
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

// A load has the name of the policy, and what would let it be.
func TestLoadsAreNamed(t *testing.T) {
	p := newPolicies(site.Config{}, &inventory.Catalogue{})
	p.target = &tables{}
	sum := strings.Repeat("1", 64)
	l, ps := p.read([]*pb.PolicyFile{{Name: "a.toml", Text: "version = 1\n[[skill]]\nname = \"tidy\"\nsha256 = \"" + sum + "\"\n"}})
	if l == nil {
		t.Fatal(ps)
	}
	if err := p.put(l); err != nil {
		t.Fatal(err)
	}
	for number, want := range map[uint32]string{uint32(bpf.PrincipalFirst): "tidy", 0: "?"} {
		e := event.Single(&event.Record{Wanted: number, Text: []byte("/x/SKILL.md"), Head: event.Head{
			Kind: event.Access, Op: event.Op(bpf.OpSkillLoad), Principal: 1, Action: event.Ask, Policy: 1}})
		e.Object = p.Name(1, e.Head.Op, e.Wanted)
		r := p.Rule(e)
		e.Rule, e.Reason = r.ID, r.Reason
		if e.Object != want || e.Path != "/x/SKILL.md" || r.ID != "default" || !strings.Contains(p.Instead(e), "reeve approve skill:NAME") ||
			!strings.Contains(e.Message(), "skill.load "+want+" (/x/SKILL.md)") {
			t.Errorf("%+v, %q, instead %q", r, e.Message(), p.Instead(e))
		}
	}
}

// A skill that changed while no daemon looked keeps its rules.
func TestSkillKeepsItsRulesOverARestart(t *testing.T) {
	s := stockedWith(t, "version = 1\n[[skill]]\nname = \"ours\"\nsha256 = \""+strings.Repeat("1", 64)+"\"\n")
	for folder, programs := range map[string]uint16{filepath.Join(s.home, ".claude/skills/tidy"): uint16(bpf.PrincipalFirst), "/elsewhere": 0} {
		maps := &skillMaps{folders: map[string]uint32{folder: uint32(bpf.PrincipalFirst)}}
		c := &skills{stock: s.stock, people: func() []keeping.Person { return nil }, log: slog.New(slog.DiscardHandler)}
		c.begin(maps, time.Now())
		if len(maps.known) != 1 || maps.known[0].Programs != programs || maps.known[0].Start.Principal != 0 {
			t.Errorf("%s was the skill's folder: %+v", folder, maps.known)
		}
	}
}
