// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
)

const whole = `What is tried.

row F2
open on 6.1 lsm: it is not seen there

-- policy.toml --
[[rule]]
id = "secret"
-- tree --
secret/key 1000
"odd\xff/"
-- steps --
# how it begins
host    hold s "/data/a b"
before  open /data/{3*d/} O_RDWR|O_CREAT   # so deep
both    child user 1000 CLONE_NEWNS
agent   getfd f {host} {host.s} -> EPERM
control getfd   f {host} {host.s}
event file.read deny /data/secret/key
count name_deep
`

func TestParse(t *testing.T) {
	a, err := Parse("file-x.txtar", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if a.Name != "file-x" || a.Row != "F2" || strings.TrimSpace(a.What) != "What is tried." || !strings.HasPrefix(a.Policy, "[[rule]]") {
		t.Errorf("%+v", a)
	}
	if want := []Entry{{"secret/key", false, 1000}, {"odd\xff", true, 0}}; !slices.Equal(a.Tree, want) {
		t.Errorf("tree %+v, want %+v", a.Tree, want)
	}
	if want := []Event{{enforce.OpFileRead, enforce.Deny, "/data/secret/key"}}; !slices.Equal(a.Events, want) {
		t.Errorf("events %+v, want %+v", a.Events, want)
	}
	if want := []bpf.Counter{bpf.CountNameDeep}; !slices.Equal(a.Counts, want) {
		t.Errorf("counts %+v, want %+v", a.Counts, want)
	}
	for i, want := range []Step{
		{Line: 14, Who: Host, Text: "hold s /data/a b", Do: "hold", Name: "s", Path: "/data/a b"},
		{Line: 15, Who: Before, Text: "open /data/d/d/d/ O_RDWR|O_CREAT", Do: "open", Path: "/data/d/d/d/", Flags: unix.O_RDWR | unix.O_CREAT},
		{Line: 16, Who: Both, Text: "child user 1000 CLONE_NEWNS", Do: "child", Name: "user", Words: []string{"1000"}, Flags: unix.CLONE_NEWNS},
		{Line: 17, Who: Agent, Text: "getfd f {host} {host.s}", Do: "getfd", Name: "f", Words: []string{"{host}"}, At: "{host.s}", Errno: unix.EPERM},
		{Line: 18, Who: Control, Text: "getfd f {host} {host.s}", Do: "getfd", Name: "f", Words: []string{"{host}"}, At: "{host.s}"},
	} {
		got := a.Steps[i]
		if !slices.Equal(got.Words, want.Words) {
			t.Errorf("words %q, want %q", got.Words, want.Words)
		}
		got.Words, want.Words = nil, nil
		if !sameStep(got, want) {
			t.Errorf("step %+v, want %+v", got, want)
		}
	}
}

func TestParseSkills(t *testing.T) {
	a, err := Parse("skill-x.txtar", []byte(whole+"-- skills --\n? revoked \"/data/a b\"\npdf asked /data/pdf\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []KnownSkill{{"?", "revoked", "/data/a b"}, {"pdf", "asked", "/data/pdf"}}; !slices.Equal(a.Skills, want) {
		t.Errorf("skills %+v, want %+v", a.Skills, want)
	}
}

const ofNetworks = `What is sent though it should not be.

row N1

-- steps --
both net udp4 "sendto 198.18.0.8:7 a-{who}"
lost a-{who} b-{who}
gets "c {who}"
agent netfd s tcp4 "connect 198.18.0.8:7" -> CUT
control netfd s tcp4 "connect 198.18.0.8:7"
event net.addr deny 198.18.0.8:7
`

// What servers see are steps as well; bytes that are lost are a refusal with its own control.
func TestParseNetworks(t *testing.T) {
	a, err := Parse("net-x.txtar", []byte(ofNetworks))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Step{
		{Line: 6, Who: Both, Text: "net udp4 sendto 198.18.0.8:7 a-{who}", Do: "net"},
		{Line: 7, Who: Server, Text: "lost a-{who}", Do: Lost, Path: "a-{who}"},
		{Line: 7, Who: Server, Text: "lost b-{who}", Do: Lost, Path: "b-{who}"},
		{Line: 8, Who: Server, Text: "gets c {who}", Do: Gets, Path: "c {who}"},
		{Line: 9, Who: Agent, Text: "netfd s tcp4 connect 198.18.0.8:7", Do: "netfd", Name: "s", Errno: Cut},
	} {
		if !sameStep(a.Steps[i], want) || a.Steps[i].Errno != want.Errno {
			t.Errorf("step %+v, want %+v", a.Steps[i], want)
		}
	}
	if want := []string{"tcp4", "connect 198.18.0.8:7"}; !slices.Equal(a.Steps[4].Words, want) {
		t.Errorf("words %q, want %q", a.Steps[4].Words, want)
	}
	lostAlone := ofNetworks[:strings.Index(ofNetworks, "agent")] + "event net.addr deny ?\n"
	if _, err := Parse("net-x.txtar", []byte(lostAlone)); err != nil {
		t.Errorf("lost bytes alone: %v", err)
	}
	getsAlone := strings.Replace(lostAlone, "lost", "gets", 1)
	if _, err := Parse("net-x.txtar", []byte(getsAlone)); err == nil {
		t.Error("nothing is refused, and nobody minds")
	}
}

func sameStep(a, b Step) bool {
	return a.Line == b.Line && a.Who == b.Who && a.Text == b.Text && a.Do == b.Do && a.Name == b.Name && a.Path == b.Path &&
		a.To == b.To && a.At == b.At && a.Flags == b.Flags && a.Errno == b.Errno
}

// A file that would prove nothing, or that says something nobody understands, is refused with its line and a hint.
func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want, hint string }{
		"no-control":                  {"control getfd   f {host} {host.s}\n", "", "file-x.txtar:19: no control", "with control in place of agent"},
		"another-control":             {"control getfd   f {host} {host.s}\n", "control open /data\n", "file-x.txtar:17: a refused step that the control does not do", "control getfd f {host} {host.s}"},
		"nothing-refused":             {" -> EPERM", "", "file-x.txtar:20: nothing is refused", "agent ACT -> EACCES"},
		"nothing-seen":                {"event file.read deny /data/secret/key\ncount name_deep\n", "", "file-x.txtar:18: nothing says that it is seen", "event OP ACTION OBJECT"},
		"no-row":                      {"row F2\n", "", "file-x.txtar:19: no row", "row F2"},
		"unknown-act":                 {"before  open", "before  opne", `file-x.txtar:15: unknown act "opne"`, "open,"},
		"unknown-actor":               {"before  open", "after open", `file-x.txtar:15: unknown actor "after"`, "before"},
		"unknown-flag":                {"O_CREAT", "O_CRAET", `file-x.txtar:15: unknown flag "O_CRAET"`, "O_CREAT"},
		"unknown-errno":               {"EPERM", "EPREM", `file-x.txtar:17: unknown errno "EPREM"`, "EPERM"},
		"unknown-operation":           {"file.read", "file.raed", `file-x.txtar:19: unknown operation "file.raed"`, "file.read"},
		"unknown-action":              {" deny ", " refuse ", `file-x.txtar:19: unknown action "refuse"`, "deny"},
		"unknown-counter":             {"name_deep", "name_far", `file-x.txtar:20: unknown counter "name_far"`, "name_deep"},
		"unknown-section":             {"-- tree --", "-- trees --", `file-x.txtar:9: unknown section "trees"`, "tree"},
		"text-missing":                {"count name_deep", "lost", "file-x.txtar:20: lost lacks its text", "lost TEXT"},
		"argument-missing":            {`hold s "/data/a b"`, "hold s", "file-x.txtar:14: hold lacks its path", "hold name path"},
		"argument-too-many":           {`hold s "/data/a b"`, "hold s a O_PATH b", `file-x.txtar:14: hold does not take "b"`, "hold name path"},
		"quote-open":                  {`"/data/a b"`, `"/data/a b`, "file-x.txtar:14: ", "quotes as in Go"},
		"a-control-that-is-refused":   {"control getfd   f {host} {host.s}", "control getfd f {host} {host.s} -> EPERM", "file-x.txtar:18: control expects EPERM", "the agent alone"},
		"before-after-the-session":    {"both    child user 1000 CLONE_NEWNS", "agent open /data\nbefore open /data", "file-x.txtar:17: before the session", "move it up"},
		"a-skill-that-is-pinned":      {"-- steps --", "-- skills --\nx pinned /x\n-- steps --", "file-x.txtar:13: skill", "asked, approved"},
		"a-command-without-its-state": {"-- steps --", "-- commands --\nx /bin/x y\n-- steps --", "file-x.txtar:13: command", "asked, approved"},
		"an-owner-that-is-not-number": {"key 1000", "key alice", "file-x.txtar:10: entry", "owner"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("file-x.txtar", []byte(strings.Replace(whole, c.old, c.new, 1)))
			p, ok := errors.AsType[*Problem](err)
			if !ok || !strings.HasPrefix(p.Error(), c.want) || !strings.Contains(p.Hint, c.hint) {
				t.Errorf("%v, want %q with a hint %q", err, c.want, c.hint)
			}
		})
	}
}

func TestNoteHolds(t *testing.T) {
	for _, c := range []struct {
		note Note
		want bool
	}{
		{Note{}, false},
		{Note{Why: "everywhere"}, true},
		{Note{On: []string{"6.1"}, Why: "x"}, true},
		{Note{On: []string{"6.12", "lsm"}, Why: "x"}, false},
		{Note{On: []string{"fmod_ret"}, Why: "x"}, true},
	} {
		if got := c.note.Holds("6.1.0-56-cloud-amd64", "fmod_ret"); got != c.want {
			t.Errorf("%+v: %v", c.note, got)
		}
	}
}

// Every file reads, its policy too, and THREATS.md names it in its row; what it names there is a file.
func TestFiles(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	rows := threats(t)
	for _, a := range all {
		if _, err := enforce.Parse(map[string]string{"a.toml": "version = 1\nbase = \"none\"\n" + a.Policy}, enforce.Options{}); err != nil {
			t.Errorf("%s: %v", a.Name, err)
		}
		if strings.TrimSpace(a.What) == "" {
			t.Errorf("%s does not say what it shows", a.Name)
		}
		if !slices.Contains(rows[a.Row], a.Name) {
			t.Errorf("THREATS.md does not name %s in row %s", a.Name, a.Row)
		}
	}
	for row, names := range rows {
		for _, name := range names {
			if !slices.ContainsFunc(all, func(a Attack) bool { return a.Name == name && a.Row == row }) {
				t.Errorf("THREATS.md names %s in row %s, and there is no such file", name, row)
			}
		}
	}
}

// families begin the names of files.
var families = []string{"connector-", "exec-", "file-", "guard-", "lineage-", "net-", "signal-", "skill-", "terminal-", "trace-", "unix-"}

// quoted are names of rules and of code, some of which begin alike.
var quoted = regexp.MustCompile("`[^`]*`")

// threats are the attacks that each row of THREATS.md names: words that begin as their files do.
func threats(t *testing.T) map[string][]string {
	text, err := os.ReadFile("../../THREATS.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		row := strings.TrimSpace(cells[1])
		for _, word := range strings.FieldsFunc(quoted.ReplaceAllString(cells[3], ""), func(c rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz-", c) }) {
			if slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(word, f) }) {
				rows[row] = append(rows[row], word)
			}
		}
	}
	return rows
}
