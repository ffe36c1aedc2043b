// SPDX-License-Identifier: Apache-2.0

// This file tells people what a scan found, and how far it is.

package main

import (
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/reeve-sensor/reeve/sensor/scan"
	"github.com/reeve-sensor/reeve/sensor/scan/judge"
	verdicts "github.com/reeve-sensor/reeve/sensor/scan/report"
)

func printScan(e *env, s *scan.Scanner, o scanOptions, units []verdicts.Unit) error {
	if o.sarif {
		return verdicts.SARIF(e.stdout, version, s.Rules, units)
	}
	counts := map[judge.Verdict]int{}
	for i := range units {
		u := &units[i]
		counts[u.Judged()]++
		if o.json {
			if err := writeJSON(e.stdout, u); err != nil {
				return err
			}
			continue
		}
		if u.Judged() != judge.Pass || o.all || len(units) == 1 {
			printUnit(e, u, o.all)
		}
	}
	if !o.json && len(units) > 1 {
		fmt.Fprintf(e.stdout, "%d scanned: %d block, %d review, %d pass\n", len(units), counts[judge.Block], counts[judge.Review], counts[judge.Pass])
	}
	return nil
}

func printUnit(e *env, u *verdicts.Unit, all bool) {
	verdict := map[judge.Verdict]string{judge.Pass: e.paint.green("✓ pass  "), judge.Review: e.paint.amber("! review"), judge.Block: e.paint.red("✗ block ")}[u.Judged()]
	fmt.Fprintf(e.stdout, "%s  %s  %s\n", verdict, e.paint.bold(safe(u.Unit)), e.paint.dim(fmt.Sprintf("score %.1f; %d files, %s", u.Score, u.Files, size(u.Bytes))))
	list := u.Findings
	if !all {
		list = u.Worst()
	}
	adds := map[string]float64{}
	for _, r := range u.Reasons {
		adds[r.Rule] += r.Adds
		if r.Rule == "together" {
			fmt.Fprintf(e.stdout, "    %s %s\n", pad(fmt.Sprintf("+%.1f", r.Adds), 5), safe(r.Text))
		}
	}
	for _, f := range list {
		printFinding(e, &f, adds[f.Rule])
	}
	if u.Judged() != judge.Pass || all {
		fmt.Fprintln(e.stdout)
	}
}

func printFinding(e *env, f *verdicts.Finding, adds float64) {
	fmt.Fprintf(e.stdout, "    %s %s  %s\n", pad(fmt.Sprintf("+%.1f", adds), 5), e.paint.severity(f.Severity, f.Title), e.paint.dim(f.Rule+", "+f.Severity+", in "+f.Place))
	where := safe(f.File)
	if f.Line > 0 {
		where = fmt.Sprintf("%s:%d", where, f.Line)
	}
	if f.Detail != "" {
		where += ": " + safe(f.Detail)
	}
	fmt.Fprintf(e.stdout, "          %s\n", cut(where, max(e.width-10, 40)))
	if f.Excerpt != "" {
		fmt.Fprintf(e.stdout, "          %s %s\n", e.paint.dim("│"), cut(safe(f.Excerpt), max(e.width-12, 40)))
	}
	fmt.Fprintf(e.stdout, "          %s\n", e.paint.dim(f.Why+" → "+f.Do))
}

func size(n int64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d bytes", n)
	case n < 10_000_000:
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%d MB", n/1_000_000)
}

// bar draws how far a long scan is, on a terminal alone.
type bar struct {
	mu        sync.Mutex
	done, all int
	on        bool
	e         *env
}

// fewUnits is what is scanned before anybody looks for a bar.
const fewUnits = 8

func newBar(e *env, all int) *bar {
	terminal := false
	if f, ok := e.stderr.(*os.File); ok {
		terminal, _ = terminalOf(f)
	}
	return &bar{all: all, on: terminal && all > fewUnits, e: e}
}

func (p *bar) step() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done++; p.on {
		const width = 30
		full := p.done * width / p.all
		fmt.Fprintf(p.e.stderr, "\r%s%s %d/%d ", strings.Repeat("█", full), strings.Repeat("░", width-full), p.done, p.all)
	}
}

func (p *bar) end() {
	if p.on {
		fmt.Fprint(p.e.stderr, "\r\x1b[K")
	}
}
