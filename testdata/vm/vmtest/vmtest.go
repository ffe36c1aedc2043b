// SPDX-License-Identifier: Apache-2.0

// Package vmtest is what tests on the host need to play something in a machine: programs built for it, and agents that
// provisioning has downloaded.
package vmtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/testdata/need"
	"github.com/reeve-sensor/reeve/testdata/vm"
)

// Machine skips where no machine with the host's root can be started.
func Machine(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil || os.Getuid() != 0 {
		need.Missing(t, need.VM, "no QEMU, or not root")
	}
}

// Program skips where a program is absent that provisioning installs for a need.
func Program(t *testing.T, what, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		need.Missing(t, what, "no "+name+": run packaging/provision.sh "+what)
	}
}

// Layer is the folder of an agent in the harness's cache, of which messages knows the name.
func Layer(t *testing.T, name func(cache string) string) string {
	t.Helper()
	return LayerFor(t, need.Agents, name)
}

// LayerFor is a folder of the harness's cache that provisioning fills for a need.
func LayerFor(t *testing.T, what string, name func(cache string) string) string {
	t.Helper()
	cache, err := vm.DefaultCache()
	if err != nil {
		t.Fatal(err)
	}
	layer := name(cache)
	if _, err := os.Stat(layer); err != nil {
		need.Missing(t, what, "no "+filepath.Base(layer)+": run packaging/provision.sh "+what)
	}
	return layer
}

// Build builds commands of this module into a folder that goes with the test. Root is the way there from the test's folder.
func Build(t *testing.T, root string, packages ...string) string {
	t.Helper()
	to := t.TempDir()
	cmd := exec.Command("go", append([]string{"build", "-buildvcs=false", "-o", to + "/"}, packages...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building for the machine: %v\n%s", err, text)
	}
	return to
}

// Play runs the calling test's own binary in machines, one after the other, as its test OnStage, with Reeve's programs and
// packaging beside it as stage.Install wants them. A machine is a kernel's series, with "nobpf" at its end for one without
// bpf in lsm=.
func Play(t *testing.T, machines, root string, config vm.Config) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	built := Build(t, root, "./cmd/reeved", "./cmd/reeve")
	config.Mode, config.KVM, config.Log = vm.Systemd, os.Getenv("REEVE_VM_ACCEL") == "kvm", t.Output()
	config.Files = append(config.Files, vm.File{From: self, To: "test"}, vm.File{From: built, To: "bin"})
	for _, name := range []string{"reeved.service", "reeve.toml", "sysusers.conf", "tmpfiles.conf"} {
		config.Files = append(config.Files, vm.File{From: filepath.Join(root, "packaging", name)})
	}
	config.Command = "exec ./test -test.v -test.run '^TestOnStage$' -stage"
	for machine := range strings.FieldsSeq(machines) {
		t.Run(machine, func(t *testing.T) { run(t, machine, config) })
	}
}

func run(t *testing.T, machine string, config vm.Config) {
	kernel, bare := strings.CutSuffix(machine, "nobpf")
	config.Kernel, config.Console = kernel, t.Output() // as it comes
	if bare {
		config.LSM = vm.NoBPF
	}
	result, err := vm.Run(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s, lsm %s: stage after %s, whole %s", result.Kernel, result.LSM, result.Up, result.Elapsed.Round(1e8))
	if result.Code != 0 {
		t.Errorf("code %d", result.Code)
	}
}
