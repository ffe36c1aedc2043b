// SPDX-License-Identifier: Apache-2.0

// The budget: everything that it holds is measured, and then compared or written.

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/reeve-sensor/reeve/testdata/bench"
	"github.com/reeve-sensor/reeve/testdata/vm"
)

const (
	budgetFile = "testdata/budget.txt"
	memoryOn   = "6.1" // the kernel on which the daemon's memory is measured, since programs load quickest there; on 6.12 it is a quarter more
)

// binaries are those of `make build`.
var binaries = []string{"bin/reeved", "bin/reeve", "bin/plugins/contain", "bin/plugins/otlp", "bin/plugins/syslog"}

func budget(ctx context.Context, o options) (missed bool, err error) {
	text, err := os.ReadFile(budgetFile)
	if err != nil && !(o.budget && errors.Is(err, os.ErrNotExist)) {
		return false, err
	}
	golden, err := bench.ParseBudget(string(text))
	if err != nil {
		return false, err
	}
	machines := o.machines()
	measured, err := measureHeld(ctx, o, machines)
	if err != nil {
		return false, err
	}
	if o.budget {
		golden.Take(measured)
		return false, os.WriteFile(budgetFile, []byte(golden.String()), 0o644)
	}
	// What disturbs a machine adds to what it costs, and is not there a second time.
	if disturbed := golden.Disturbed(measured); len(disturbed) > 0 {
		fmt.Printf("budget: once more: %s\n", strings.Join(disturbed, " "))
		again, err := measureHeld(ctx, o, slices.DeleteFunc(machines, func(m machine) bool { return !slices.Contains(disturbed, m.name()) }))
		if err != nil {
			return false, err
		}
		measured.Lesser(again)
	}
	problems := golden.Check(measured)
	for _, p := range problems {
		fmt.Println("budget:", p)
	}
	return len(problems) > 0, nil
}

// machines are those of the kernels and forms that were asked for.
func (o options) machines() (all []machine) {
	for _, series := range o.series() {
		for _, form := range o.split(o.forms) {
			all = append(all, machine{series: series, fallback: form == fallback, verbose: o.verbose, args: "-check"})
		}
	}
	return all
}

// name is that under which the budget holds what is measured there.
func (m machine) name() string { return bench.SeriesOf(m.series, m.fallback) }

func measureHeld(ctx context.Context, o options, machines []machine) (bench.Budget, error) {
	measured, err := sizes(ctx)
	if err != nil {
		return nil, err
	}
	b, err := prepare(ctx, (*build).compileHeld)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(b.dir)
	var reports []*bench.Report
	for _, m := range machines {
		r, err := b.held(ctx, m)
		if err != nil {
			return nil, fmt.Errorf("kernel %s: %w", m.name(), err)
		}
		figures, err := r.Budget(m.series)
		if err != nil {
			return nil, err
		}
		maps.Copy(measured, figures)
		reports = append(reports, r)
	}
	return measured, save(o.out, reports)
}

// sizes builds the binaries as a release is built and weighs them.
func sizes(ctx context.Context) (bench.Budget, error) {
	if out, err := exec.CommandContext(ctx, "make", "--silent", "build").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make build: %w\n%s", err, out)
	}
	b := make(bench.Budget)
	for _, name := range binaries {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		b[bench.Entry{Kind: bench.Size, Series: runtime.GOARCH, Name: filepath.Base(name)}] = uint64(info.Size())
	}
	return b, nil
}

// held measures one kernel in one form.
func (b *build) held(ctx context.Context, m machine) (*bench.Report, error) {
	begin := time.Now()
	if m.series == memoryOn && !m.fallback {
		m.args, m.files = m.args+" -daemon ./reeved", []vm.File{{From: binaries[0]}}
	}
	r, err := b.measure(ctx, m)
	if err != nil {
		return nil, err
	}
	fmt.Printf("budget: measured %s in %.0f s\n", r.Kernel, time.Since(begin).Seconds())
	return r, nil
}
