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
	"github.com/reeve-sensor/reeve/testdata/vm/vmtest"
)

const (
	claudeVersion = messages.ClaudeVersion
	modelURL      = "http://127.0.0.1:18080"
	// secret is the content of the key: it may turn up in the control, and nowhere else.
	secret = "not-for-agents-2f9c61"
)

var keep = flag.String("keep", "", "folder for what the machine leaves; default: one that is removed")

// play runs the stage in a machine and gives the folder of what it left.
func play(t *testing.T) string {
	t.Helper()
	vmtest.Machine(t)
	out := *keep
	if out == "" {
		out = t.TempDir()
	}
	built := vmtest.Build(t, "../..", "./cmd/reeved", "./cmd/reeve", "./testdata/messages/cmd/messages")
	files := []vm.File{
		{From: "guest"}, {From: "scenario.toml"}, {From: filepath.Join(built, "messages")},
		{From: filepath.Join(built, "reeved"), To: "bin/reeved"}, {From: filepath.Join(built, "reeve"), To: "bin/reeve"},
		{From: "../../packaging"},
	}
	config := vm.Config{
		// One processor: KVM's start patches the scheduler, and QEMU before 8 may go on with what another processor patched away
		// ("Oops: int3", "scheduling while atomic").
		Kernel: "6.12", Mode: vm.Systemd, CPUs: 1, Memory: 4096, Timeout: 12 * time.Minute, Out: out, Log: t.Output(), Files: files,
		Layers: []string{privateCopy(t)}, KVM: os.Getenv("REEVE_VM_ACCEL") == "kvm",
		Env:     append(append(messages.Environ(modelURL), messages.Emulated()...), "CLAUDE_VERSION="+claudeVersion, "SECRET="+secret),
		Command: "exec sh guest/stage",
	}
	result, err := vm.Run(context.Background(), config)
	for range 2 {
		if err != nil || !emulationFailed(t, result, out) {
			break
		}
		t.Logf("a kernel died or stands still, once more:\n%s\n%s", result.Console, left(t, out, "inside.log"))
		result, err = vm.Run(context.Background(), config)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: stage after %s, whole %s\n%s", result.Kernel, result.Up, result.Elapsed.Round(time.Second), left(t, out, "times"))
	if result.Code != 0 {
		t.Fatalf("code %d\n%s", result.Code, result.Console)
	}
	return out
}

// emulationFailed reports whether one of the two kernels came to its end. A guest in an emulated guest takes the emulator's
// virtualisation to its limits: seen were double faults of the inner kernel, which nothing of Reeve runs in, and an inner kernel
// that never got as far as its console, in the control too.
func emulationFailed(t *testing.T, r vm.Result, out string) bool {
	t.Helper()
	return slices.ContainsFunc([]string{r.Console, left(t, out, "inside.log"), left(t, out, "control.log")}, func(console string) bool {
		return strings.Contains(console, "Kernel panic") || strings.Contains(console, "guest stands still")
	})
}

// privateCopy is a layer with Claude Code where Claude Desktop keeps its own copies.
func privateCopy(t *testing.T) string {
	t.Helper()
	from := filepath.Join(vmtest.Layer(t, messages.ClaudeLayer), "home/alice", messages.ClaudeProgram)
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
