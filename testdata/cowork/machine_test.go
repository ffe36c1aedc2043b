// SPDX-License-Identifier: Apache-2.0

package cowork

// The machine: what is built and copied for it, its one run, and what it left, read.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/messages"
	"github.com/reeve-sensor/reeve/testdata/vm"
)

const (
	claudeVersion = "2.1.330"
	modelURL      = "http://127.0.0.1:18080"
	// secret is the content of the key: it may turn up in the control, and nowhere else.
	secret = "not-for-agents-2f9c61"
)

var keep = flag.String("keep", "", "folder for what the machine leaves; default: one that is removed")

func skip(t *testing.T, need, reason string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("REQUIRE"), ","), need) {
		t.Fatalf("REQUIRE=%s: %s", need, reason)
	}
	t.Skip(reason)
}

// play runs the stage in a machine and gives the folder of what it left.
func play(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil || os.Getuid() != 0 {
		skip(t, "vm", "no QEMU, or not root")
	}
	out := *keep
	if out == "" {
		out = t.TempDir()
	}
	built := t.TempDir()
	build(t, built, "./cmd/reeved", "./cmd/reeve", "./testdata/messages/cmd/messages")
	files := []vm.File{
		{From: "guest"}, {From: "scenario.toml"}, {From: filepath.Join(built, "messages")},
		{From: filepath.Join(built, "reeved"), To: "bin/reeved"}, {From: filepath.Join(built, "reeve"), To: "bin/reeve"},
		{From: "../../packaging"},
	}
	result, err := vm.Run(context.Background(), vm.Config{
		Kernel: "6.12", Mode: vm.Systemd, Memory: 4096, Timeout: 12 * time.Minute, Out: out, Log: t.Output(), Files: files,
		Layers: []string{privateCopy(t)}, KVM: os.Getenv("REEVE_VM_ACCEL") == "kvm",
		Env:     append(append(messages.Environ(modelURL), messages.Emulated()...), "CLAUDE_VERSION="+claudeVersion, "SECRET="+secret),
		Command: "exec sh guest/stage",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: stage after %s, whole %s\n%s", result.Kernel, result.Up, result.Elapsed.Round(time.Second), left(t, out, "times"))
	if result.Code != 0 {
		t.Fatalf("code %d\n%s", result.Code, result.Console)
	}
	return out
}

func build(t *testing.T, to string, packages ...string) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"build", "-buildvcs=false", "-o", to + "/"}, packages...)...)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building for the machine: %v\n%s", err, text)
	}
}

// privateCopy is a layer with Claude Code where Claude Desktop keeps its own copies.
func privateCopy(t *testing.T) string {
	t.Helper()
	cache, err := vm.DefaultCache()
	if err != nil {
		t.Fatal(err)
	}
	from := filepath.Join(cache, "agents", "claude-"+claudeVersion, "home/alice/.local/share/claude/versions", claudeVersion)
	if _, err := os.Stat(from); err != nil {
		skip(t, "agents", "no Claude Code: run packaging/provision.sh agents")
	}
	layer := t.TempDir()
	to := filepath.Join(layer, "home/alice/.config/Claude/claude-code", claudeVersion, "claude")
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Link(from, to) == nil {
		return layer
	}
	if text, err := exec.Command("cp", from, to).CombinedOutput(); err != nil { // another file system
		t.Fatalf("copying Claude Code: %v\n%s", err, text)
	}
	return layer
}

// left is what the stage left under a name, without the carriage returns of a serial line; "" where it did not get there.
func left(t *testing.T, out, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(out, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(data), "\r", "")
}

// objects reads a file of JSON objects.
func objects[T any](t *testing.T, out, name string) []T {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(out, name))
	if err != nil {
		t.Fatal(err)
	}
	var all []T
	for d := json.NewDecoder(bytes.NewReader(data)); ; {
		var one T
		if err := d.Decode(&one); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, one)
	}
}
