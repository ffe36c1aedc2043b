// SPDX-License-Identifier: Apache-2.0

package clients

// The host's part: which machines, what is laid over their roots, and what an emulated processor would compile for too long.

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/messages"
	"github.com/reeve-sensor/reeve/testdata/need"
	"github.com/reeve-sensor/reeve/testdata/vm"
	"github.com/reeve-sensor/reeve/testdata/vm/vmtest"
)

var (
	machines = flag.String("machines", "6.12", "kernels, each with nobpf at its end for one without bpf in lsm=")
	onStage  = flag.Bool("stage", false, "this is the machine")
)

// ownAuthority is where the machine keeps whom it trusts beside others.
const ownAuthority = "/usr/local/share/ca-certificates/reeve.crt"

// programs is where the machine finds what was compiled for it.
const programs = "/opt/reeve-clients"

func TestClients(t *testing.T) {
	vmtest.Machine(t)
	for _, program := range []string{"dnsmasq", "ip", "/usr/sbin/sshd", "java", "nc", "socat", "wget", "rsync", "go", "npm"} {
		vmtest.Program(t, need.Clients, program)
	}
	authority := t.TempDir()
	newAuthority(t, authority)
	root, err := exec.Command("go", "env", "GOROOT").Output()
	must(t, err)
	vmtest.Play(t, *machines, "../..", vm.Config{
		Memory: 4096, Timeout: 50 * time.Minute,
		Layers: []string{vmtest.Layer(t, messages.ClaudeLayer), vmtest.LayerFor(t, need.Clients, resolvedLayer), compiled(t, authority)},
		Files:  []vm.File{{From: filepath.Join(authority, authorityCert)}, {From: filepath.Join(authority, authorityKey)}},
		Env:    []string{"GOROOT=" + strings.TrimSpace(string(root))},
	})
}

// resolvedLayer is systemd-resolved, which no host would like to have installed for a test.
func resolvedLayer(cache string) string { return filepath.Join(cache, "clients", "resolved") }

// compiled is a layer with the clients in Go and Java, and whom all trust.
func compiled(t *testing.T, authority string) string {
	t.Helper()
	layer := t.TempDir()
	must(t, os.Chmod(layer, 0o755))
	to := filepath.Join(layer, programs)
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", to+"/fetch", "./fetch")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	if text, err := exec.Command("java", "-m", "jdk.compiler/com.sun.tools.javac.Main", "-d", to, "Fetch.java").CombinedOutput(); err != nil {
		t.Fatalf("javac: %v\n%s", err, text)
	}
	trust(t, authority, layer)
	return layer
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
