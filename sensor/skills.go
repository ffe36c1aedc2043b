// SPDX-License-Identifier: Apache-2.0

// This file tells the kernel which skills it knows: by the file that agents load, and by the folders of those that policy declares.

package sensor

import (
	"errors"
	"fmt"

	"github.com/reeve-sensor/reeve/bpf"
)

// Skill is a skill that was found.
type Skill struct {
	Start    bpf.Start // its number, what was decided about it, and its SKILL.md as it was looked at; no inode: that is not known
	Programs uint16    // the number of the declared skill as which its programs act; 0 for none
	Folders  []string  // host paths by which it is reached, those by way of links among them
}

// errManySkills says that some skills are not known to the kernel.
var errManySkills = fmt.Errorf("more skills than the kernel's map holds, %d: the rest are skills that nobody knows", bpf.SkillsMax)

// SetSkills makes the kernel know these skills, as SetCommands does connectors. Of one SKILL.md that is there twice the stricter decision
// counts. A folder whose path is longer than the kernel takes is told in the error.
func (k *Kernel) SetSkills(skills []Skill, all bool) error {
	loads, folders, long := spellSkills(skills)
	err := errors.Join(k.skills.set(k.Maps.Skills, loads, all, "a skill", errManySkills),
		k.folders.set(k.Maps.SkillFolders, folders, all, "a skill's folder", errManySkills))
	if long > 0 {
		err = errors.Join(err, fmt.Errorf("%d folders of skills have longer paths than the kernel takes: their programs are the agent's", long))
	}
	return err
}

// SkillFolders are the folders that the kernel knows, also from an earlier daemon, with the numbers of their skills.
func (k *Kernel) SkillFolders() (map[string]uint32, error) {
	k.folders.mu.Lock()
	defer k.folders.mu.Unlock()
	known, err := k.folders.read(k.Maps.SkillFolders, "a skill's folder")
	out := map[string]uint32{}
	for key, number := range known {
		if length := min(int(key.Length), len(key.Text)); length > 0 {
			out[string(key.Text[:length])] = number
		}
	}
	return out, err
}

// spellSkills gives the entries of the kernel's maps. The folder without a name says that there are others.
func spellSkills(skills []Skill) (loads map[bpf.SkillKey]bpf.Start, folders map[bpf.SkillFolder]uint32, long int) {
	loads, folders = map[bpf.SkillKey]bpf.Start{}, map[bpf.SkillFolder]uint32{}
	for _, s := range skills {
		if s.Start.Inode != 0 {
			key := bpf.SkillKey{Inode: s.Start.Inode, Device: s.Start.Device}
			start := s.Start
			start.Flags |= uint16(bpf.StartPinned)
			if old, twice := loads[key]; twice {
				start = stricter(old, start)
			}
			loads[key] = start
		}
		if s.Programs == 0 {
			continue
		}
		for _, folder := range s.Folders {
			key, ok := folderKey(folder)
			if !ok {
				long++
				continue
			}
			folders[key], folders[bpf.SkillFolder{}] = uint32(s.Programs), 0
		}
	}
	return loads, folders, long
}

func folderKey(folder string) (key bpf.SkillFolder, ok bool) {
	if folder == "" || len(folder) >= len(key.Text) {
		return key, false
	}
	key.Length = uint32(copy(key.Text[:], folder))
	return key, true
}
