// SPDX-License-Identifier: Apache-2.0

// Package faulty has the policies that no running daemon may take: one for each way of being wrong, with what has to be said
// of it. Tests of the daemon on the kernel at hand and in machines share them.
package faulty

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Policy is one that cannot come into force.
type Policy struct {
	Name string
	Text string // "" where no file is to be had: the folder leads to itself, which root cannot read either
	Says string // part of the one error
}

// oneRule is a policy of one rule, of which this is the rest.
func oneRule(rest string) string {
	return "version = 1\nbase = \"none\"\n[[rule]]\nid = \"faulty\"\n" + rest
}

// multiplying are globs whose states multiply: where one of them is in a name says nothing of where the others are.
func multiplying() string {
	var globs []string
	for i := range 30 {
		globs = append(globs, fmt.Sprintf("\"/tmp/*a%d*b%d\"", i, i))
	}
	return strings.Join(globs, ", ")
}

// Policies are all of them.
func Policies() []Policy {
	const deny = "action = \"deny\"\n"
	twins := "\"**/*a*b*\", \"**/*c*d*\", \"**/*e*f*\", \"**/*g*h*\", \"**/*i*j*\", \"**/*k*l*\", \"**/*m*n*\", \"**/*o*p*\", \"**/*q*r*\""
	return []Policy{
		{"broken TOML", "version = 1\nbase = balanced\n", "p.toml:2: broken TOML"},
		{"unknown key", oneRule("on = [\"file.read\"]\nmatch = [\"/x\"]\ncolour = \"red\"\n" + deny), "unknown key"},
		{"impossible glob", oneRule("on = [\"file.read\"]\nmatch = [\"/a/**b\"]\n" + deny), "p.toml:6: "},
		{"state explosion", oneRule("on = [\"file.read\"]\nmatch = [" + multiplying() + "]\n" + deny), "states for anchored globs"},
		{"state explosion by shape", oneRule("on = [\"file.read\"]\nmatch = [" + twins + "]\n" + deny), "two stars in a component below **"},
		{"missing group", "version = 1\nbase = \"none\"\n[[role]]\nname = \"engineering\"\ngroups = [\"reeve-nobody-has-this\"]\n", "does not exist on this host"},
		{"stops an agent's own start", oneRule("on = [\"exec\"]\nmatch = [\"~/.local/share/claude/versions/**\"]\n" + deny), "would stop Claude Code itself"},
		{"unreadable folder", "", "too many levels of symbolic links"},
	}
}

// Put makes the policy all that is in the folder of policies, and gives what takes it away again.
func (p Policy) Put(folder string) (takeBack func() error, err error) {
	aside := folder + ".aside"
	if err := os.Rename(folder, aside); err != nil {
		return nil, err
	}
	takeBack = func() error { return errors.Join(os.RemoveAll(folder), os.Rename(aside, folder)) }
	if p.Text == "" {
		return takeBack, os.Symlink(filepath.Base(folder), folder)
	}
	return takeBack, errors.Join(os.Mkdir(folder, 0o755), os.WriteFile(filepath.Join(folder, "p.toml"), []byte(p.Text), 0o644))
}
