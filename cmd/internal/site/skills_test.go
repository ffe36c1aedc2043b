// SPDX-License-Identifier: Apache-2.0

package site

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// shelf is a folder with one skill, and a policy that declares it as it was first.
type shelf struct {
	t      *testing.T
	file   string
	item   inventory.Item
	policy *enforce.Policy
	image  *enforce.Image
	skills Skills
}

func newShelf(t *testing.T) *shelf {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &shelf{t: t, file: filepath.Join(dir, "SKILL.md")}
	s.skills.Programs.Now = func() time.Time { return time.Now().Add(time.Hour) }
	s.write("one")
	text := fmt.Sprintf("version = 1\nbase = \"none\"\n[[skill]]\nname = \"tidy\"\nsha256 = %q\n", s.sees())
	if s.policy, err = enforce.Parse(map[string]string{"a.toml": text}, enforce.Options{}); err != nil {
		t.Fatal(err)
	}
	if s.image, err = enforce.Compile(s.policy, nil, 1, enforce.Options{}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *shelf) write(text string) {
	s.t.Helper()
	if err := os.WriteFile(s.file, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// sees has the inventory look at the skill as it is, and gives the sum.
func (s *shelf) sees() string {
	s.t.Helper()
	raw, err := os.ReadFile(s.file)
	if err != nil {
		s.t.Fatal(err)
	}
	is := sha256.Sum256(raw)
	sum := hex.EncodeToString(is[:])
	s.item = inventory.Item{Kind: inventory.KindSkill, Name: "x", Owner: "alice", File: s.file, Approval: inventory.Approval{State: "approved"}}
	s.item.Identity.Files = []inventory.Part{{Name: "SKILL.md", Value: sum}}
	return sum
}

func (s *shelf) told(items ...inventory.Item) Told {
	return s.skills.Found(s.policy, s.image, items, true)
}

func (s *shelf) one() sensor.Skill {
	s.t.Helper()
	told := s.told(s.item)
	if len(told.Skills) != 1 {
		s.t.Fatalf("%+v", told)
	}
	return told.Skills[0]
}

func TestSkillIsToldByItsFile(t *testing.T) {
	s := newShelf(t)
	first := uint16(bpf.PrincipalFirst)
	for state, flags := range map[string]bpf.StartFlag{"approved": bpf.StartApproved, "pinned": bpf.StartApproved, "revoked": bpf.StartRevoked, "pending": 0, "changed": 0} {
		s.item.Approval.State = state
		if is := s.one(); is.Start.Inode == 0 || is.Start.Size != 3 || is.Start.Principal != first || is.Start.Flags != uint16(flags) || is.Programs != first {
			t.Errorf("%s: %+v", state, is)
		}
	}
	if is := s.one(); len(is.Folders) != 1 || is.Folders[0] != filepath.Dir(s.file) {
		t.Errorf("%+v", is)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Dir(s.file), link); err != nil {
		t.Fatal(err)
	}
	s.item.File = filepath.Join(link, "SKILL.md")
	if is := s.one(); len(is.Folders) != 2 || is.Folders[1] != filepath.Dir(s.file) || is.Start.Inode == 0 {
		t.Errorf("by a link: %+v", is)
	}
}

// What the inventory has not seen is not told, and its programs stay those of the declared one.
func TestSkillThatChangedIsNotTold(t *testing.T) {
	s := newShelf(t)
	first := uint16(bpf.PrincipalFirst)
	s.one()
	s.write("two")
	if is := s.one(); is.Start != (bpf.Start{}) || is.Programs != first {
		t.Errorf("what nobody looked at: %+v", is)
	}
	s.sees()
	if is := s.one(); is.Start.Inode == 0 || is.Start.Principal != 0 || is.Programs != first {
		t.Errorf("what is declared no more: %+v", is)
	}
	if told := s.told(); len(told.Skills) != 0 {
		t.Errorf("%+v", told)
	}
	if is := s.one(); is.Programs != 0 {
		t.Errorf("another one came in its place: %+v", is)
	}
	s.write("one")
	s.sees()
	s.item.Error = "not known whole"
	if is := s.one(); is.Start.Principal != 0 || is.Programs != 0 {
		t.Errorf("what is not known whole: %+v", is)
	}
}

// The kernel would not see what is changed within the same tick.
func TestSkillOfThisMomentWaits(t *testing.T) {
	s := newShelf(t)
	s.skills.Programs.Now = nil
	if told := s.told(s.item); !told.Pending || told.Skills[0].Start != (bpf.Start{}) {
		t.Errorf("%+v", told)
	}
	s.skills.Programs.Now = func() time.Time { return time.Now().Add(settledAfter) }
	if told := s.told(s.item); told.Pending || told.Skills[0].Start.Inode == 0 {
		t.Errorf("%+v", told)
	}
}

// Nobody's skills crowd out those of others, nor a project's the person's own.
func TestSkillsOfOnePersonAreBounded(t *testing.T) {
	s := newShelf(t)
	var items []inventory.Item
	for range ownSkills {
		it := s.item
		it.Scope, it.File = inventory.ScopeProject, "/nowhere/SKILL.md"
		items = append(items, it)
	}
	other := s.item
	other.Owner = "bob"
	told := s.told(append(items, s.item, other)...)
	looked := slices.DeleteFunc(slices.Clone(told.Skills), func(s sensor.Skill) bool { return s.Start.Inode == 0 })
	if told.Untold != 1 || len(told.Skills) != ownSkills+1 || len(looked) != 2 {
		t.Errorf("%d are told, %d are not", len(told.Skills), told.Untold)
	}
}
