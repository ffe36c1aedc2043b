// SPDX-License-Identifier: Apache-2.0

package stage

// Who an agent works for: an ordinary person of the machine, and what is run as that person outside of every session.

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// Person is somebody with a home.
type Person struct {
	Name     string
	UID, GID int
	Home     string
}

// Lookup finds a person by name; "alice" is in every machine that has a root.
func Lookup(name string) (*Person, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	return &Person{u.Username, uid, gid, u.HomeDir}, err
}

// Write makes files below the home, for the person alone. Own gives them away.
func (p *Person) Write(files map[string]string) error {
	for name, content := range files {
		file := filepath.Join(p.Home, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Own gives the home to its person, but for what an agent's layer brought: changing that would copy it.
func (p *Person) Own() error {
	return filepath.WalkDir(p.Home, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name == filepath.Join(p.Home, ".local") && d.IsDir() {
			if info, err := d.Info(); err == nil && info.Sys().(*syscall.Stat_t).Uid == uint32(p.UID) {
				return fs.SkipDir
			}
		}
		return os.Lchown(name, p.UID, p.GID)
	})
}

// Environment is a login's, small: what the stage's own has is not the agent's business.
func (p *Person) Environment() []string {
	return []string{
		"HOME=" + p.Home, "USER=" + p.Name, "LOGNAME=" + p.Name, "SHELL=/bin/bash", "LANG=C.UTF-8", "TERM=dumb",
		"PATH=/usr/local/bin:/usr/bin:/bin",
	}
}

// Command is a command of the person's, in a login session of its own and at home.
func (p *Person) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = p.Home, p.Environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(p.UID), Gid: uint32(p.GID)}, Setsid: true}
	return cmd
}

// Output runs a command as the person, which must succeed.
func (p *Person) Output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := p.Command(ctx, name, args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, complaint.String())
	}
	return string(out), nil
}
