// SPDX-License-Identifier: Apache-2.0

// This file judges skills and connectors before an agent loads them. It needs neither daemon nor privilege, and runs nothing.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/sensor/scan"
	"github.com/reeve-sensor/reeve/sensor/scan/judge"
	verdicts "github.com/reeve-sensor/reeve/sensor/scan/report"
)

// unitTime is what one unit may take. What takes longer was made to.
const unitTime = 2 * time.Minute

// scanJob is one unit to judge.
type scanJob struct {
	fsys fs.FS
	unit scan.Unit
	name string // for people: as they gave it
}

// scanOptions are the flags.
type scanOptions struct {
	json, sarif, all bool
	threshold        judge.Verdict
	cache, against   string
}

func scanCommand(ctx context.Context, e *env, args []string) error {
	f := e.flags("scan")
	var o scanOptions
	f.BoolVar(&o.json, "json", false, "one object a unit")
	f.BoolVar(&o.sarif, "sarif", false, "SARIF 2.1.0, for code hosts")
	f.BoolVar(&o.all, "all", false, "every finding, also of what passes")
	threshold := f.String("threshold", "review", "the verdict from which on the exit status is 1: review or block")
	f.StringVar(&o.cache, "cache", "", "`FOLDER` of reports by content; whoever writes to it can forge them")
	f.StringVar(&o.against, "against", "", "an earlier `FILE` of --json: tools that are described otherwise are told")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if err := count("scan", rest, 1, 1<<20, "at least one path"); err != nil {
		return err
	}
	if o.threshold, err = judge.ParseVerdict(*threshold); err != nil || o.threshold == judge.Pass {
		return site.Hint(fmt.Errorf("scan: --threshold %q", *threshold), "review or block")
	}
	if o.json && o.sarif {
		return fmt.Errorf("scan: --json and --sarif exclude each other")
	}
	s, err := scan.New()
	if err != nil {
		return err
	}
	return scanPaths(ctx, e, s, o, rest)
}

func scanPaths(ctx context.Context, e *env, s *scan.Scanner, o scanOptions, paths []string) error {
	known, err := readKnown(o.against)
	if err != nil {
		return err
	}
	var jobs []scanJob
	var faults []error
	for _, p := range paths {
		list, err := scanJobs(p)
		jobs, faults = append(jobs, list...), append(faults, err)
	}
	units, err := judgeAll(ctx, e, s, o, jobs, known)
	faults = append(faults, err)
	if err := printScan(e, s, o, units); err != nil {
		return err
	}
	if err := errors.Join(faults...); err != nil {
		return site.Hint(err, "what could be scanned is told above; the rest is not judged")
	}
	for _, u := range units {
		if u.Judged() >= o.threshold {
			return &exit{code: exitNo}
		}
	}
	return nil
}

// scanJobs divides a path into units.
func scanJobs(path string) ([]scanJob, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("scanning: %w", err)
	}
	if !info.IsDir() {
		dir, base := filepath.Split(path)
		return []scanJob{{os.DirFS(filepath.Clean("./" + dir)), scan.Unit{Root: base}, path}}, nil
	}
	fsys := os.DirFS(path)
	var jobs []scanJob
	for _, u := range scan.Units(fsys, ".") {
		jobs = append(jobs, scanJob{fsys, u, filepath.Join(path, u.Root)})
	}
	return jobs, nil
}

// judgeAll scans units side by side and keeps their order.
func judgeAll(ctx context.Context, e *env, s *scan.Scanner, o scanOptions, jobs []scanJob, known map[string]map[string]string) ([]verdicts.Unit, error) {
	units := make([]verdicts.Unit, len(jobs))
	errs := make([]error, len(jobs))
	bar := newBar(e, len(jobs))
	defer bar.end()
	next := make(chan int)
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), max(len(jobs), 1)) {
		wait.Go(func() {
			for i := range next {
				units[i], errs[i] = judgeOne(ctx, s, o, jobs[i], known[jobs[i].name])
				bar.step()
			}
		})
	}
	for i := range jobs {
		next <- i
	}
	close(next)
	wait.Wait()
	var good []verdicts.Unit
	for i := range units {
		if errs[i] == nil && (units[i].Files > 0 || len(units[i].Findings) > 0 || len(jobs) == 1) { // a root with nothing of its own
			good = append(good, units[i])
		}
	}
	return good, errors.Join(errs...)
}

func judgeOne(ctx context.Context, s *scan.Scanner, o scanOptions, j scanJob, known map[string]string) (verdicts.Unit, error) {
	key := ""
	if o.cache != "" && known == nil {
		if digest, err := scan.Digest(j.fsys, j.unit); err == nil {
			key = filepath.Join(o.cache, digest[:2], digest+"-"+s.Version()+".json")
			if u, ok := readCached(key); ok {
				u.Unit = j.name
				return u, nil
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, unitTime)
	defer cancel()
	r, err := s.Scan(ctx, j.fsys, j.unit, known)
	if err != nil {
		return verdicts.Unit{}, err
	}
	u := verdicts.Of(s.Rules, r, j.name)
	if key != "" && !r.Cut { // what more time would find must not be passed over from now on
		return u, writeCached(key, u)
	}
	return u, nil
}

func readCached(name string) (verdicts.Unit, bool) {
	var u verdicts.Unit
	data, err := os.ReadFile(name)
	return u, err == nil && json.Unmarshal(data, &u) == nil && u.Digest != ""
}

// writeCached puts a report in its place by a rename: others read it whole or not at all.
func writeCached(name string, u verdicts.Unit) error {
	data, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("keeping the report: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return fmt.Errorf("keeping the report: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return fmt.Errorf("keeping the report: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("keeping the report: %w", err)
	}
	return nil
}

// readKnown reads the tools' digests of an earlier --json.
func readKnown(name string) (map[string]map[string]string, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading what was known: %w", err)
	}
	defer f.Close()
	known := map[string]map[string]string{}
	for dec := json.NewDecoder(f); dec.More(); {
		var u verdicts.Unit
		if err := dec.Decode(&u); err != nil {
			return nil, site.Hint(fmt.Errorf("reading what was known: %s: %w", name, err), "--against takes what reeve scan --json wrote")
		}
		if known[u.Unit] = u.Tools; u.Tools == nil {
			known[u.Unit] = map[string]string{}
		}
	}
	return known, nil
}
