// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

package parse_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/reeve-sensor/reeve/testdata/need"
)

// TestFuzzersTakeWhatIsKnown builds the fuzzers of ../fuzz with their sanitizers, and runs each over the recorded messages
// what longer runs found, and what it makes of them. `make fuzz` goes on from there.
func TestFuzzersTakeWhatIsKnown(t *testing.T) {
	clang, err := exec.LookPath("clang-19")
	if err != nil {
		need.Missing(t, need.VM, err)
	}
	for _, kind := range []string{"dns", "stream", "hello", "request"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			for name, message := range messages(t, kind) {
				seed := append([]byte{1, 2, 3, 4}, message...)
				if err := os.WriteFile(filepath.Join(folder, name), seed, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			found, err := filepath.Glob("../fuzz/found/" + kind + "-*")
			if err != nil {
				t.Fatal(err)
			}
			fuzzer := filepath.Join(t.TempDir(), kind)
			run(t, clang, "-g", "-O2", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all", "-I../include",
				"-Wall", "-Wextra", "-Wno-unused-function", "-Werror", "-o", fuzzer, "../fuzz/"+kind+".c")
			if len(found) > 0 {
				run(t, fuzzer, found...)
			}
			run(t, fuzzer, "-runs=20000", "-seed=1", "-max_len=2048", "-verbosity=0", "-artifact_prefix="+folder+"/", folder)
		})
	}
}

func run(t *testing.T, program string, arguments ...string) {
	t.Helper()
	if said, err := exec.Command(program, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(program), err, said)
	}
}
