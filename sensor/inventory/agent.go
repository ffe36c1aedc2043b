// SPDX-License-Identifier: Apache-2.0

// This file is one entry of the catalogue, and what can be asked of it.

package inventory

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/event"
)

// Agent is one entry of the catalogue.
type Agent struct {
	ID           uint32            `toml:"id"`
	Name         string            `toml:"name"`
	Title        string            `toml:"title"`
	Vendor       string            `toml:"vendor"`
	Exec         []string          `toml:"exec"`         // globs as in policies
	Scripts      []string          `toml:"scripts"`      // further names by which its interpreter is given it, as installers link them
	Interpreters []string          `toml:"interpreters"` // globs of what runs it, where it is a script
	Relaunch     bool              `toml:"relaunch"`     // its launcher starts it once more, as a child
	Host         bool              `toml:"host"`         // only contains other agents
	Observe      bool              `toml:"observe"`      // refuses nothing, whatever the role says
	Wrapper      event.Wrapper     `toml:"wrapper"`      // round the commands that its model asks for
	Registry     string            `toml:"registry"`     // where it lists its running processes
	RegistryDir  string            `toml:"registry_dir"` // name in its environment of the folder that holds it, where that was moved
	Conversation []string          `toml:"conversation"` // names of the environment of its children
	Entrypoint   []string          `toml:"entrypoint"`   // the same, for how it was started
	Version      []string          `toml:"version"`      // expressions over its path; the first group is the version
	Manifest     bool              `toml:"manifest"`     // npm's, in whose package the program lies, has the version
	Applets      []string          `toml:"applets"`      // argv[0] by which its program serves as a tool of its own
	Shared       bool              `toml:"shared"`       // its program is others' too, as a node is: it is known by its path alone
	Builds       []Shipped         `toml:"build"`        // that are known without having been seen
	Verified     string            `toml:"verified"`
	Trail        Trail             `toml:"trail"`
	Start        Start             `toml:"start"`
	Config       []Config          `toml:"config"`    // where it keeps its settings
	Moved        map[string]string `toml:"moved"`     // names in its environment of folders in the place of those of the home
	Options      []string          `toml:"options"`   // of its command line that are given connectors, as a file or as JSON
	Variables    []string          `toml:"variables"` // spellings that it puts values for in commands of connectors
	Unset        string            `toml:"unset"`     // what it makes of one that has no value; "" where that is not known

	File     string `toml:"-"` // where it is written
	versions []*regexp.Regexp
}

// Start is what a start of the agent was seen to need. Objects are paths in the host's view, where ~ is any home; command lines;
// names with their ports.
type Start struct {
	Exec   []string `toml:"exec"`
	Map    []string `toml:"map"`
	Read   []string `toml:"read"`
	Write  []string `toml:"write"`
	Create []string `toml:"create"` // and written then: to open what is made is two questions
	Rename []string `toml:"rename"` // by their old names
	Delete []string `toml:"delete"`
	Lines  []string `toml:"lines"`
	Domain []string `toml:"domain"` // of its vendor's model; a site may have another
}

// Need is one operation that a start consists of, spelled as in policies.
type Need struct{ Op, Object string }

// Needs lists the start's operations, with ~ as home.
func (s *Start) Needs(home string) []Need {
	var needs []Need
	for _, part := range []struct {
		op      string
		objects []string
	}{
		{"exec", s.Exec}, {"exec.map", s.Map}, {"file.read", s.Read}, {"file.write", s.Write}, {"file.create", s.Create},
		{"file.write", s.Create}, {"file.rename", s.Rename}, {"file.delete", s.Delete}, {"exec.argv", s.Lines}, {"net.domain", s.Domain},
	} {
		for _, o := range part.objects {
			if o == "~" {
				o = home
			} else if rest, ok := strings.CutPrefix(o, "~/"); ok && part.op != "exec.argv" {
				o = path.Join(home, rest)
			}
			needs = append(needs, Need{part.op, o})
		}
	}
	return needs
}

// Environment lists the names whose values are kept of the agent's children.
func (a *Agent) Environment() []string { return slices.Concat(a.Conversation, a.Entrypoint) }

// VersionOf reads the agent's version from the path of its program, or gives "".
func (a *Agent) VersionOf(program string) string {
	for _, v := range a.versions {
		if m := v.FindStringSubmatch(program); m != nil {
			return m[1]
		}
	}
	return ""
}
