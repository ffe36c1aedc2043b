// SPDX-License-Identifier: Apache-2.0

package live

// Names are made anew while others rename: on a busy machine somebody always does, and nobody may be refused for it.

import (
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
)

// renaming moves a file to and fro, as fast as it can, until the function that it returns is called, which tells how often it did.
func renaming(t *testing.T) func() uint64 {
	t.Helper()
	dir := t.TempDir()
	here, there := filepath.Join(dir, "here"), filepath.Join(dir, "there")
	must(t, touch(here))
	var over atomic.Bool
	var count uint64
	var done sync.WaitGroup
	done.Go(func() {
		for !over.Load() {
			if err := unix.Rename(here, there); err != nil {
				t.Error("renaming:", err)
				return
			}
			here, there = there, here
			count++
		}
	})
	return func() uint64 {
		over.Store(true)
		done.Wait()
		return count
	}
}

func TestRenamesElsewhereRefuseNobody(t *testing.T) {
	dir := t.TempDir()
	policy(t, `
[[role]]
name = "default"
`)
	in := session(t)
	before, err := kernel.Counters()
	must(t, err)
	calm := renaming(t)
	for i := range 1000 {
		path := filepath.Join(dir, itoa(i)) // a new one: no label is kept of it
		if r := in.do(act{Do: "open", Path: path, Flags: unix.O_CREAT | unix.O_WRONLY}); r.Errno != 0 {
			t.Errorf("file %d: %v", i, r.Errno)
		}
	}
	renames := calm()
	after, err := kernel.Counters()
	must(t, err)
	if n := after[bpf.CountNameTorn] - before[bpf.CountNameTorn]; n != 0 || renames == 0 {
		t.Errorf("%d names were refused as torn, beside %d renames", n, renames)
	}
	t.Logf("beside %d renames", renames)
}
