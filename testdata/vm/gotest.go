// SPDX-License-Identifier: Apache-2.0

package vm

// Go tests that need a kernel under test: the test binary is built here and runs in the guest.

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// GoTest builds the tests of a package, given as a folder below the working directory, and runs them
// in a guest with args (such as -test.run X). A test finds its testdata beside it, and REQUIRE makes
// a skip for want of bpf or of a security module a failure. c.Command is set here.
func GoTest(ctx context.Context, c Config, pkg string, args ...string) (Result, error) {
	scratch, err := os.MkdirTemp("", "reeve-vm-test-")
	if err != nil {
		return Result{}, fmt.Errorf("vm: %w", err)
	}
	defer os.RemoveAll(scratch)
	binary := filepath.Join(scratch, "x.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, pkg)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return Result{}, fmt.Errorf("vm: building the tests of %s: %w\n%s", pkg, err, out)
	}
	if !exists(binary) {
		return Result{}, fmt.Errorf("vm: %s has no tests", pkg)
	}
	c.Files = append(c.Files, File{From: binary, To: "x.test"})
	if data := filepath.Join(pkg, "testdata"); exists(data) {
		c.Files = append(c.Files, File{From: data, To: "testdata"})
	}
	c.Env = append([]string{"REQUIRE=bpf,lsm"}, c.Env...)
	words := []string{"exec", "./x.test"}
	for _, arg := range args {
		words = append(words, quote(arg))
	}
	c.Command = strings.Join(words, " ")
	return Run(ctx, c)
}
