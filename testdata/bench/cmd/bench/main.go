// SPDX-License-Identifier: Apache-2.0

// Bench measures the sensor on the kernels under test and prints tables and goals, or holds it against the budget. It
// exits with 1 where a goal is missed or a figure is off its golden, 2 where it could not measure.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/reeve-sensor/reeve/testdata/bench"
	"github.com/reeve-sensor/reeve/testdata/vm"
)

type options struct {
	kernels string
	out     string
	size    uint
	inside  bool
	forms   string
	lacking bool
	check   bool
	budget  bool
	daemon  string
	walked  string
	verbose bool
}

func main() {
	var o options
	flag.StringVar(&o.kernels, "k", strings.Join(vm.Series(), ","), "kernel series, with commas or blanks between")
	flag.StringVar(&o.out, "o", "", "file that receives the reports as JSON")
	flag.BoolVar(&o.inside, "inside", false, "measure here: this is the test machine")
	flag.BoolVar(&o.check, "check", false, "measure what the budget holds, and nothing else, and compare")
	flag.BoolVar(&o.budget, "budget", false, "measure what the budget holds, and nothing else, and write the budget anew")
	flag.StringVar(&o.forms, "forms", "lsm,fallback", "forms of the programs, each in a machine of its own")
	flag.BoolVar(&o.lacking, "fallback", false, "measure the form of kernels whose lsm= lacks bpf, with -inside")
	flag.StringVar(&o.daemon, "daemon", "", "program whose memory is measured, with -inside")
	flag.StringVar(&o.walked, "walked", "", "programs, with commas between: print the lines that the verifier walks most; all: how much it walks of each")
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
		return false, inside(o)
	}
	if o.walked != "" {
		return false, walked(ctx, o)
	}
	if o.check || o.budget {
		return budget(ctx, o)
	}
	b, err := prepare(ctx, (*build).compile)
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(b.dir)
	reports, err := b.all(ctx, o)
	if err != nil {
		return false, err
	}
	for _, form := range o.split(o.forms) {
		fmt.Printf("\nworst kernel of each goal, %s\n", form)
		for _, g := range bench.Worst(bench.Of(reports, form == fallback)) {
			fmt.Println(g)
			missed = missed || !g.Met()
		}
	}
	return missed, save(o.out, reports)
}

const fallback = "fallback" // the form that the sensor takes where lsm= lacks bpf

// all measures every kernel in every form.
func (b *build) all(ctx context.Context, o options) ([]*bench.Report, error) {
	var reports []*bench.Report
	for _, series := range o.series() {
		for _, form := range o.split(o.forms) {
			c := machine{series: series, fallback: form == fallback, verbose: o.verbose}
			r, err := b.measure(ctx, c)
			if err != nil {
				return nil, fmt.Errorf("kernel %s, %s: %w", series, form, err)
			}
			r.WriteTable(os.Stdout)
			r.WriteParts(os.Stdout, bench.Bystander, bench.Agent10k)
			for _, g := range r.Goals() {
				fmt.Println(g)
			}
			reports = append(reports, r)
		}
	}
	return reports, nil
}

func (o options) series() []string { return o.split(o.kernels) }

func (options) split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

func inside(o options) error {
	plan := bench.Plan{TableSize: uint32(o.size), Budget: o.check, Fallback: o.lacking}
	if o.walked != "" {
		return bench.Walked(os.Stdout, plan, o.split(o.walked))
	}
	r, err := bench.Measure(plan)
	if err != nil {
		return err
	}
	if o.daemon != "" {
		if r.Memory, err = bench.DaemonMemory(o.daemon); err != nil {
			return err
		}
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
