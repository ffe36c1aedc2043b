// SPDX-License-Identifier: Apache-2.0

package messages

// Scenarios as files: what is refused, and that those beside this package are well formed.

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestBadScenarioIsOneLineWithItsPlace(t *testing.T) {
	good := "[[turn]]\ntext = \"a\"\n[[turn.tool]]\nname = \"Bash\"\n"
	for name, tc := range map[string]struct{ text, want string }{
		"syntax":                {"about = \"x\"\n[[turn]\n", "s.toml:2: "},
		"unknown-key":           {good + "\n[[turn]]\ntext = \"b\"\nnotes = \"c\"\n", `s.toml:8: unknown key "turn.notes"`},
		"empty":                 {"about = \"x\"\n", "s.toml:1: a scenario needs at least one [[turn]]"},
		"stops-early":           {"[[turn]]\ntext = \"a\"\n[[turn]]\ntext = \"b\"\n", "s.toml:1: only the last turn may have no tool call: the agent would stop here"},
		"never-stops":           {good + good, "s.toml:5: the last turn must have no tool call: the agent would ask for one more"},
		"says-nothing":          {good + "\n[[turn]]\nnote = \"n\"\n", "s.toml:6: a turn without tool call needs a text"},
		"tool-without-name":     {"[[turn]]\n[[turn.tool]]\ninput = {}\n[[turn]]\ntext = \"b\"\n", "s.toml:1: a tool call needs a name"},
		"unknown-variable":      {good + "\n[[turn]]\ntext = \"{{home}}\"\n", "s.toml:6: {{home}} is not in [vars]"},
		"wrong-kind-of-a-value": {"[[turn]]\ntext = 5\n", "s.toml:2: (last key \"turn.text\"): incompatible types"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("s.toml", tc.text, nil)
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error is %v, want %s", err, tc.want)
			}
		})
	}
}

func TestVariablesCanBeSetButNotInvented(t *testing.T) {
	text := "[vars]\nwho = \"a\"\n[[turn]]\ntext = \"{{who}}\"\n"
	s, err := Parse("s.toml", text, map[string]string{"who": "b"})
	if err != nil || s.Turns[0].Text != "b" {
		t.Errorf("scenario %+v, error %v", s, err)
	}
	if _, err := Parse("s.toml", text, map[string]string{"whom": "b"}); err == nil {
		t.Error("an unknown variable gave no error")
	}
}

func TestScenariosBesideThePackage(t *testing.T) {
	names, err := filepath.Glob("scenarios/*.toml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, name := range names {
		s, err := Load(name, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		for i, turn := range s.Turns {
			if turn.Note == "" {
				t.Errorf("%s: turn %d has no note", name, i)
			}
		}
	}
}
