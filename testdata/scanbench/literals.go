// SPDX-License-Identifier: Apache-2.0

// This file asks whether rules state mechanisms or remember samples.

package scanbench

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/rule"
)

// wordy is from how many words on a phrase is a sentence that somebody wrote.
const wordy = 4

// Memorised says which literals of the rules are a sample's words: long phrases that stand in one source of the corpus and
// nowhere else in it, and names that samples have for themselves or connect to.
func Memorised(rules *rule.Set, dir string, list []*Sample) ([]string, error) {
	texts, err := read(dir, list)
	if err != nil {
		return nil, err
	}
	names := properNames(texts, list)
	var faults []string
	for _, l := range rules.Literals() {
		if len(strings.Fields(l.Text)) >= wordy {
			if in, bad := sources(texts, list, l.Text); len(in) == 1 && bad {
				faults = append(faults, fmt.Sprintf("%s: %q stands in %s alone", l.Of, l.Text, in[0]))
			}
		}
		for name := range names {
			if strings.Contains(l.Text, name) {
				faults = append(faults, fmt.Sprintf("%s: %q has the name %q in it", l.Of, l.Text, name))
			}
		}
	}
	faults = append(faults, lonely(rules, list)...)
	slices.Sort(faults)
	return slices.Compact(faults), nil
}

// lonely are rules of words and patterns that fired for one source only, and there on several groups: such a rule has learnt a
// family of samples. One group alone is no proof: it may be the only attack of its kind.
func lonely(rules *rule.Set, list []*Sample) []string {
	type seen struct{ sources, groups map[string]bool }
	by := map[string]*seen{}
	for _, s := range list {
		for _, f := range s.Findings {
			r := rules.Rule(f.Rule)
			if r == nil || r.By != "" {
				continue
			}
			if by[r.ID] == nil {
				by[r.ID] = &seen{map[string]bool{}, map[string]bool{}}
			}
			by[r.ID].sources[s.Source] = true
			by[r.ID].groups[s.Group] = true
		}
	}
	var faults []string
	for id, s := range by {
		if len(s.sources) == 1 && len(s.groups) > 3 {
			faults = append(faults, fmt.Sprintf("%s: found in %d groups of one source and in no other", id, len(s.groups)))
		}
	}
	return faults
}

// read is every sample's text, lower case.
func read(dir string, list []*Sample) (map[*Sample]string, error) {
	texts := map[*Sample]string{}
	for _, s := range list {
		var b strings.Builder
		err := filepath.WalkDir(filepath.Join(dir, s.Path), func(name string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(name)
			b.Write(data)
			b.WriteByte('\n')
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", s.Path, err)
		}
		texts[s] = strings.Join(strings.Fields(strings.ToLower(b.String())), " ")
	}
	return texts, nil
}

// sources are where a literal stands. bad says that malicious samples alone have it.
func sources(texts map[*Sample]string, list []*Sample, literal string) (in []string, bad bool) {
	bad = true
	for _, s := range list {
		if strings.Contains(texts[s], literal) {
			bad = bad && s.Malicious()
			if !slices.Contains(in, s.Source) {
				in = append(in, s.Source)
			}
		}
	}
	return in, bad
}

var host = regexp.MustCompile(`https?://([a-z0-9.-]+\.[a-z]{2,})`)

// shared are services that anybody uses: attackers too.
var shared = []string{"github", "google", "localhost", "example", "webhook", "discord", "telegram", "paste", "ngrok", "amazon", "microsoft", "openai", "anthropic", "rentry", "glot", "transfer", "nodesource", "python", "docker", "metadata", "collect", "attack", "service", "analytics", "profiler", "tracking", "remote", "collector", "download", "server", "install"}

// properNames are hosts of attackers and names that malicious samples give themselves, as far as no benign sample has them.
func properNames(texts map[*Sample]string, list []*Sample) map[string]bool {
	names := map[string]bool{}
	for _, s := range list {
		if !s.Malicious() {
			continue
		}
		for _, m := range host.FindAllStringSubmatch(texts[s], -1) {
			parts := strings.Split(m[1], ".")
			names[parts[len(parts)-2]] = true
		}
		if base := filepath.Base(s.Path); strings.Contains(base, "_") {
			names[strings.ToLower(base[strings.LastIndexByte(base, '_')+1:])] = true
		}
	}
	for name := range names {
		common := len(name) < 6 || slices.ContainsFunc(shared, func(w string) bool { return strings.Contains(name, w) })
		for _, s := range list {
			if common {
				break
			}
			common = !s.Malicious() && strings.Contains(texts[s], name)
		}
		if common {
			delete(names, name)
		}
	}
	return names
}
