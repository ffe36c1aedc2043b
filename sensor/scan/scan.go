// SPDX-License-Identifier: Apache-2.0

// This file is the scanner's face: units in, reports out.

package scan

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
	"github.com/reeve-sensor/reeve/sensor/scan/judge"
	"github.com/reeve-sensor/reeve/sensor/scan/rule"
	"github.com/reeve-sensor/reeve/sensor/scan/unpack"
)

// Scanner judges units. It may be used by several goroutines at once.
type Scanner struct {
	Rules  *rule.Set
	Model  *judge.Model
	Limits unpack.Limits
}

// New is a scanner with the rules and the model in the binary. An error is a fault of the build.
func New() (*Scanner, error) {
	rules, err := rule.Builtin()
	if err != nil {
		return nil, fmt.Errorf("reading rules: %w", err)
	}
	model, err := judge.Builtin()
	if err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	return &Scanner{Rules: rules, Model: model, Limits: unpack.Defaults()}, nil
}

// Version names what a verdict depends on beside the unit: rules, model and engine. It changes with any of them.
func (s *Scanner) Version() string { return digest(engine, rule.Text(), judge.Text())[:16] }

// engine is raised when the code changes in a way that changes findings.
const engine = "4"

// Unit is what gets one verdict: a skill's folder, an extension's archive, a file.
type Unit struct {
	Root  string   // in the file system
	Skips []string // folders below it that are units of their own
}

// Report is what is known of a unit.
type Report struct {
	Unit     string
	Digest   string // SHA-256 over names and contents
	Name     string // that it has for itself
	Judgment judge.Judgment
	Context  judge.Context
	Findings []finding.Finding
	Tools    map[string]string // digests of what tools are described by, by name
	Files    int
	Bytes    int64
	Cut      bool // its time ended before all of it was read: another machine, or another day, may see more
}

// Scan judges one unit. known is the tools' digests of an earlier report, nil where there is none. Where the context's time
// ends, that is a finding, and what was read until then is judged. The error is that the context was cancelled, or that the
// root cannot be read.
func (s *Scanner) Scan(ctx context.Context, fsys fs.FS, u Unit, known map[string]string) (*Report, error) {
	x := newExamination(s, u)
	x.ctx = ctx
	w := unpack.Walker{Limits: s.Limits, Visit: func(f unpack.File) { x.file(ctx, f) }, Tell: x.tell, Skip: u.skip}
	err := cmp.Or(w.Walk(ctx, fsys, u.Root), ctx.Err())
	where, what := x.last, "the rest of this file, and those behind it, are not judged"
	x.finish(known)
	if err == nil { // finish ends early too
		err, where, what = ctx.Err(), u.Root, "what only its files together show is not judged"
	}
	if errors.Is(err, context.DeadlineExceeded) {
		x.report.Cut = true
		x.tellAlways(finding.Finding{Rule: unpack.RuleUnread, File: where, Place: finding.Code, Detail: "its time ended here: " + what})
	} else if err != nil {
		return nil, fmt.Errorf("scanning %s: %w", u.Root, err)
	}
	r := &x.report
	r.Findings = finding.Sort(r.Findings)
	r.Digest = hex.EncodeToString(x.hash.Sum(nil))
	r.Context = x.context()
	r.Judgment = s.Model.Judge(s.Rules, r.Findings, r.Context)
	return r, nil
}

func (u Unit) skip(name string, dir bool) bool {
	if dir && (name == ".git" || len(name) > 5 && name[len(name)-5:] == "/.git") {
		return true // objects of a history; nobody loads them
	}
	return slices.Contains(u.Skips, name)
}

// digest is what a report remembers of a tool's description.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
