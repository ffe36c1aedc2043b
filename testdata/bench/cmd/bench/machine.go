// SPDX-License-Identifier: Apache-2.0

// What a test machine gets, and what it says.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/testdata/bench"
	"github.com/reeve-sensor/reeve/testdata/vm"
)

// build is what every machine gets.
type build struct {
	dir   string
	size  uint32
	files []vm.File
}

// prepare makes the tables with compile, and the programs.
func prepare(ctx context.Context, compile func(*build, context.Context) error) (b *build, err error) {
	b = &build{size: sensor.MinTableSize}
	if b.dir, err = os.MkdirTemp("", "reeve-bench-"); err != nil {
		return nil, err
	}
	err = errors.Join(compile(b, ctx), b.programs(ctx))
	if err != nil {
		os.RemoveAll(b.dir)
	}
	return b, err
}

func (b *build) add(name string) string {
	path := filepath.Join(b.dir, name)
	b.files = append(b.files, vm.File{From: path})
	return path
}

func (b *build) programs(ctx context.Context) error {
	ops := exec.CommandContext(ctx, "cc", "-O2", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-pie", "-no-pie",
		"-fno-asynchronous-unwind-tables", "-o", b.add("ops"), "testdata/bench/ops/ops.c")
	self := exec.CommandContext(ctx, "go", "build", "-o", b.add("bench"), "./testdata/bench/cmd/bench")
	self.Env = append(os.Environ(), "CGO_ENABLED=0")
	for _, cmd := range []*exec.Cmd{ops, self} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", cmd.Args[len(cmd.Args)-1], err, out)
		}
	}
	return nil
}

// compile makes the tables here: in a machine that counts it would take minutes.
func (b *build) compile(ctx context.Context) error {
	fmt.Println("policy tables: compile time and size, beside what the same host does in this run")
	names := map[int]string{10: bench.Agent10, 1000: bench.Agent1k, 10000: bench.Agent10k}
	for _, n := range []int{10, 100, 1000, 10000} {
		text := bench.PolicyText(n)
		im, took, err := timed(text)
		if err != nil {
			return err
		}
		if err := bench.Unmet(im); err != nil {
			return fmt.Errorf("%d rules: %w", n, err)
		}
		file := filepath.Join(b.dir, fmt.Sprint(n)+".table")
		if name := names[n]; name != "" {
			file = b.add(bench.Tables[name])
		}
		if err := os.WriteFile(file, im.Table, 0o644); err != nil {
			return err
		}
		fmt.Printf("%6d rules: %8.1f ms %9d bytes; sha256sum of them %6.1f ms, /bin/true %5.2f ms\n", n, ms(took), len(im.Table),
			ms(fastest(ctx, 5, "sha256sum", file)), ms(fastest(ctx, 20, "/bin/true")))
		b.size = max(b.size, enforce.TableSize(im, sensor.MinTableSize))
	}
	im, _, err := timed("version = 1\nbase = \"balanced\"\n")
	if err != nil {
		return err
	}
	return os.WriteFile(b.add(bench.Tables[bench.Balanced]), im.Table, 0o644)
}

// compileHeld makes the one table that the budget needs.
func (b *build) compileHeld(context.Context) error {
	im, err := bench.Compile(bench.PolicyText(10))
	if err != nil {
		return err
	}
	if err := bench.Unmet(im); err != nil {
		return err
	}
	return os.WriteFile(b.add(bench.Tables[bench.Agent10]), im.Table, 0o644)
}

// timed compiles three times and takes the quickest.
func timed(text string) (im *enforce.Image, least time.Duration, err error) {
	for i := range 3 {
		begin := time.Now()
		if im, err = bench.Compile(text); err != nil {
			return nil, 0, err
		}
		if took := time.Since(begin); i == 0 || took < least {
			least = took
		}
	}
	return im, least, nil
}

func fastest(ctx context.Context, n int, name string, args ...string) (least time.Duration) {
	for i := range n {
		begin := time.Now()
		if err := exec.CommandContext(ctx, name, args...).Run(); err != nil {
			return 0
		}
		if took := time.Since(begin); i == 0 || took < least {
			least = took
		}
	}
	return least
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// machine is one that measures.
type machine struct {
	series   string
	fallback bool // without bpf in lsm=
	verbose  bool
	args     string // further ones for bench inside
	files    []vm.File
}

func (b *build) measure(ctx context.Context, m machine) (*bench.Report, error) {
	c := vm.Config{Kernel: m.series, ICount: true, Memory: 2048, Ext4: bench.Mount, Files: slices.Concat(b.files, m.files),
		Timeout: 40 * time.Minute, Log: os.Stderr, Command: fmt.Sprintf("exec ./bench -inside -size %d %s", b.size, m.args)}
	if m.fallback {
		c.LSM, c.Command = vm.NoBPF, c.Command+" -fallback"
	}
	if m.verbose {
		c.Console = os.Stderr
	}
	result, err := vm.Run(ctx, c)
	if err != nil {
		return nil, err
	}
	if result.Code != 0 {
		return nil, fmt.Errorf("the machine ended with %d:\n%s", result.Code, result.Console[max(0, len(result.Console)-3000):])
	}
	return bench.Read(result.Console)
}
