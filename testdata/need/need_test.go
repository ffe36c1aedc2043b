// SPDX-License-Identifier: Apache-2.0

package need

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// ending is a test whose end is looked at.
type ending struct {
	testing.TB
	failed, skipped bool
}

func (e *ending) Helper()               { /* nothing is printed */ }
func (e *ending) Fatalf(string, ...any) { e.failed = true; panic(e) }
func (e *ending) Skip(...any)           { e.skipped = true; panic(e) }
func (e *ending) Skipf(string, ...any)  { e.skipped = true; panic(e) }

// endOf is how a test ends that f is the whole of.
func endOf(f func(testing.TB)) (e *ending) {
	e = &ending{}
	defer func() { _ = recover() }()
	f(e)
	return e
}

func TestWantIsAFailureWhereItIsRequired(t *testing.T) {
	for require, want := range map[string]struct{ failed, skipped bool }{
		"":           {false, true},
		"vm,agents":  {false, true},
		"lsmx":       {false, true},
		"vm,lsm,bpf": {true, false},
	} {
		t.Setenv("REQUIRE", require)
		if e := endOf(func(t testing.TB) { Missing(t, LSM, "none") }); e.failed != want.failed || e.skipped != want.skipped {
			t.Errorf("REQUIRE=%s: failed %v, skipped %v", require, e.failed, e.skipped)
		}
		if e := endOf(func(t testing.TB) { OtherKernel(t, "none") }); e.failed || !e.skipped {
			t.Errorf("REQUIRE=%s: what is not for this kernel failed %v, skipped %v", require, e.failed, e.skipped)
		}
	}
}

func TestNobodyReadsNothingThatIsClosed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "closed")
	if err := errors.Join(os.Chmod(filepath.Dir(filepath.Dir(file)), 0o755), os.WriteFile(file, []byte("x"), 0)); err != nil {
		t.Fatal(err)
	}
	AsNobody(t, func() {
		if _, err := os.ReadFile(file); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("closed: %v", err)
		}
	})
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	AsNobody(t, func() {
		if _, err := os.ReadFile(file); err != nil {
			t.Errorf("open: %v", err)
		}
	})
}
