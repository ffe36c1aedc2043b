// SPDX-License-Identifier: Apache-2.0

// This file works out by which commands the kernel is to know connectors: those that the policy declares, and those that
// configurations name, each with what was decided about it and with the program that it leads to.

package site

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/live"
)

// Filled gives the commands that sessions of a user make of an item's, where that has variables. nil: none makes any.
type Filled func(it *inventory.Item, uid uint32) [][]string

// Commands are those of connectors, as the kernel is told of them. The items have their approvals, and nothing of the policy in them.
// untold are connectors that are left out, since their person has too many.
func Commands(p *enforce.Policy, im *enforce.Image, items []inventory.Item, people []live.Person, filled Filled, programs *Programs) (known map[bpf.Command]bpf.Start, untold int) {
	programs.afresh()
	s := &starting{policy: p, image: im, people: people, filled: filled, programs: programs}
	out := sensor.Commands(s.configured(items))
	maps.Copy(out, sensor.OpenCommands(s.open))
	for key, start := range sensor.Commands(s.declared()) {
		if _, known := out[key]; !known { // what is configured was decided about
			out[key] = start
		}
	}
	return out, s.untold
}

type starting struct {
	policy   *enforce.Policy
	image    *enforce.Image
	people   []live.Person
	filled   Filled
	programs *Programs
	open     []sensor.Open // of what is configured
	untold   int
}

// number is what the kernel calls a declared connector; 0 for Undeclared.
func (s *starting) number(name string) uint16 {
	n, _ := s.image.NameNumber(enforce.OpConnectorStart, name)
	return uint16(n)
}

// declared are the policy's own: for everybody, and where a home may have the program for that person. Nobody approved them yet, and
// with what settings they are started nobody knows, so that none is pinned. Of two that fit, the first holds, as in ConnectorOf; where the
// content fits none, the first by its command, as in ConnectorBy.
func (s *starting) declared() []sensor.Known {
	var out []sensor.Known
	taken := map[string]bool{}
	for _, other := range []bool{false, true} {
		for i := range s.policy.Connectors {
			out = append(out, s.declaration(&s.policy.Connectors[i], other, taken)...)
		}
	}
	return out
}

// declaration is one connector that the policy declares: by the programs that are what it declares, or by those that have other content.
func (s *starting) declaration(c *enforce.Connector, other bool, taken map[string]bool) []sensor.Known {
	if len(c.Command) == 0 {
		return nil
	}
	start := bpf.Start{Principal: s.number(c.Name)}
	if other {
		start.Flags = uint16(bpf.StartOther)
	}
	out := []sensor.Known{known(bpf.CommandAnyone, c.Command, "", bpf.Start{})}
	add := func(user uint32, found []string) {
		for _, program := range found {
			which := fmt.Sprintf("%d %q %q", user, program, c.Command[1:])
			fits := c.SHA256 == "" || s.programs.holds(program, c.Command[1:], c.SHA256)
			if !taken[which] && fits != other {
				taken[which] = true
				out = append(out, known(user, c.Command, program, start))
			}
		}
	}
	add(bpf.CommandAnyone, s.programs.Find(c.Command[0], "", "/"))
	for _, person := range s.people {
		add(person.UID, s.programs.Find(c.Command[0], person.Dir, person.Dir))
	}
	return out
}

func known(user uint32, argv []string, program string, start bpf.Start) sensor.Known {
	return sensor.Known{Command: sensor.Command{User: user, Name: argv[0], Program: program, Args: argv[1:]}, Start: start}
}

// ownMax is how many connectors of one person the kernel is told of: what a project brings must not crowd out everybody else's.
const ownMax = bpf.CommandsMax / 16

// configured are those that the inventory found: of one person the person's own before those that came with a project.
func (s *starting) configured(items []inventory.Item) []sensor.Known {
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b inventory.Item) int {
		return cmp.Compare(projects[a.Scope], projects[b.Scope])
	})
	var out []sensor.Known
	count := map[string]int{}
	for i := range items {
		it := &items[i]
		if it.Kind != inventory.KindConnector || len(it.Facts.Started.Argv())+len(it.Facts.Open.Argv()) == 0 {
			continue
		}
		if count[it.Owner]++; count[it.Owner] > ownMax {
			s.untold++
			continue
		}
		for _, person := range s.whose(it) {
			out = append(out, s.item(it, person)...)
		}
	}
	return out
}

// projects are the scopes of what others may have brought.
var projects = map[inventory.Scope]int{inventory.ScopeProject: 1}

// everybody has the system's folders alone.
var everybody = live.Person{}

// whose are the people in whose sessions an item counts.
func (s *starting) whose(it *inventory.Item) []*live.Person {
	for i := range s.people {
		if s.people[i].User == it.Owner {
			return []*live.Person{&s.people[i]}
		}
	}
	all := []*live.Person{&everybody}
	for i := range s.people {
		all = append(all, &s.people[i])
	}
	return all
}

// item is one configuration's connector: by its command, by what sessions make of that where it has variables, and by what is certain
// of it then.
func (s *starting) item(it *inventory.Item, person *live.Person) []sensor.Known {
	user := person.UID
	if person == &everybody {
		user = bpf.CommandAnyone
	}
	var out []sensor.Known
	if argv := it.Facts.Started.Argv(); len(argv) > 0 {
		out = s.command(it, person, user, argv, it.Identity.Command)
	}
	open := it.Facts.Open
	name, fixed, certain := open.Certain()
	if certain {
		flags := decisions[it.Approval.State]
		s.open = append(s.open, sensor.Open{User: user, Name: name, Args: len(open.Argv()) - 1, Fixed: fixed, Flags: flags})
	}
	if len(open.Argv()) > 0 && user != bpf.CommandAnyone && s.filled != nil {
		for _, argv := range s.filled(it, user) {
			out = append(out, s.command(it, person, user, argv, argv)...)
		}
	}
	return out
}

// command is one command of an item, by each program that it may lead to. spelled is how a policy declares it.
func (s *starting) command(it *inventory.Item, person *live.Person, user uint32, argv, spelled []string) []sensor.Known {
	out := []sensor.Known{known(user, argv, "", bpf.Start{})}
	name := Declared(s.policy, it)
	if name == enforce.Undeclared {
		name = s.policy.ConnectorOf(spelled, "", it.Identity.Content())
	}
	flags := decisions[it.Approval.State]
	if by := s.policy.ConnectorBy(spelled); name == enforce.Undeclared && by != enforce.Undeclared {
		name, flags = by, flags|bpf.StartOther
	}
	folder := cmp.Or(it.Facts.Started.Folder(), it.Facts.Open.Folder())
	for _, program := range s.programs.Find(argv[0], person.Dir, folder) {
		start := bpf.Start{Principal: s.number(name), Flags: uint16(flags)}
		if name != enforce.Undeclared && flags&bpf.StartOther == 0 && len(it.Facts.Environment) == 0 && len(it.Facts.Open.Argv()) == 0 {
			s.pin(&start, program, argv[1:], s.sum(name))
		}
		out = append(out, known(user, argv, program, start))
	}
	return out
}

var decisions = map[string]bpf.StartFlag{"approved": bpf.StartApproved, "pinned": bpf.StartApproved, "revoked": bpf.StartRevoked}

// sum is the content that a policy declares for a connector; "" for none.
func (s *starting) sum(name string) string {
	i := slices.IndexFunc(s.policy.Connectors, func(c enforce.Connector) bool { return c.Name == name })
	return s.policy.Connectors[i].SHA256
}

// pin marks a start as known by its content, where it is.
func (s *starting) pin(start *bpf.Start, program string, args []string, sum string) {
	if sum == "" {
		return
	}
	if stamp, ok := s.programs.pinned(program, args, sum); ok {
		stamp.Principal, stamp.Flags = start.Principal, start.Flags|uint16(bpf.StartPinned)
		*start = stamp
	}
}

// searched are the folders in which agents find programs by their names, beside the system's: PATH is each agent's own. What is found
// elsewhere by the same name is a connector that nobody knows.
var searched = []string{
	"usr/local/bin", "usr/bin", "bin", "usr/local/sbin", "usr/sbin", "sbin", "snap/bin", "opt/*/bin",
	"~/.local/bin", "~/bin", "~/.bun/bin", "~/.deno/bin", "~/.cargo/bin", "~/go/bin", "~/.npm-global/bin", "~/.volta/bin", "~/.asdf/shims", "~/.pyenv/shims",
	"~/.nvm/versions/node/*/bin", "~/.local/share/fnm/node-versions/*/installation/bin", "~/.local/share/mise/shims", "~/.local/share/mise/installs/*/*/bin",
}

// folders are those of them that there are.
func folders(home string) []string {
	var out []string
	for _, pattern := range searched {
		below, own := strings.CutPrefix(pattern, "~/")
		switch {
		case !own:
			pattern = "/" + pattern
		case home == "":
			continue
		default:
			pattern = filepath.Join(home, below)
		}
		found, _ := filepath.Glob(pattern) // the patterns are good
		out = append(out, found...)
	}
	return out
}
