// SPDX-License-Identifier: Apache-2.0

package messages

// An answer in the API's two forms: one object, or the events of a stream.

import (
	"encoding/json"
	"fmt"
	"net/http"
)

type reply struct {
	ID           string       `json:"id"`
	Type         string       `json:"type"`
	Role         string       `json:"role"`
	Model        string       `json:"model"`
	Content      []replyBlock `json:"content"`
	StopReason   any          `json:"stop_reason"` // null until the end of a stream
	StopSequence any          `json:"stop_sequence"`
	Usage        usage        `json:"usage"`
}

// replyBlock has the fields of either kind of block; text must be present even where it is empty.
type replyBlock struct {
	Type  string  `json:"type"`
	Text  *string `json:"text,omitempty"`
	ID    string  `json:"id,omitempty"`
	Name  string  `json:"name,omitempty"`
	Input any     `json:"input,omitempty"`
}

type usage struct {
	InputTokens  int `json:"input_tokens"`
	OutputTokens int `json:"output_tokens"`
}

func newReply(model string, turn int, t Turn) reply {
	r := reply{
		ID: fmt.Sprintf("msg_script_%d", turn), Type: "message", Role: "assistant", Model: model,
		Content: []replyBlock{}, StopReason: "end_turn", Usage: usage{InputTokens: 100, OutputTokens: 10},
	}
	if t.Text != "" {
		r.Content = append(r.Content, replyBlock{Type: "text", Text: &t.Text})
	}
	for call, tool := range t.Tools {
		input := tool.Input
		if input == nil {
			input = map[string]any{}
		}
		r.Content = append(r.Content, replyBlock{Type: "tool_use", ID: toolID(turn, call), Name: tool.Name, Input: input})
		r.StopReason = "tool_use"
	}
	return r
}

// stream writes the reply as server-sent events, each block whole in one delta.
func (r reply) stream(w http.ResponseWriter) {
	send := startStream(w)
	start := r
	start.Content, start.StopReason, start.Usage.OutputTokens = []replyBlock{}, nil, 1
	send("message_start", map[string]any{"message": start})
	for i, b := range r.Content {
		open, delta := b.parts()
		send("content_block_start", map[string]any{"index": i, "content_block": open})
		send("content_block_delta", map[string]any{"index": i, "delta": delta})
		send("content_block_stop", map[string]any{"index": i})
	}
	send("message_delta", map[string]any{
		"delta": map[string]any{"stop_reason": r.StopReason, "stop_sequence": nil},
		"usage": map[string]any{"output_tokens": r.Usage.OutputTokens},
	})
	send("message_stop", map[string]any{})
}

// startStream begins server-sent events and gives the function that sends one.
func startStream(w http.ResponseWriter) func(name string, event map[string]any) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	return func(name string, event map[string]any) {
		event["type"] = name
		data, err := json.Marshal(event)
		if err != nil {
			panic(err) // a decoded scenario always encodes
		}
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, data)
	}
}

// parts is a block as a stream opens it, empty, and the delta that fills it.
func (b replyBlock) parts() (open replyBlock, delta map[string]any) {
	if b.Type == "text" {
		empty := ""
		return replyBlock{Type: "text", Text: &empty}, map[string]any{"type": "text_delta", "text": *b.Text}
	}
	data, err := json.Marshal(b.Input)
	if err != nil {
		panic(err) // as above
	}
	b.Input = map[string]any{}
	return b, map[string]any{"type": "input_json_delta", "partial_json": string(data)}
}
