// SPDX-License-Identifier: Apache-2.0

package main

// Who the agent works for: a person with a key, a shell that starts from a file, and a project. The key is made here.

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

type person struct {
	name     string
	uid, gid int
	home     string
}

const bashrc = "# alice's shell starts here\n"

// alice of the machine, or on this kernel a scratch home of whoever started the demo: nobody's own files are at stake.
func findPerson(unit bool) (*person, func(), error) {
	if unit {
		u, err := user.Lookup("alice")
		if err != nil {
			return nil, nil, err
		}
		p, err := personOf(u)
		return p, func() {}, err
	}
	name := os.Getenv("SUDO_USER")
	if name == "" || name == "root" {
		name = "nobody" // Claude Code refuses to skip its prompts for root
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, nil, err
	}
	p, err := personOf(u)
	if err != nil {
		return nil, nil, err
	}
	// Below /home, where `~` of the policies is, and where the agent's own files are known.
	p.home, err = os.MkdirTemp("/home", "reeve-demo-")
	if err != nil {
		return nil, nil, err
	}
	return p, func() { os.RemoveAll(p.home) }, nil
}

func personOf(u *user.User) (*person, error) {
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	return &person{u.Username, uid, gid, u.HomeDir}, err
}

// furnish makes the home. The secret is what must not turn up anywhere that the agent could see.
func (p *person) furnish() (secret string, err error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "DEMO PRIVATE KEY", Bytes: key})
	for name, content := range map[string]string{
		".ssh/id_ed25519": string(text), ".ssh/known_hosts": "", ".bashrc": bashrc, "hello/README": "A greeting.\n",
	} {
		file := filepath.Join(p.home, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return "", err
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			return "", err
		}
	}
	return string(text), p.own()
}

// own gives the home to its person, but for what the agent's layer brought: changing that would copy it.
func (p *person) own() error {
	return filepath.WalkDir(p.home, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name == filepath.Join(p.home, ".local") && d.IsDir() {
			if info, err := d.Info(); err == nil && info.Sys().(*syscall.Stat_t).Uid == uint32(p.uid) {
				return fs.SkipDir
			}
		}
		return os.Lchown(name, p.uid, p.gid)
	})
}

// environment is a login's, small: what the demo's own has is not the agent's business.
func (p *person) environment() []string {
	return []string{
		"HOME=" + p.home, "USER=" + p.name, "LOGNAME=" + p.name, "SHELL=/bin/bash", "LANG=C.UTF-8", "TERM=dumb",
		"PATH=/usr/local/bin:/usr/bin:/bin",
	}
}

// attributes let a command run as the person, in a session of its own.
func (p *person) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(p.uid), Gid: uint32(p.gid)}, Setsid: true}
}

// bringAgent puts the agent's program where an installer would, if it is not there.
func (p *person) bringAgent(program string) (string, error) {
	if filepath.Dir(filepath.Dir(filepath.Dir(program))) == filepath.Join(p.home, ".local/share") {
		return program, nil
	}
	to := filepath.Join(p.home, ".local/share/claude/versions", claudeVersion)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return "", err
	}
	data, err := os.ReadFile(program)
	if err != nil {
		return "", fmt.Errorf("reading Claude Code: %w", err)
	}
	return to, os.WriteFile(to, data, 0o755)
}
