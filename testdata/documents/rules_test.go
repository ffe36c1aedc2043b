// SPDX-License-Identifier: Apache-2.0

package documents

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/enforce"
)

func read(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func preset(t *testing.T, name string) *enforce.Policy {
	t.Helper()
	p, err := enforce.Parse(map[string]string{"a.toml": "version = 1\nbase = \"" + name + "\"\n"}, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// rules are the ids of all presets, and of what guards the sensor.
func rules(t *testing.T) []string {
	t.Helper()
	ids := []string{enforce.GuardTerminal}
	for _, name := range enforce.Presets() {
		for _, r := range preset(t, name).Rules {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

var (
	// named are rules as the documents name them: "rule `a`", "rules `a`, `b` (ask) and `c`".
	named  = regexp.MustCompile("\\b[Rr]ules? ((?:`[a-z-]+`(?: \\([^)]*\\))?(?:, | and )?)+)")
	quoted = regexp.MustCompile("`([a-z-]+)`")
	aside  = regexp.MustCompile(`\([^)]*\)`)
	row    = regexp.MustCompile(`(?m)^\| ([EFLNPST][0-9][^|]*) \| ([^|]*) \| (.*) \|$`)
	needs  = regexp.MustCompile(`(?i)\bno rule\b`)
	// tested is how a row on what is scanned names who holds it; unseen how it says that nobody does.
	tested = regexp.MustCompile("`Test[A-Za-z]+`|\\(same test\\)")
	unseen = regexp.MustCompile(`\*\*(mostly )?not seen\*\*|whoever can write`)
)

func namesIn(text string) []string {
	var ids []string
	for _, list := range named.FindAllStringSubmatch(text, -1) {
		for _, id := range quoted.FindAllStringSubmatch(aside.ReplaceAllString(list[1], ""), -1) {
			ids = append(ids, id[1])
		}
	}
	return ids
}

func TestRulesThatDocumentsNameExist(t *testing.T) {
	known := rules(t)
	for _, file := range []string{"THREATS.md", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"} {
		text := read(t, file)
		for _, id := range namesIn(text) {
			if !slices.Contains(known, id) {
				t.Errorf("%s: no preset has the rule %s", file, id)
			}
		}
		for _, m := range regexp.MustCompile("`(guard-[a-z]+|strict-[a-z-]+)`").FindAllStringSubmatch(text, -1) {
			if !slices.Contains(known, m[1]) {
				t.Errorf("%s: no preset has the rule %s", file, m[1])
			}
		}
	}
}

// threats are the rows of THREATS.md: number, way, and what is said of it.
func threats(t *testing.T) (rows [][]string) {
	t.Helper()
	families := map[string]int{}
	for _, r := range row.FindAllStringSubmatch(read(t, "THREATS.md"), -1) {
		rows = append(rows, r[1:])
		families[r[1][:1]]++
	}
	for family := range strings.SplitSeq("EFLNPST", "") {
		if families[family] < 4 {
			t.Fatalf("%d rows of family %s", families[family], family)
		}
	}
	return rows
}

// What is held is held by a rule that people can read, or says that it needs none.
func TestHeldRowsNameTheirRules(t *testing.T) {
	for _, r := range threats(t) {
		if held := strings.Contains(r[2], "**held") || strings.HasPrefix(r[2], "held"); held && len(namesIn(r[2])) == 0 && !needs.MatchString(r[2]) {
			t.Errorf("%s (%s) is held, by which rule?", r[0], r[1])
		}
	}
}

// What the scanner finds has a test, or says that it is not seen.
func TestRowsOfTheScannerNameTheirTests(t *testing.T) {
	for _, r := range threats(t) {
		if strings.HasPrefix(r[0], "S") && !tested.MatchString(r[2]) && !unseen.MatchString(r[2]) {
			t.Errorf("%s (%s): %s, by which test?", r[0], r[1], r[2])
		}
	}
}

// The row on networks names the rules that hold nothing, and no other.
func TestRulesThatHoldNothingAreTold(t *testing.T) {
	var idle []string
	for _, name := range enforce.Presets() {
		for _, r := range preset(t, name).Rules {
			if !slices.ContainsFunc(r.On, enforce.Held) && !slices.Contains(idle, r.ID) {
				idle = append(idle, r.ID)
			}
		}
	}
	for _, r := range threats(t) {
		if !strings.HasPrefix(r[0], "N") {
			continue
		}
		said := namesIn(r[2])
		slices.Sort(said)
		slices.Sort(idle)
		if !slices.Equal(said, idle) {
			t.Errorf("%s says that %v hold nothing, and %v do", r[0], said, idle)
		}
		return
	}
	t.Error("no row on networks")
}

// The output that README shows is what the presets would print.
func TestReadmeQuotesThePresets(t *testing.T) {
	shown := regexp.MustCompile(`\| +([a-z-]+): (.*?)  \(preset:([a-z]+)\.toml:(\d+)\)`).FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(shown) < 2 {
		t.Fatalf("%d quotations", len(shown))
	}
	for _, m := range shown {
		r := preset(t, m[3]).Rule(m[1])
		if r == nil || r.Reason != m[2] || strconv.Itoa(r.Line) != m[4] {
			t.Errorf("%q is not what the preset has: %+v", m[0], r)
		}
	}
}
