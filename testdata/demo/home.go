// SPDX-License-Identifier: Apache-2.0

package main

// Who the agent works for: a person with a key, a shell that starts from a file, and a project. The key is made here.

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"

	"github.com/reeve-sensor/reeve/testdata/messages"
	"github.com/reeve-sensor/reeve/testdata/stage"
)

const bashrc = "# alice's shell starts here\n"

// alice of the machine, or on this kernel a scratch home of whoever started the demo: nobody's own files are at stake.
func findPerson(unit bool) (*stage.Person, func(), error) {
	if unit {
		p, err := stage.Lookup("alice")
		return p, func() {}, err
	}
	name := os.Getenv("SUDO_USER")
	if name == "" || name == "root" {
		name = "nobody" // Claude Code refuses to skip its prompts for root
	}
	p, err := stage.Lookup(name)
	if err != nil {
		return nil, nil, err
	}
	// Below /home, where `~` of the policies is, and where the agent's own files are known.
	p.Home, err = os.MkdirTemp("/home", "reeve-demo-")
	if err != nil {
		return nil, nil, err
	}
	return p, func() { os.RemoveAll(p.Home) }, nil
}

// furnish makes the home. The secret is what must not turn up anywhere that the agent could see.
func furnish(p *stage.Person) (secret string, err error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "DEMO PRIVATE KEY", Bytes: key})
	err = p.Write(map[string]string{
		".ssh/id_ed25519": string(text), ".ssh/known_hosts": "", ".bashrc": bashrc, "hello/README": "A greeting.\n",
	})
	if err != nil {
		return "", err
	}
	return string(text), p.Own()
}

// bringAgent puts the agent's program where an installer would, if it is not there.
func bringAgent(p *stage.Person, program string) (string, error) {
	if filepath.Dir(filepath.Dir(filepath.Dir(program))) == filepath.Join(p.Home, ".local/share") {
		return program, nil
	}
	to := filepath.Join(p.Home, ".local/share/claude/versions", messages.ClaudeVersion)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return "", err
	}
	data, err := os.ReadFile(program)
	if err != nil {
		return "", fmt.Errorf("reading Claude Code: %w", err)
	}
	return to, os.WriteFile(to, data, 0o755)
}
