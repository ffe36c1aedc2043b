// SPDX-License-Identifier: Apache-2.0

package work

// The host's part: which machines, and what Go's standard library is compiled to, which an emulated processor cannot do in time.

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/vm"
	"github.com/reeve-sensor/reeve/testdata/vm/vmtest"
)

var (
	machines = flag.String("machines", "6.12", "kernels, each with nobpf at its end for one without bpf in lsm=")
	onStage  = flag.Bool("stage", false, "this is the machine")
)

// goCache is where the machine finds the compiled standard library.
const goCache = "/opt/reeve-work/go-build"

func TestOrdinaryWork(t *testing.T) {
	vmtest.Machine(t)
	for _, program := range []string{"git", "rsync", "npm", "go"} {
		vmtest.Program(t, "vm", program)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	must(t, err)
	vmtest.Play(t, *machines, "../..", vm.Config{
		Memory: 3072, Timeout: 20 * time.Minute, Ext4: "/home", Layers: []string{warmed(t)},
		Env: []string{"GOROOT=" + strings.TrimSpace(string(root))},
	})
}

// warmed is a layer with the cache that a build of the same program leaves, but for the program's own packages.
func warmed(t *testing.T) string {
	t.Helper()
	layer, module := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{"go.mod": "module warm\n\ngo 1.24\n", "main.go": "package main\n\nimport (\n\t\"fmt\"\n\t\"strings\"\n)\n\nfunc main() { fmt.Println(strings.ToUpper(\"warm\")) }\n"} {
		must(t, os.WriteFile(filepath.Join(module, name), []byte(text), 0o644))
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", "/dev/null", ".")
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOCACHE="+filepath.Join(layer, goCache), "CGO_ENABLED=0", "GOFLAGS=", "GOTOOLCHAIN=local")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("warming Go's cache: %v\n%s", err, text)
	}
	must(t, os.Chmod(layer, 0o755))
	return layer
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
