// SPDX-License-Identifier: Apache-2.0

package main

// The director: a machine with the kernel under test, the host's root, the agent laid over it, and this program inside.

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/reeve-sensor/reeve/testdata/messages"
	"github.com/reeve-sensor/reeve/testdata/vm"
)

const guestTime = 20 * time.Minute

func inGuest(ctx context.Context, o options, out *screen) error {
	cache, err := vm.DefaultCache()
	if err != nil {
		return err
	}
	layer := messages.ClaudeLayer(cache)
	if _, err := os.Stat(layer); err != nil {
		return fmt.Errorf("no Claude Code %s: run packaging/provision.sh claude", messages.ClaudeVersion)
	}
	scratch, err := os.MkdirTemp("", "reeve-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	self := filepath.Join(scratch, "demo")
	build := exec.CommandContext(ctx, "go", "build", "-o", self, "./testdata/demo")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the part for the machine: %w\n%s", err, text)
	}
	kvm, tuned := os.Getenv("REEVE_VM_ACCEL") == "kvm", messages.Emulated()
	if kvm {
		tuned = nil
	}
	out.step("booting a machine: kernel %s, systemd, this machine's root read-only (half a minute without KVM)", o.kernel)
	shown := &console{to: out, verbose: o.verbose}
	result, err := vm.Run(ctx, vm.Config{
		Kernel: o.kernel, Mode: vm.Systemd, Memory: 4096, Timeout: guestTime, Console: shown,
		KVM: kvm, Layers: []string{layer}, Env: tuned,
		Files: []vm.File{
			{From: self, To: "demo"}, {From: o.scenario, To: "demo.toml"},
			{From: filepath.Join(o.bin, "reeved"), To: "bin/reeved"}, {From: filepath.Join(o.bin, "reeve"), To: "bin/reeve"},
			{From: "packaging/reeved.service"}, {From: "packaging/reeve.toml"},
			{From: "packaging/sysusers.conf"}, {From: "packaging/tmpfiles.conf"},
		},
		Command: "exec ./demo -here -unit -wire -bin bin -scenario demo.toml -agent /home/alice/" + messages.ClaudeProgram,
	})
	if err != nil {
		return err
	}
	switch result.Code {
	case 0:
		out.step("done: exit code 0")
		return nil
	case vm.CodeTimeout, vm.CodeDied:
		return fmt.Errorf("the machine ended without a result (code %d); its console ended with:\n%s", result.Code, shown.last(40))
	}
	return fmt.Errorf("not as expected: exit code %d in the machine; its console besides the demo:\n%s", result.Code, shown.last(15))
}
