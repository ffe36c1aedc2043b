// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
)

// Of one file that is there twice the stricter decision counts, and no file is known that was not looked at.
func TestSkillsAreSpelt(t *testing.T) {
	approved, revoked, pinned := uint16(bpf.StartApproved), uint16(bpf.StartRevoked), uint16(bpf.StartPinned)
	at := func(principal, flags uint16) Skill {
		return Skill{Start: bpf.Start{Inode: 7, Device: 8, Size: 9, Principal: principal, Flags: flags}}
	}
	for name, c := range map[string]struct {
		skills           []Skill
		principal, flags uint16
		known            bool
	}{
		"approved":         {[]Skill{at(3, approved)}, 3, approved | pinned, true},
		"found":            {[]Skill{at(0, 0)}, 0, pinned, true},
		"approved once":    {[]Skill{at(3, approved), at(3, 0)}, 3, pinned, true},
		"revoked once":     {[]Skill{at(3, approved), at(3, approved|revoked)}, 3, approved | revoked | pinned, true},
		"of two names":     {[]Skill{at(3, approved), at(4, approved)}, 0, approved | pinned, true},
		"not looked at":    {[]Skill{{Programs: 3, Folders: []string{"/x"}}}, 0, 0, false},
		"there is nothing": {nil, 0, 0, false},
	} {
		loads, _, _ := spellSkills(c.skills)
		start, known := loads[bpf.SkillKey{Inode: 7, Device: 8}]
		if known != c.known || start.Principal != c.principal || start.Flags != c.flags {
			t.Errorf("%s: %+v %t", name, start, known)
		}
	}
}

func TestFoldersOfSkillsAreSpelt(t *testing.T) {
	long := "/" + strings.Repeat("x", bpf.SkillFolderMax-1)
	_, folders, left := spellSkills([]Skill{{Programs: 3, Folders: []string{"/a", "/b", long, ""}}, {Folders: []string{"/c"}}})
	a, _ := folderKey("/a")
	if len(folders) != 3 || folders[a] != 3 || left != 2 {
		t.Errorf("%d folders, %d are too long: %v", len(folders), left, folders)
	}
	if _, any := folders[bpf.SkillFolder{}]; !any {
		t.Error("nothing says that there are any")
	}
	if _, folders, _ = spellSkills([]Skill{{Folders: []string{"/c"}}}); len(folders) != 0 {
		t.Errorf("nothing is declared, and the kernel looks for it: %v", folders)
	}
}
