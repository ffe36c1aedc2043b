// SPDX-License-Identifier: Apache-2.0

// Bench measures the sensor on the kernels under test and prints tables and goals. It exits with 1 where a goal is
// missed, 2 where it could not measure.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/testdata/bench"
	"github.com/reeve-sensor/reeve/testdata/vm"
)

type options struct {
	kernels string
	out     string
	size    uint
	inside  bool
	budget  bool
	verbose bool
}

func main() {
	var o options
	flag.StringVar(&o.kernels, "k", strings.Join(vm.Series(), ","), "kernel series, with commas between")
	flag.StringVar(&o.out, "o", "", "file that receives the reports as JSON")
	flag.BoolVar(&o.inside, "inside", false, "measure here: this is the test machine")
	flag.BoolVar(&o.budget, "budget", false, "write the verifier's budget anew, and measure nothing else")
	flag.UintVar(&o.size, "size", 0, "bytes of a table, with -inside")
	flag.BoolVar(&o.verbose, "v", false, "show the machines' consoles")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	missed, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if missed {
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (missed bool, err error) {
	if o.inside {
		return false, inside(uint32(o.size))
	}
	if o.budget {
		return false, budget(ctx, strings.Split(o.kernels, ","))
	}
	b, err := prepare(ctx)
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(b.dir)
	var reports []*bench.Report
	for series := range strings.SplitSeq(o.kernels, ",") {
		r, err := b.measure(ctx, series, o.verbose)
		if err != nil {
			return false, fmt.Errorf("kernel %s: %w", series, err)
		}
		r.WriteTable(os.Stdout)
		r.WriteParts(os.Stdout, bench.Bystander, bench.Agent10k)
		for _, g := range r.Goals() {
			fmt.Println(g)
		}
		reports = append(reports, r)
	}
	fmt.Println("\nworst kernel of each goal")
	for _, g := range bench.Worst(reports) {
		fmt.Println(g)
		missed = missed || !g.Met()
	}
	return missed, save(o.out, reports)
}

func inside(size uint32) error {
	r, err := bench.Measure(size)
	if err != nil {
		return err
	}
	return r.Print(os.Stdout)
}

func save(name string, reports []*bench.Report) error {
	if name == "" {
		return nil
	}
	raw, err := json.MarshalIndent(reports, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(name, raw, 0o644)
}

// build is what every machine gets.
type build struct {
	dir   string
	size  uint32
	files []vm.File
}

func prepare(ctx context.Context) (b *build, err error) {
	b = &build{size: sensor.MinTableSize}
	if b.dir, err = os.MkdirTemp("", "reeve-bench-"); err != nil {
		return nil, err
	}
	err = errors.Join(b.compile(ctx), b.programs(ctx))
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

func (b *build) measure(ctx context.Context, series string, verbose bool) (*bench.Report, error) {
	c := vm.Config{Kernel: series, ICount: true, Memory: 2048, Ext4: bench.Mount, Files: b.files, Timeout: 20 * time.Minute,
		Log: os.Stderr, Command: fmt.Sprintf("exec ./bench -inside -size %d", b.size)}
	if verbose {
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

const budgetFile = "testdata/budget.txt"

// budget asks each kernel what its verifier walks. Kernels that are not asked keep their lines.
func budget(ctx context.Context, kernels []string) error {
	text, err := os.ReadFile(budgetFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	golden, err := bench.ParseBudget(string(text))
	if err != nil {
		return err
	}
	for _, series := range kernels {
		c := vm.Config{Kernel: series, Env: []string{"UPDATE=1"}, Timeout: 5 * time.Minute, Log: os.Stderr}
		result, err := vm.GoTest(ctx, c, "./testdata/bench", "-test.run", "^TestVerifierBudget$")
		if err != nil {
			return err
		}
		r, err := bench.Read(result.Console)
		if err != nil {
			return fmt.Errorf("kernel %s: %w\n%s", series, err, result.Console)
		}
		golden[series] = r.Verified
	}
	return os.WriteFile(budgetFile, []byte(golden.String()), 0o644)
}
