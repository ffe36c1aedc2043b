// SPDX-License-Identifier: Apache-2.0

// The policies that are measured: a realistic mix of rules, of which the measured operations meet none.

package bench

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// What the operations work on, in the host's view: 51 bytes and six components, on a file system of its own.
const (
	Mount  = "/data"
	Object = "/data/work/sensor/source/package/benchmark-file.txt"
	Ops    = "/data/bin/ops"
	Tree   = "/data/work/tree" // of many folders, in memory
	Line   = "ops - exit"
	Server = "198.18.0.1:9/tcp" // who listens there accepts between rounds
	Deaf   = "198.18.0.1:7/udp" // who has it reads nothing
)

// mix is a seeded source of rules.
type mix struct{ *rand.Rand }

func (m mix) of(list ...string) string { return list[m.IntN(len(list))] }

func (m mix) name() string {
	var b strings.Builder
	for range 2 + m.IntN(2) {
		b.WriteString(m.of("ka", "lo", "mi", "ne", "ru", "sta", "ver", "con", "fig", "da", "ter", "log", "sy", "pro", "net", "ba"))
	}
	return b.String()
}

// glob draws from the mix by which table sizes are compared: literals, homes, programs, folders, names anywhere.
func (m mix) glob() string {
	switch p := m.IntN(100); {
	case p < 25:
		return fmt.Sprintf("/%s/%s/%s", m.of("etc", "usr/lib", "srv", "var/log"), m.name(), m.name())
	case p < 45:
		return fmt.Sprintf("/home/*/.%s/%s/**", m.name(), m.name())
	case p < 50:
		return fmt.Sprintf("/opt/%s/*.so", m.name())
	case p < 60:
		return fmt.Sprintf("/usr/{bin,sbin}/{%s,%s}", m.name(), m.name())
	case p < 65:
		return fmt.Sprintf("/var/lib/%s/**", m.name())
	case p < 80:
		return fmt.Sprintf("**/.%s", m.name())
	case p < 90:
		return fmt.Sprintf("**/%s*.%s", m.name(), m.of("pem", "key", "md", "json", "env"))
	}
	return fmt.Sprintf("**/%s/**", m.name())
}

func (m mix) line() string {
	tool := m.of("git", "curl", "npm", "docker", "kubectl", "aws", "ssh", "systemctl", "psql", "terraform")
	return m.of(fmt.Sprintf("%s %s *", tool, m.name()), fmt.Sprintf("%s %s *--%s*", tool, m.name(), m.name()))
}

// pathOps are what rules on paths are about, in turn.
var pathOps = []string{`"file.read"`, `"file.write"`, `"exec"`, `"file.read", "file.write"`}

// PolicyText is a policy of n rules; of each twenty one is on command lines, and of each four hundred one has an except.
func PolicyText(n int) string {
	m := mix{rand.New(rand.NewPCG(uint64(n), 0x5EED))}
	var b strings.Builder
	b.WriteString("version = 1\nbase = \"none\"\n[[role]]\nname = \"default\"\ndefaults = { net = \"allow\" }\n")
	for i := range n {
		on, glob := pathOps[i%len(pathOps)], ""
		if i%20 == 7 {
			on, glob = `"exec.argv"`, m.line()
		} else {
			glob = m.glob()
		}
		action := [...]string{"deny", "ask", "audit"}[i%3]
		fmt.Fprintf(&b, "\n[[rule]]\nid = \"r%d\"\non = [%s]\nmatch = [%q]\naction = %q\nreason = \"bench\"\n", i, on, glob, action)
		if i%400 == 8 {
			fmt.Fprintf(&b, "except = [\"/srv/%s/**\"]\n", m.name())
		}
	}
	return b.String()
}

// Compile makes the table of a policy, with the product's own catalogue of agents in it.
func Compile(text string) (*enforce.Image, error) {
	p, err := enforce.Parse(map[string]string{"bench.toml": text}, enforce.Options{})
	if err != nil {
		return nil, fmt.Errorf("reading the policy: %w", err)
	}
	agents, err := catalogue()
	if err != nil {
		return nil, err
	}
	im, err := enforce.Compile(p, agents, 1, enforce.Options{})
	if err != nil {
		return nil, fmt.Errorf("compiling the policy: %w", err)
	}
	return im, nil
}

func catalogue() ([]enforce.Agent, error) {
	c, err := inventory.Builtin()
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	}
	var agents []enforce.Agent
	for _, a := range c.Agents {
		agents = append(agents, enforce.Agent{ID: a.ID, Host: a.Host, Observe: a.Observe, Relaunch: a.Relaunch, Exec: a.Exec,
			Scripts: a.Scripts, Interpreters: a.Interpreters})
	}
	return agents, nil
}

// acts are what the operations do, as policy sees it.
var acts = []struct {
	op     enforce.Op
	object string
}{
	{enforce.OpFileRead, Object}, {enforce.OpExecMap, Object},
	{enforce.OpExec, Ops}, {enforce.OpExecMap, Ops}, {enforce.OpExecArgv, Line},
	{enforce.OpNetAddr, Server}, {enforce.OpNetAddr, Deaf},
}

// Unmet reports a rule that an operation would meet: then what is measured is not what the table says.
func Unmet(im *enforce.Image) error {
	oracle := im.Oracle()
	who := enforce.Subject{Principal: 1}
	for _, a := range acts {
		v := oracle.Decide(who, a.op, enforce.ViewHost, []byte(a.object))
		if v.Action != enforce.Allow {
			return fmt.Errorf("policy: %s on %s is not plainly allowed: %v", a.op, a.object, v)
		}
	}
	return nil
}
