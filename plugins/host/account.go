// SPDX-License-Identifier: Apache-2.0

// This file is the user that a plugin runs as: one of its own, so that no plugin can read, signal or trace another.

package host

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// account is a user by number.
type account struct{ uid, gid uint32 }

// accountOf looks a plugin's user up. A number needs no entry in the user database.
func accountOf(s *Spec) (account, error) {
	name := s.User
	if name == "" {
		name = "reeve-" + s.Name
	}
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return account{uint32(n), uint32(n)}.checked(name)
	}
	u, err := user.Lookup(name)
	if _, unknown := errors.AsType[user.UnknownUserError](err); unknown {
		return account{}, fmt.Errorf("no user %s: systemd-sysusers or useradd --system makes one", name)
	}
	if err != nil {
		return account{}, fmt.Errorf("looking up user %s: %w", name, err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		return account{}, fmt.Errorf("looking up user %s: %w", name, err)
	}
	return account{uint32(uid), uint32(gid)}.checked(name)
}

// People's numbers, as distributions give them out. What a plugin leaves behind is found by its user and ended, which no person's
// processes may be mistaken for.
const (
	firstPerson = 1000
	lastPerson  = 60000
)

func (a account) checked(name string) (account, error) {
	switch {
	case a.uid == 0 || a.gid == 0:
		return a, fmt.Errorf("user %s is root's or of root's group", name)
	case a.uid >= firstPerson && a.uid <= lastPerson:
		return a, fmt.Errorf("user %s is a person's by its number %d: systemd-sysusers or useradd --system makes one for a plugin", name, a.uid)
	}
	return a, nil
}

// alone refuses a user that another plugin has, by whatever name: each could read the other's secrets.
func (a account) alone(s *Spec, all []Spec) error {
	for i := range all {
		if other, err := accountOf(&all[i]); all[i].Name != s.Name && err == nil && other.uid == a.uid {
			return fmt.Errorf("its user, %d, is also that of plugin %s", a.uid, all[i].Name)
		}
	}
	return nil
}

// privileged reports whether this process can give plugins users of their own. One that cannot is no daemon: a test, or
// somebody who tries.
func privileged() bool { return os.Geteuid() == 0 }

// endAll ends every process of a user: what a plugin left behind, wherever it went.
func (a account) endAll() {
	if !privileged() {
		return
	}
	for range endPasses {
		found := false
		names, err := filepath.Glob("/proc/[0-9]*")
		if err != nil {
			return
		}
		for _, name := range names {
			info, err := os.Stat(name)
			if err != nil || info.Sys().(*syscall.Stat_t).Uid != a.uid {
				continue
			}
			if pid, err := strconv.Atoi(filepath.Base(name)); err == nil && unix.Kill(pid, unix.SIGKILL) == nil && !zombie(name) {
				found = true
			}
		}
		if !found {
			return
		}
	}
}

// endPasses bounds the passes over all processes: what forks between two is found by the next.
const endPasses = 50
