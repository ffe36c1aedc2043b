// SPDX-License-Identifier: Apache-2.0

// This file writes SARIF 2.1.0 (OASIS, 27 March 2020), as far as code hosts read it.

package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/rule"
)

const schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool       sarifTool      `json:"tool"`
	ColumnKind string         `json:"columnKind"`
	Results    []sarifResult  `json:"results"`
	Properties map[string]any `json:"properties,omitempty"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version"`
	Rules   []sarifRule `json:"rules"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifRule struct {
	ID               string         `json:"id"`
	ShortDescription sarifText      `json:"shortDescription"`
	FullDescription  sarifText      `json:"fullDescription"`
	Help             sarifText      `json:"help"`
	Properties       map[string]any `json:"properties"`
}

type sarifResult struct {
	RuleID              string            `json:"ruleId"`
	RuleIndex           int               `json:"ruleIndex"`
	Level               string            `json:"level"`
	Message             sarifText         `json:"message"`
	Locations           []sarifLocation   `json:"locations"`
	PartialFingerprints map[string]string `json:"partialFingerprints"`
	Properties          map[string]any    `json:"properties"`
}

type sarifLocation struct {
	PhysicalLocation sarifPlace `json:"physicalLocation"`
}

type sarifPlace struct {
	ArtifactLocation sarifArtifact `json:"artifactLocation"`
	Region           *sarifRegion  `json:"region,omitempty"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	StartLine int `json:"startLine"`
}

// levels are SARIF's, by severity.
var levels = map[string]string{"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "none"}

// scores are what code hosts sort by ("security-severity").
var scores = map[string]string{"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0", "info": "0.0"}

// SARIF writes the reports of one scan.
func SARIF(w io.Writer, version string, rules *rule.Set, units []Unit) error {
	run := sarifRun{ColumnKind: "utf16CodeUnits", Results: []sarifResult{}, Tool: sarifTool{sarifDriver{Name: "reeve scan", Version: version}}}
	index := map[string]int{}
	for i, r := range rules.Rules {
		index[r.ID] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID: r.ID, ShortDescription: sarifText{r.Title}, FullDescription: sarifText{r.Why}, Help: sarifText{r.Do},
			Properties: map[string]any{"tags": append([]string{"security", r.Family}, r.Taxonomies...), "security-severity": scores[r.Severity.String()]},
		})
	}
	verdicts := map[string]string{}
	for _, u := range units {
		verdicts[u.Unit] = u.Verdict
		for _, f := range u.Findings {
			run.Results = append(run.Results, result(u, f, index[f.Rule]))
		}
	}
	run.Properties = map[string]any{"verdicts": verdicts}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(sarifLog{Schema: schema, Version: "2.1.0", Runs: []sarifRun{run}}); err != nil {
		return fmt.Errorf("writing SARIF: %w", err)
	}
	return nil
}

func result(u Unit, f Finding, index int) sarifResult {
	message := f.Title
	if f.Detail != "" {
		message += ": " + f.Detail
	}
	if f.Excerpt != "" {
		message += ": " + f.Excerpt
	}
	place := sarifPlace{ArtifactLocation: sarifArtifact{uri(u.Unit, f.File)}}
	if f.Line > 0 {
		place.Region = &sarifRegion{f.Line}
	}
	sum := sha256.Sum256([]byte(f.Rule + "\x00" + f.File + "\x00" + f.Excerpt))
	return sarifResult{
		RuleID: f.Rule, RuleIndex: index, Level: levels[f.Severity], Message: sarifText{message}, Locations: []sarifLocation{{place}},
		PartialFingerprints: map[string]string{"reeve/v1": hex.EncodeToString(sum[:16])},
		Properties:          map[string]any{"verdict": u.Verdict, "place": f.Place},
	}
}

// uri is a file's relative reference: characters that have a meaning in one are escaped (RFC 3986, section 2).
func uri(unit, file string) string {
	whole := path.Join(unit, file)
	if path.Base(unit) == file {
		whole = unit
	}
	var b strings.Builder
	for _, c := range []byte(whole) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}
