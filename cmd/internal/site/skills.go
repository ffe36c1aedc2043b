// SPDX-License-Identifier: Apache-2.0

// This file works out which skills the kernel is to know: those that the inventory found, each with what the policy calls it, what was
// decided about it, and the file that an agent opens to load it.

package site

import (
	"path/filepath"
	"slices"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// Skills works out the kernel's skills. It remembers which folder was which declared skill: a skill that changes its own folder is not
// rid of its rules by that. The zero value is ready; one goroutine uses it.
type Skills struct {
	Programs Programs

	names map[string]string // of declared skills, by folder
}

// Remember takes in which skill each folder was to the kernel: an earlier daemon knew.
func (s *Skills) Remember(im *enforce.Image, folders map[string]uint32) {
	s.names = map[string]string{}
	for dir, number := range folders {
		if name := im.NameOf(enforce.OpSkillLoad, number); name != enforce.Undeclared {
			s.names[dir] = name
		}
	}
}

// Told are skills as the kernel is told of them.
type Told struct {
	Skills  []sensor.Skill
	Untold  int  // that are left out, since their person has too many
	Pending bool // a file was changed a moment ago: it cannot be told yet from what the next moment makes of it
}

// ownSkills is how many skills of one person the kernel is told of.
const ownSkills = bpf.SkillsMax / 16

// Found are the skills among items. The items have their approvals, and nothing of the policy in them; whole says that they are all.
func (s *Skills) Found(p *enforce.Policy, im *enforce.Image, items []inventory.Item, whole bool) Told {
	var out Told
	seen, count := map[string]bool{}, map[string]int{}
	for _, it := range ownFirst(items) {
		if it.Kind != inventory.KindSkill || s.Programs.avoided(it.File) {
			continue
		}
		seen[filepath.Dir(it.File)] = true
		if count[it.Owner]++; count[it.Owner] > ownSkills {
			out.Untold++
			continue
		}
		skill, settled := s.skill(p, im, &it)
		out.Skills = append(out.Skills, skill)
		out.Pending = out.Pending || !settled
	}
	for dir := range s.names {
		if whole && !seen[dir] {
			delete(s.names, dir)
		}
	}
	return out
}

// ownFirst has those of persons themselves before those that came with projects.
func ownFirst(items []inventory.Item) []inventory.Item {
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b inventory.Item) int { return projects[a.Scope] - projects[b.Scope] })
	return items
}

// skill is one of them. settled is false where its file has to be looked at again.
func (s *Skills) skill(p *enforce.Policy, im *enforce.Image, it *inventory.Item) (skill sensor.Skill, settled bool) {
	number := func(name string) uint16 {
		n, _ := im.NameNumber(enforce.OpSkillLoad, name)
		return uint16(n)
	}
	dir, name := filepath.Dir(it.File), enforce.Undeclared
	if it.Error == "" {
		name = p.SkillOf(it.Identity.Content())
	}
	if s.names == nil {
		s.names = map[string]string{}
	}
	if name != enforce.Undeclared {
		s.names[dir] = name
	}
	skill.Programs, skill.Folders = number(s.names[dir]), []string{dir}
	if real, err := filepath.EvalSymlinks(dir); err == nil && real != dir {
		skill.Folders = append(skill.Folders, real)
	}
	stamp, is := s.Programs.sum(it.File)
	if is == "" || is != sumOf(it) {
		return skill, true // it changed, and the inventory will say so
	}
	if !s.Programs.settled(stamp) {
		return skill, false
	}
	skill.Start = stamp
	skill.Start.Principal, skill.Start.Flags = number(name), uint16(decisions[it.Approval.State])
	return skill, true
}

// sumOf is the sum of the SKILL.md that was decided about.
func sumOf(it *inventory.Item) string {
	i := slices.IndexFunc(it.Identity.Files, func(f inventory.Part) bool { return f.Name == inventory.SkillFile })
	if i < 0 {
		return ""
	}
	return it.Identity.Files[i].Value
}
