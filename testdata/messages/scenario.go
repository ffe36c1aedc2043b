// SPDX-License-Identifier: Apache-2.0

package messages

// Scenarios as files: TOML in, a checked list of turns out. A mistake is one line with its place.

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"
)

// Scenario is what the scripted model does.
type Scenario struct {
	About string            `toml:"about"`
	Vars  map[string]string `toml:"vars"` // {{name}} in texts and inputs; the caller may override
	Turns []Turn            `toml:"turn"`
}

// Turn is one answer of the model. Only the last has no tool calls: an agent stops there.
type Turn struct {
	Note  string `toml:"note"` // why the turn is there; kept in the record
	Text  string `toml:"text"`
	Tools []Tool `toml:"tool"`
}

// Tool is one tool call.
type Tool struct {
	Name  string         `toml:"name"`
	Input map[string]any `toml:"input"`
}

// Load reads a scenario; vars override its own.
func Load(name string, vars map[string]string) (*Scenario, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading scenario: %w", err)
	}
	return Parse(name, string(data), vars)
}

// Parse checks the text of a scenario. Every error names the file and a line.
func Parse(name, text string, vars map[string]string) (*Scenario, error) {
	var s Scenario
	meta, err := toml.Decode(text, &s)
	if syntax, ok := errors.AsType[toml.ParseError](err); ok {
		// The library counts the line on which it gave up; the offset is where the mistake is.
		line := 1 + strings.Count(text[:min(syntax.Position.Start, len(text))], "\n")
		return nil, fmt.Errorf("%s:%d: %s", name, line, syntax.Message)
	}
	if err != nil {
		return nil, mistyped(name, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		key := unknown[0]
		return nil, fmt.Errorf("%s:%d: unknown key %q", name, lineOf(text, key[len(key)-1]), key.String())
	}
	if s.Vars == nil {
		s.Vars = map[string]string{}
	}
	for key, value := range vars {
		if _, ok := s.Vars[key]; !ok {
			return nil, fmt.Errorf("%s:1: no variable %q to set", name, key)
		}
		s.Vars[key] = value
	}
	if problem := s.check(); problem != nil {
		return nil, fmt.Errorf("%s:%d: %s", name, lineOfTurn(text, problem.turn), problem.text)
	}
	return &s, nil
}

// mistyped gives a value of the wrong kind its place, which the library puts into the text alone.
func mistyped(name string, err error) error {
	m := wrongKind.FindStringSubmatch(err.Error())
	if m == nil {
		return fmt.Errorf("%s:1: %w", name, err)
	}
	return fmt.Errorf("%s:%s: %s", name, m[1], m[2])
}

var wrongKind = regexp.MustCompile(`^toml: line (\d+) (.*)$`)

// problem is a mistake in one turn, counted from 0; -1 is the file as a whole.
type problem struct {
	turn int
	text string
}

// check looks for mistakes and puts the variables in.
func (s *Scenario) check() *problem {
	if len(s.Turns) == 0 {
		return &problem{-1, "a scenario needs at least one [[turn]]"}
	}
	last := len(s.Turns) - 1
	for i := range s.Turns {
		t := &s.Turns[i]
		switch {
		case i < last && len(t.Tools) == 0:
			return &problem{i, "only the last turn may have no tool call: the agent would stop here"}
		case i == last && len(t.Tools) > 0:
			return &problem{i, "the last turn must have no tool call: the agent would ask for one more"}
		case t.Text == "" && len(t.Tools) == 0:
			return &problem{i, "a turn without tool call needs a text"}
		}
		if text := s.fill(t); text != "" {
			return &problem{i, text}
		}
	}
	return nil
}

// fill replaces the variables of a turn and says what is wrong with its texts, or "".
func (s *Scenario) fill(t *Turn) string {
	var missing string
	expand := func(text string) string {
		return variable.ReplaceAllStringFunc(text, func(m string) string {
			value, ok := s.Vars[strings.Trim(m, "{}")]
			if !ok {
				missing = fmt.Sprintf("%s is not in [vars]", m)
			}
			return value
		})
	}
	t.Text = expand(t.Text)
	for i := range t.Tools {
		tool := &t.Tools[i]
		if tool.Name == "" {
			return "a tool call needs a name"
		}
		for key, value := range tool.Input {
			if text, ok := value.(string); ok {
				tool.Input[key] = expand(text)
			}
		}
	}
	return missing
}

var variable = regexp.MustCompile(`\{\{[a-z][a-z0-9_]*\}\}`)

// lineOfTurn is the line of a turn's header.
func lineOfTurn(text string, turn int) int {
	number := 0
	for line := range strings.Lines(text) {
		number++
		if strings.TrimSpace(line) != "[[turn]]" {
			continue
		}
		if turn--; turn < 0 {
			return number
		}
	}
	return 1
}

// lineOf is the first line on which a key is set or opens a table.
func lineOf(text, key string) int {
	number := 0
	for line := range strings.Lines(text) {
		number++
		head, _, _ := strings.Cut(strings.Trim(line, "[] \t\n"), "=")
		if strings.TrimSpace(head) == key || strings.HasSuffix(strings.TrimSpace(head), "."+key) {
			return number
		}
	}
	return 1
}
