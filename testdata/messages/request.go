// SPDX-License-Identifier: Apache-2.0

package messages

// What the server reads of a request, and the question it asks of it: which turn is next, or is this
// something on the side?

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

type request struct {
	Model        string    `json:"model"`
	Stream       bool      `json:"stream"`
	MaxTokens    int       `json:"max_tokens"`
	Messages     []message `json:"messages"`
	Tools        []offered `json:"tools"`
	OutputFormat *format   `json:"output_format"`
	OutputConfig struct {
		Format *format `json:"format"`
	} `json:"output_config"`
}

type format struct {
	Schema schema `json:"schema"`
}

// schema is as much of a JSON schema as an answer of the right shape needs.
type schema struct {
	Type       any               `json:"type"`
	Enum       []any             `json:"enum"`
	Properties map[string]schema `json:"properties"`
}

type message struct {
	Role    string  `json:"role"`
	Content content `json:"content"`
}

// content is a list of blocks; a plain string stands for one text block.
type content []block

type block struct {
	Type      string  `json:"type"`
	Text      string  `json:"text"`
	ToolUseID string  `json:"tool_use_id"`
	IsError   bool    `json:"is_error"`
	Content   content `json:"content"`
}

func (c *content) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*c = content{{Type: "text", Text: text}}
		return nil
	}
	var blocks []block
	if err := json.Unmarshal(data, &blocks); err != nil {
		return err
	}
	*c = blocks
	return nil
}

// text joins the text blocks.
func (c content) text() string {
	var all []string
	for _, b := range c {
		if b.Type == "text" {
			all = append(all, b.Text)
		}
	}
	return strings.Join(all, "\n")
}

// Result is what a tool gave the agent, as the agent told it to the model.
type Result struct {
	ID      string `json:"id"`
	Tool    string `json:"tool"`
	Turn    int    `json:"turn"`
	Error   bool   `json:"error,omitempty"`
	Content string `json:"content"`
}

// toolID names a tool call so that its result says where the conversation stands.
func toolID(turn, call int) string { return fmt.Sprintf("toolu_script_%d_%d", turn, call) }

func parseToolID(id string) (turn, call int, ok bool) {
	rest, ok := strings.CutPrefix(id, "toolu_script_")
	if !ok {
		return 0, 0, false
	}
	a, b, _ := strings.Cut(rest, "_")
	turn, err1 := strconv.Atoi(a)
	call, err2 := strconv.Atoi(b)
	return turn, call, err1 == nil && err2 == nil
}

// results are the script's tool results in the request, in order.
func (r *request) results(s *Scenario) []Result {
	var all []Result
	for _, m := range r.Messages {
		for _, b := range m.Content {
			turn, call, ok := parseToolID(b.ToolUseID)
			if b.Type != "tool_result" || !ok || turn >= len(s.Turns) || call >= len(s.Turns[turn].Tools) {
				continue
			}
			all = append(all, Result{
				ID: b.ToolUseID, Tool: s.Turns[turn].Tools[call].Name, Turn: turn,
				Error: b.IsError, Content: b.Content.text(),
			})
		}
	}
	return all
}

// turn is the turn that answers the request; ok is false for a request on the side, which offers
// none of the tools that the script calls.
func (r *request) turn(s *Scenario) (turn int, ok bool) {
	offered := map[string]bool{}
	for _, t := range r.Tools {
		offered[t.Name] = true
	}
	if !s.usesAnyOf(offered) {
		return 0, false
	}
	for _, result := range r.results(s) {
		turn = max(turn, result.Turn+1)
	}
	return min(turn, len(s.Turns)-1), true
}

func (s *Scenario) usesAnyOf(tools map[string]bool) bool {
	any := false
	for _, t := range s.Turns {
		for _, tool := range t.Tools {
			any = true
			if tools[tool.Name] {
				return true
			}
		}
	}
	return !any && len(tools) > 0
}

// side answers a request on the side: an object of the shape asked for, or a word.
func (r *request) side() string {
	f := r.OutputFormat
	if f == nil {
		f = r.OutputConfig.Format
	}
	if f == nil {
		return "Working on it"
	}
	data, err := json.Marshal(f.Schema.example())
	if err != nil {
		return "{}"
	}
	return string(data)
}

func (s schema) example() any {
	if len(s.Enum) > 0 {
		return s.Enum[0]
	}
	// Google spells them with capitals.
	switch strings.ToLower(fmt.Sprint(s.Type)) {
	case "object":
		object := map[string]any{}
		for name, property := range s.Properties {
			object[name] = property.example()
		}
		return object
	case "array":
		return []any{}
	case "boolean":
		return false
	case "number", "integer":
		return 0
	}
	return "Working on it"
}
