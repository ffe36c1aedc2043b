// SPDX-License-Identifier: Apache-2.0

// Package report writes what a scan found for machines: JSON, one object a unit, and SARIF 2.1.0. All text of findings is made
// visible first: whoever prints a report is not commanded by it.
package report

import (
	"slices"

	"github.com/reeve-sensor/reeve/sensor/scan"
	"github.com/reeve-sensor/reeve/sensor/scan/finding"
	"github.com/reeve-sensor/reeve/sensor/scan/judge"
	"github.com/reeve-sensor/reeve/sensor/scan/rule"
)

// Unit is one unit's report, as JSON has it.
type Unit struct {
	Unit     string            `json:"unit"`
	Name     string            `json:"name,omitempty"`
	Digest   string            `json:"digest"` // SHA-256 over names and contents
	Verdict  string            `json:"verdict"`
	Score    float64           `json:"score"`
	Reasons  []Reason          `json:"reasons"`
	Findings []Finding         `json:"findings"`
	Tools    map[string]string `json:"tools,omitempty"` // digests of what tools are described by
	Files    int               `json:"files"`
	Bytes    int64             `json:"bytes"`
}

// Reason is one line of the sum that the verdict comes from.
type Reason struct {
	Rule string  `json:"rule"`
	Adds float64 `json:"adds"`
	Text string  `json:"text"`
}

// Finding is one thing that a rule saw.
type Finding struct {
	Rule       string   `json:"rule"`
	Title      string   `json:"title"`
	Severity   string   `json:"severity"`
	Family     string   `json:"family"`
	Taxonomies []string `json:"taxonomies"`
	File       string   `json:"file"`
	Line       int      `json:"line,omitempty"`
	Place      string   `json:"place"`
	Excerpt    string   `json:"excerpt,omitempty"` // escapes made visible
	Detail     string   `json:"detail,omitempty"`
	Why        string   `json:"why"`
	Do         string   `json:"do"`
}

// Of makes a report to write of a report. name is what the unit is called for its reader.
func Of(rules *rule.Set, r *scan.Report, name string) Unit {
	u := Unit{
		Unit: finding.Visible(name), Name: finding.Visible(r.Name), Digest: r.Digest, Verdict: r.Judgment.Verdict.String(), Score: round(r.Judgment.Score),
		Reasons: []Reason{}, Findings: []Finding{}, Tools: r.Tools, Files: r.Files, Bytes: r.Bytes,
	}
	for _, x := range r.Judgment.Reasons {
		u.Reasons = append(u.Reasons, Reason{x.Rule, round(x.Adds), x.Detail})
	}
	for _, f := range r.Findings {
		k := rules.Rule(f.Rule)
		if k == nil {
			continue
		}
		u.Findings = append(u.Findings, Finding{
			Rule: k.ID, Title: k.Title, Severity: k.Severity.String(), Family: k.Family, Taxonomies: k.Taxonomies, File: finding.Visible(f.File), Line: f.Line,
			Place: string(f.Place), Excerpt: finding.Visible(f.Text), Detail: finding.Visible(f.Detail), Why: k.Why, Do: k.Do,
		})
	}
	return u
}

func round(f float64) float64 { return float64(int(f*100+0.5)) / 100 }

// Judged is the unit's verdict.
func (u *Unit) Judged() judge.Verdict {
	v, err := judge.ParseVerdict(u.Verdict)
	if err != nil {
		return judge.Block // a report that was written by nobody here
	}
	return v
}

// Worst are the findings that made the verdict, one for each reason, heaviest first.
func (u *Unit) Worst() []Finding {
	var list []Finding
	for _, r := range u.Reasons {
		if i := slices.IndexFunc(u.Findings, func(f Finding) bool { return f.Rule == r.Rule }); i >= 0 {
			list = append(list, u.Findings[i])
		}
	}
	return list
}
