// SPDX-License-Identifier: Apache-2.0

package live

// Skills are loaded by an open of their SKILL.md, and their programs are known by the folder that they lie in. The agent is that of the
// connectors' tests.

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
)

const (
	skillFolder = "/data/skills/pdf"
	skillText   = skillFolder + "/SKILL.md"
	interpreter = "/data/interp/sh"
)

const skillPolicy = `
[[skill]]
name = "pdf"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"

[[rule]]
id = "pdf-reads-no-key"
principal = "skill:pdf"
on = ["file.read"]
match = ["/data/secret/**"]
action = "deny"
reason = "test"
`

// skills puts the skill in place and applies a policy.
func skills(t *testing.T, text string) *enforce.Image {
	t.Helper()
	files(t)
	for _, path := range []string{client, interpreter, server} {
		copyOf(t, path)
	}
	must(t, os.RemoveAll("/data/skills"))
	for _, folder := range []string{skillFolder, skillFolder + "s"} {
		must(t, os.MkdirAll(folder, 0o755))
		must(t, os.WriteFile(filepath.Join(folder, "SKILL.md"), []byte("---\nname: pdf\n---\n"), 0o644))
		script(t, filepath.Join(folder, "run.sh"), "#!/bin/busybox sh\n/bin/busybox echo ran\n")
		script(t, filepath.Join(folder, "read.sh"), "#!/bin/busybox sh\n/bin/busybox cat /data/secret/key\n")
	}
	im := policy(t, text, clients...)
	t.Cleanup(func() { must(t, kernel.SetSkills(nil, true)) })
	return im
}

// found is the skill as the daemon tells the kernel of it; name "" is one that nobody declares.
func found(t *testing.T, im *enforce.Image, folder, name string, flags bpf.StartFlag) sensor.Skill {
	t.Helper()
	f, err := os.Open(filepath.Join(folder, "SKILL.md"))
	must(t, err)
	defer f.Close()
	s := sensor.Skill{Folders: []string{folder}}
	s.Start, err = sensor.Stamp(f)
	must(t, err)
	number, _ := im.NameNumber(enforce.OpSkillLoad, name)
	s.Start.Principal, s.Start.Flags, s.Programs = uint16(number), uint16(flags), uint16(number)
	return s
}

// succeeds runs a line in the agent's own shell.
func succeeds(t *testing.T, line string) bool {
	t.Helper()
	r := start(t).do(act{Do: "exec", Path: client, Argv: []string{"sh", "-c", line + "; exit $?"}})
	if r.Errno != 0 || r.Signal != 0 {
		t.Fatalf("%s: %+v", line, r)
	}
	return r.Status == 0
}

const load = "/bin/busybox cat " + skillText

func TestSkillIsHeldUntilApproved(t *testing.T) {
	rule := func(action, match string) string {
		return skillPolicy + "\n[[rule]]\nid = \"loads\"\non = [\"skill.load\"]\nmatch = [\"" + match + "\"]\naction = \"" + action + "\"\nreason = \"test\"\n"
	}
	type known struct {
		name  string
		flags bpf.StartFlag
	}
	for name, c := range map[string]struct {
		policy string
		known  []known
		loads  bool
	}{
		"nobody knows it":                  {skillPolicy, nil, false},
		"nobody knows it, and any may":     {rule("allow", "?"), nil, true},
		"found alone":                      {skillPolicy, []known{{"", 0}}, false},
		"found and approved":               {skillPolicy, []known{{"", bpf.StartApproved}}, true},
		"declared, and nobody approved it": {skillPolicy, []known{{"pdf", 0}}, false},
		"declared and approved":            {skillPolicy, []known{{"pdf", bpf.StartApproved}}, true},
		"declared, taken back":             {skillPolicy, []known{{"pdf", bpf.StartRevoked}}, false},
		"allowed by its name":              {rule("allow", "pdf"), []known{{"pdf", 0}}, true},
		"allowed by its name, taken back":  {rule("allow", "pdf"), []known{{"pdf", bpf.StartRevoked}}, false},
		"allowed, and it is another one":   {rule("allow", "pdf"), []known{{"", 0}}, false},
		"denied by its name, approved":     {rule("deny", "pdf"), []known{{"pdf", bpf.StartApproved}}, false},
		"denied as unknown, approved":      {rule("deny", "?"), []known{{"", bpf.StartApproved}}, false},
		"only audited":                     {rule("audit", "*"), []known{{"", 0}}, true},
		"approved in one of two places":    {skillPolicy, []known{{"", bpf.StartApproved}, {"", 0}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			im := skills(t, c.policy)
			var all []sensor.Skill
			for _, k := range c.known {
				all = append(all, found(t, im, skillFolder, k.name, k.flags))
			}
			must(t, kernel.SetSkills(all, true))
			if got := succeeds(t, load); got != c.loads {
				t.Errorf("loads: %t, want %t", got, c.loads)
			}
			if !succeeds(t, "/bin/busybox cat "+skillFolder+"/run.sh >/dev/null; /bin/busybox cat /data/secret/key") {
				t.Error("other files are held")
			}
			if r := start(t).do(act{Do: "read", Path: skillText}); r.Errno != 0 {
				t.Errorf("outside of sessions: %+v", r)
			}
		})
	}
}

// What was approved is the file as it was looked at.
func TestSkillThatChangedAsksAgain(t *testing.T) {
	im := skills(t, skillPolicy)
	look := func(flags bpf.StartFlag) {
		must(t, kernel.SetSkills([]sensor.Skill{found(t, im, skillFolder, "pdf", flags)}, true))
	}
	look(bpf.StartApproved)
	if !succeeds(t, load) {
		t.Fatal("what was approved does not load")
	}
	old, err := os.ReadFile(skillText)
	must(t, err)
	for name, change := range map[string]func() error{
		"its text": func() error { return os.WriteFile(skillText, append(old, 'x'), 0o644) },
		"of the same size, with the old time": func() error {
			st, err := os.Stat(skillText)
			must(t, err)
			must(t, os.WriteFile(skillText, []byte(strings.ToUpper(string(old))), 0o644))
			return os.Chtimes(skillText, st.ModTime(), st.ModTime())
		},
		"another file in its place": func() error {
			must(t, os.WriteFile(skillText+".new", old, 0o644))
			return os.Rename(skillText+".new", skillText)
		},
	} {
		look(bpf.StartApproved)
		must(t, change())
		if succeeds(t, load) {
			t.Errorf("%s was changed, and it loads", name)
		}
	}
	look(bpf.StartApproved)
	if !succeeds(t, load) {
		t.Error("what was approved anew does not load")
	}
}

// By which ways the file is reached does not count.
func TestSkillByOtherNames(t *testing.T) {
	im := skills(t, skillPolicy)
	must(t, os.Symlink(skillFolder, "/data/skills/link"))
	must(t, os.Symlink(skillText, "/data/skills/text"))
	lines := []string{
		"/bin/busybox cat /data/skills/link/SKILL.md", "/bin/busybox cat /data/skills/text", "cd " + skillFolder + "; /bin/busybox cat SKILL.md",
		"while read x; do true; done < " + skillText, "/bin/busybox cp " + skillText + " /data/copy",
	}
	for _, line := range lines {
		must(t, kernel.SetSkills(nil, true))
		if succeeds(t, line) {
			t.Errorf("%s: loads", line)
		}
		must(t, kernel.SetSkills([]sensor.Skill{found(t, im, skillFolder, "pdf", bpf.StartApproved)}, true))
		if !succeeds(t, line) {
			t.Errorf("%s: is held, though it is approved", line)
		}
	}
	if !succeeds(t, "/bin/busybox rm -r /data/new; /bin/busybox mkdir /data/new && echo x > /data/new/SKILL.md") {
		t.Error("a session may not write one")
	}
	if succeeds(t, "/bin/busybox cat /data/new/SKILL.md") {
		t.Error("what a session wrote loads")
	}
}

// Who opened it for writing may go on writing what was approved, and is not let load it. Another session is.
func TestWrittenSkillIsNobodys(t *testing.T) {
	im := skills(t, skillPolicy)
	must(t, kernel.SetSkills([]sensor.Skill{found(t, im, skillFolder, "pdf", bpf.StartApproved)}, true))
	if succeeds(t, ": >> "+skillText+"; "+load) {
		t.Error("who may write it loads it")
	}
	if !succeeds(t, load) {
		t.Error("nothing was written, and another session is held")
	}
}

// Its programs are known by the folder, whatever runs them; who is somebody else already stays that.
func TestSkillsProgramsActAsIt(t *testing.T) {
	im := skills(t, skillPolicy+"\n[[connector]]\nname = \"server\"\ncommand = [\"server\", \"sh\", \""+skillFolder+"/run.sh\"]\n")
	must(t, os.Symlink(skillFolder, "/data/skills/link"))
	s := found(t, im, skillFolder, "pdf", bpf.StartApproved)
	s.Folders = append(s.Folders, "/data/skills/link")
	must(t, kernel.SetSkills([]sensor.Skill{s}, true))
	known(t, im, command{"server", server, []string{"sh", skillFolder + "/run.sh"}, bpf.StartApproved})
	t.Cleanup(func() { must(t, kernel.SetCommands(nil, true)) })
	const ran, skill = "busybox echo|ran", "skill:pdf?"
	for name, c := range map[string]struct{ line, want string }{
		"a script":                       {skillFolder + "/run.sh; true", skill},
		"by a link":                      {"/data/skills/link/run.sh; true", skill},
		"an interpreter":                 {interpreter + " " + skillFolder + "/run.sh; true", skill},
		"an interpreter, by a link":      {interpreter + " /data/skills/link/run.sh; true", skill},
		"with options":                   {interpreter + " -e -u " + skillFolder + "/run.sh; true", skill},
		"from its folder":                {"cd " + skillFolder + "; " + interpreter + " run.sh; true", skill},
		"from its folder, ./":            {"cd " + skillFolder + "; " + interpreter + " ./run.sh; true", skill},
		"from above":                     {"cd /data/skills; " + interpreter + " pdf/run.sh; true", skill},
		"from below":                     {"mkdir -p " + skillFolder + "/a; cd " + skillFolder + "/a; " + interpreter + " ../run.sh; true", skill},
		"from a tool's shell":            {"/bin/busybox sh -c '" + skillFolder + "/run.sh; true'; true", skill},
		"another folder":                 {skillFolder + "s/run.sh; true", "agent"},
		"another folder, an interpreter": {interpreter + " " + skillFolder + "s/run.sh; true", "agent"},
		"code, in its folder":            {"cd " + skillFolder + "; " + interpreter + " -c '/bin/busybox echo ran'; true", "agent"},
		"code behind options":            {"cd " + skillFolder + "; " + interpreter + " -ec '/bin/busybox echo ran'; true", "agent"},
		"no interpreter":                 {"/bin/busybox cat " + skillFolder + "/run.sh >/dev/null; /bin/busybox echo ran", "agent"},
		"what the session wrote there":   {"cp " + skillFolder + "/run.sh " + skillFolder + "/new.sh; " + skillFolder + "/new.sh; true", "written"},
		"a connector":                    {server + " sh " + skillFolder + "/run.sh; true", "connector:server?"},
	} {
		t.Run(name, func(t *testing.T) {
			if who, r := principalsOf(t, im, c.line); who[ran] != c.want {
				t.Errorf("it acts as %q, want %q (%+v, %v)", who[ran], c.want, r, who)
			}
		})
	}
}

func TestSkillsRulesHold(t *testing.T) {
	im := skills(t, skillPolicy)
	must(t, kernel.SetSkills([]sensor.Skill{found(t, im, skillFolder, "pdf", bpf.StartApproved)}, true))
	if folders, err := kernel.SkillFolders(); err != nil || len(folders) != 1 || folders[skillFolder] != uint32(bpf.PrincipalFirst) {
		t.Errorf("the kernel knows %v, %v", folders, err)
	}
	for line, held := range map[string]bool{
		skillFolder + "/read.sh":                       true,
		interpreter + " " + skillFolder + "/read.sh":   true,
		skillFolder + "s/read.sh":                      false,
		"/bin/busybox cat /data/secret/key":            false,
		"/bin/busybox cat " + skillFolder + "/read.sh": false,
		load:                                     false,
		load + "; /bin/busybox cat " + secretKey: false,
		skillFolder + "/run.sh; /bin/busybox cat " + secretKey: false,
	} {
		if succeeds(t, line) == held {
			t.Errorf("%s: held %t, want %t", line, !held, held)
		}
	}
	for _, path := range []string{skillFolder + "/read.sh"} {
		if r := start(t).do(act{Do: "exec", Path: path}); r.Errno != 0 || r.Status != 0 {
			t.Errorf("outside of sessions: %+v", r)
		}
	}
}

const secretKey = "/data/secret/key"

// What a skill is allowed and the agent is not, it may not either.
func TestSkillMayOnlyRestrict(t *testing.T) {
	im := skills(t, strings.Replace(strings.Replace(principalPolicy, "connector:reader", "skill:pdf", 1), "[[connector]]\nname = \"reader\"\ncommand = [\"server\", \"cat\", \"/data/secret/key\"]",
		"[[skill]]\nname = \"pdf\"\npublisher = \"x\"", 1))
	must(t, kernel.SetSkills([]sensor.Skill{found(t, im, skillFolder, "pdf", bpf.StartApproved)}, true))
	if succeeds(t, skillFolder+"/read.sh") {
		t.Error("it reads what the agent may not")
	}
}

func TestSkillLoadIsTold(t *testing.T) {
	im := skills(t, skillPolicy)
	must(t, kernel.SetSkills([]sensor.Skill{found(t, im, skillFolder, "pdf", 0)}, true))
	stop := watch(t)
	succeeds(t, load)
	for _, r := range stop() {
		if bpf.EventKind(r.Kind) != bpf.KindAccess || r.Op != uint16(bpf.OpSkillLoad) {
			continue
		}
		e := as[bpf.EventAccess](r.raw)
		text := string(r.raw[len(r.raw)-int(e.Text):])
		if im.NameOf(enforce.OpSkillLoad, e.Wanted) == "pdf" && text == skillText &&
			bpf.Action(e.Head.Action) == bpf.ActionAsk && e.Head.Error == -int32(unix.EPERM) {
			return
		}
		t.Errorf("%+v %q", e, text)
	}
	t.Error("nothing is told")
}
