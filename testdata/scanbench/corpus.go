// SPDX-License-Identifier: Apache-2.0

// This file reads the corpus and scans it.

package scanbench

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/reeve-sensor/reeve/sensor/scan"
	"github.com/reeve-sensor/reeve/sensor/scan/finding"
	"github.com/reeve-sensor/reeve/sensor/scan/judge"
)

// Sample is one labelled thing, and what the scanner found in it.
type Sample struct {
	Path, Label, Category, Source, Kind, Form, Group string
	Findings                                         []finding.Finding
	Context                                          judge.Context
	Files                                            int
	Bytes                                            int64
}

// Malicious says that somebody meant it.
func (s *Sample) Malicious() bool { return s.Label == "malicious" }

// Read reads labels.csv of an unpacked corpus.
func Read(dir string) ([]*Sample, error) {
	f, err := os.Open(filepath.Join(dir, "labels.csv"))
	if err != nil {
		return nil, fmt.Errorf("opening the corpus: %w", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 2 {
		return nil, fmt.Errorf("reading labels.csv: %w", err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	var list []*Sample
	for _, r := range rows[1:] {
		list = append(list, &Sample{
			Path: r[column["path"]], Label: r[column["label"]], Category: r[column["category"]], Source: r[column["source"]],
			Kind: r[column["kind"]], Form: r[column["form"]], Group: r[column["group"]],
		})
	}
	return list, nil
}

// Scan scans all samples, each as one unit.
func Scan(ctx context.Context, s *scan.Scanner, dir string, list []*Sample) error {
	work := make(chan *Sample)
	var wait sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for sample := range work {
				if err := one(ctx, s, dir, sample); err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
				}
			}
		})
	}
	for _, sample := range list {
		work <- sample
	}
	close(work)
	wait.Wait()
	return failed
}

func one(ctx context.Context, s *scan.Scanner, dir string, sample *Sample) error {
	r, err := s.Scan(ctx, os.DirFS(dir), scan.Unit{Root: sample.Path}, nil)
	if err != nil {
		return err
	}
	sample.Findings, sample.Context, sample.Files, sample.Bytes = r.Findings, r.Context, r.Files, r.Bytes
	return nil
}
