// SPDX-License-Identifier: Apache-2.0

package live

// Native agents that are known by their builds: which files are the agent wherever they lie, which are not, and what becomes of
// them inside of a session.

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

const (
	builtAgent = "/data/agents/busybox-built" // where the catalogue has it
	built      = "/data/elsewhere/busybox-"   // and where it has not
	someone    = 1000
)

// owned makes a file of a user.
func owned(t *testing.T, path string, text []byte, owner int) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	_ = os.Remove(path) // a link of it keeps its own bytes
	must(t, os.WriteFile(path, text, 0o755))
	must(t, os.Chown(path, owner, owner))
}

// ofNobody is the guest's busybox with a byte behind it: no file of the guest is the same.
func ofNobody(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("/bin/busybox")
	must(t, err)
	return append(text, 0)
}

func buildOf(t *testing.T, text []byte) inventory.Build {
	t.Helper()
	b, err := inventory.ReadBuild(bytes.NewReader(text), int64(len(text)))
	must(t, err)
	return b
}

// learn makes the kernel know one build, and none when the test ends.
func learn(t *testing.T, b sensor.Build) {
	t.Helper()
	must(t, kernel.SetBuilds([]sensor.Build{b}))
	t.Cleanup(func() { must(t, kernel.SetBuilds(nil)) })
}

func TestBuildIsAnAgentWhereverItLies(t *testing.T) {
	files(t)
	policy(t, secretPolicy, enforce.Agent{ID: 7, Exec: []string{builtAgent}}, enforce.Agent{ID: 8, Exec: []string{"/data/agents/none"}})
	text := ofNobody(t)
	otherHead := slices.Clone(text)
	otherHead[9] = 1 // in the padding of e_ident, which nobody reads
	owned(t, builtAgent, text, someone)
	owned(t, built+"copy", text, someone)
	owned(t, built+"head", otherHead, someone)
	owned(t, built+"longer", append(slices.Clone(text), 0), someone)
	owned(t, built+"others", text, someone+1)
	owned(t, built+"roots", text, 0)
	_ = os.Remove(built + "linked")
	must(t, os.Link(builtAgent, built+"linked"))
	script(t, "/data/elsewhere/script", "#!"+built+"copy sh\n: < /data/secret/key\n")
	out := start(t)
	out.do(act{Do: "noop"})
	mine := sensor.Build{Build: buildOf(t, text), Agent: 7, Owner: someone}
	roots := sensor.Build{Build: buildOf(t, text), Agent: 7}
	shipped := sensor.Build{Build: buildOf(t, text), Agent: 7, Shipped: true}
	shells := sensor.Build{Build: buildOf(t, text[:len(text)-1]), Agent: 7, Owner: 0}
	strangers := sensor.Build{Build: buildOf(t, text), Agent: 99, Shipped: true}
	for name, c := range map[string]struct {
		known  sensor.Build
		do     string
		path   string
		owner  int
		begins bool
		cause  bpf.SessionCause
	}{
		"where-the-catalogue-has-it":      {mine, "exec", builtAgent, 0, true, bpf.CauseExec},
		"a-copy":                          {mine, "exec", built + "copy", 0, true, bpf.CauseBuild},
		"a-hard-link":                     {mine, "exec", built + "linked", 0, true, bpf.CauseBuild},
		"in-memory":                       {mine, "execown", built + "copy", someone, true, bpf.CauseBuild},
		"in-memory-of-another":            {mine, "execown", built + "copy", someone + 1, false, 0},
		"a-script-that-it-runs":           {mine, "exec", "/data/elsewhere/script", 0, true, bpf.CauseBuild},
		"a-byte-of-its-head-changed":      {mine, "exec", built + "head", 0, false, 0},
		"a-byte-longer":                   {mine, "exec", built + "longer", 0, false, 0},
		"another-owners":                  {mine, "exec", built + "others", 0, false, 0},
		"roots-of-somebodys":              {mine, "exec", built + "roots", 0, false, 0},
		"somebodys-of-roots":              {roots, "exec", built + "others", 0, true, bpf.CauseBuild},
		"roots-of-roots":                  {roots, "exec", built + "roots", 0, false, 0},
		"shipped":                         {shipped, "exec", built + "roots", 0, true, bpf.CauseBuild},
		"shipped-of-somebody":             {shipped, "exec", built + "copy", 0, true, bpf.CauseBuild},
		"shipped-with-another-head":       {shipped, "exec", built + "head", 0, false, 0},
		"a-program-of-the-system":         {shells, "exec", "/bin/busybox", 0, false, 0},
		"of-an-agent-that-is-not-known":   {strangers, "exec", built + "copy", 0, false, 0},
		"the-catalogue-goes-before-build": {strangers, "exec", builtAgent, 0, true, bpf.CauseExec},
	} {
		t.Run(name, func(t *testing.T) {
			learn(t, c.known)
			stop := watch(t)
			r := out.do(act{Do: c.do, Path: c.path, Argv: []string{"busybox", "cat", "/data/secret/key"}, At: c.owner})
			starts := sessionsIn(stop(), bpf.KindSessionStart)
			if begins := len(starts) == 1; begins != c.begins || len(starts) > 1 {
				t.Errorf("sessions that began: %+v, want one: %t", starts, c.begins)
			}
			for _, s := range starts {
				if s.Head.Agent != 7 || s.Cause != uint32(c.cause) || s.Parent != 0 {
					t.Errorf("a session of agent %d with cause %d began inside of %d", s.Head.Agent, s.Cause, s.Parent)
				}
			}
			if refused := r.Status != 0; refused != c.begins || r.Errno != 0 {
				t.Errorf("reading the key: %+v", r)
			}
		})
	}
}

// TestBuildInsideOfASession: there a build is what it would be where the catalogue has it, but for what a session made itself: its
// bytes behind the head may be anybody's, and it acts as what the session wrote.
func TestBuildInsideOfASession(t *testing.T) {
	files(t)
	policy(t, `
[[rule]]
id = "written"
principal = "written"
on = ["file.read"]
match = ["/data/secret/**"]
action = "deny"
`, enforce.Agent{ID: 7, Exec: []string{builtAgent}}, enforce.Agent{ID: 8, Exec: []string{"/data/agents/busybox-beta"}})
	text := ofNobody(t)
	owned(t, builtAgent, text, someone)
	owned(t, built+"copy", text, someone)
	copyOf(t, "/data/agents/busybox-beta")
	learn(t, sensor.Build{Build: buildOf(t, text), Agent: 7, Owner: someone})
	must(t, kernel.SetApplet(7, "rg"))
	out := start(t)
	out.do(act{Do: "noop"})
	const made = built + "made"
	make := "/bin/busybox cp " + builtAgent + " " + made + " && /bin/busybox chown 1000:1000 " + made
	for name, c := range map[string]struct {
		line   string
		agents []uint32 // of the sessions that begin
		status int
	}{
		"goes-on-in-its-process":    {builtAgent + " sh -c 'exec " + built + "copy cat /data/secret/key'", []uint32{7}, 0},
		"from-its-copy-to-itself":   {built + "copy sh -c 'exec " + builtAgent + " cat /data/secret/key'", []uint32{7}, 0},
		"a-child-of-itself":         {builtAgent + " sh -c '" + built + "copy cat /data/secret/key; exit $?'", []uint32{7, 7}, 0},
		"inside-of-another":         {"/data/agents/busybox-beta sh -c '" + built + "copy cat /data/secret/key; exit $?'", []uint32{8, 7}, 0},
		"as-a-tool-of-its-own":      {builtAgent + " sh -c '(exec -a rg " + built + "copy); exit 0'", []uint32{7}, 0},
		"made-in-a-session":         {builtAgent + " sh -c '" + make + " && " + made + " cat /data/secret/key; exit $?'", []uint32{7}, 1},
		"made-and-executed-at-once": {builtAgent + " sh -c '" + make + " && exec " + made + " cat /data/secret/key'", []uint32{7}, 1},
		"made-in-a-session-before":  {"exec " + made + " cat /data/secret/key", []uint32{7}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "made-in-a-session-before" {
				out.do(act{Do: "exec", Path: "/bin/busybox", Argv: []string{"sh", "-c", builtAgent + " sh -c '" + make + "'"}})
			}
			stop := watch(t)
			r := out.do(act{Do: "exec", Path: "/bin/busybox", Argv: []string{"sh", "-c", c.line}})
			var got []uint32
			for _, s := range sessionsIn(stop(), bpf.KindSessionStart) {
				got = append(got, s.Head.Agent)
			}
			if !slices.Equal(got, c.agents) {
				t.Errorf("sessions of agents %v, want %v", got, c.agents)
			}
			if r.Status != c.status || r.Errno != 0 {
				t.Errorf("reading the key: %+v, want status %d", r, c.status)
			}
		})
	}
}
