// SPDX-License-Identifier: Apache-2.0

// This file finds the people of a machine: whose homes the inventory looks through, and with whose rights.

package site

import (
	"bufio"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/reeve-sensor/reeve/sensor/inventory/discover"
	"github.com/reeve-sensor/reeve/sensor/inventory/disk"
	"github.com/reeve-sensor/reeve/sensor/inventory/live"
	"github.com/reeve-sensor/reeve/sensor/procfs"
)

// People are root, those of /etc/passwd, and the owners of what lies where homes do. Their homes are there.
func (c *Config) People() []live.Person {
	byUID := map[uint32]*live.Person{}
	add := func(uid uint32, home string) {
		if _, there := byUID[uid]; there {
			return
		}
		if info, err := os.Stat(home); err == nil && info.IsDir() {
			byUID[uid] = person(uid, home)
		}
	}
	for _, a := range passwd("/etc/passwd") {
		add(a.uid, a.home)
	}
	for _, pattern := range append([]string{"/home/*"}, c.Homes...) {
		homes, _ := filepath.Glob(pattern) // a pattern that is none matches nothing; the policy tells of it
		for _, home := range homes {
			if uid, ok := owner(home); ok {
				add(uid, home)
			}
		}
	}
	for _, dir := range c.Inventory.Folders {
		if uid, ok := owner(dir); ok && byUID[uid] != nil {
			byUID[uid].Folders = append(byUID[uid].Folders, dir)
		}
	}
	var out []live.Person
	for _, p := range byUID {
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b live.Person) int { return int(int64(a.UID) - int64(b.UID)) })
	return out
}

// Me is the person who runs this process.
func (c *Config) Me() (live.Person, error) {
	u, err := user.Current()
	if err != nil {
		return live.Person{}, err
	}
	p := person(uint32(os.Getuid()), u.HomeDir)
	for _, dir := range c.Inventory.Folders {
		if uid, ok := owner(dir); ok && uid == p.UID {
			p.Folders = append(p.Folders, dir)
		}
	}
	return *p, nil
}

func person(uid uint32, home string) *live.Person {
	p := &live.Person{Person: disk.Person{UID: uid, GID: uid}}
	p.User, _ = procfs.User(uid)
	p.Dir = filepath.Clean(home)
	u, err := user.LookupId(procfs.Number(uid))
	if err != nil {
		return p // no account: its files are its own alone
	}
	if gid, err := strconv.ParseUint(u.Gid, 10, 32); err == nil {
		p.GID = uint32(gid)
	}
	ids, _ := u.GroupIds() // without them what a group shares is not seen
	for _, id := range ids {
		if gid, err := strconv.Atoi(id); err == nil {
			p.Groups = append(p.Groups, gid)
		}
	}
	return p
}

func owner(dir string) (uint32, bool) {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return 0, false
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	return s.Uid, ok
}

type account struct {
	uid  uint32
	home string
}

// passwd lists root and people.
func passwd(name string) []account {
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	var out []account
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Split(s.Text(), ":")
		if len(fields) < 7 {
			continue
		}
		uid, err := strconv.ParseUint(fields[2], 10, 32)
		home := filepath.Clean(fields[5])
		if err == nil && (uid == 0 || uid >= firstPerson && uid < 65534) && home != "/" && filepath.IsAbs(home) {
			out = append(out, account{uint32(uid), home})
		}
	}
	return out
}

// Bounds are those of the inventory's search.
func (c *Config) Bounds() discover.Options {
	o := discover.Defaults
	o.Depth, o.Skip, o.System = c.Inventory.Depth, c.Inventory.Skip, nil
	for _, dir := range c.Inventory.System {
		o.System = append(o.System, strings.TrimPrefix(filepath.Clean(dir), "/"))
	}
	return o
}
