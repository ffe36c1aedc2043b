// SPDX-License-Identifier: Apache-2.0

package messages

// The same scenario in the words of the OpenAI Responses API, which Codex speaks: what it asks is turned into the other
// API's request, so that one piece of code says which turn is next.

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
)

// responsesRequest is what the server reads of a request: the conversation is a flat list of items.
type responsesRequest struct {
	Model string    `json:"model"`
	Input []item    `json:"input"`
	Tools []offered `json:"tools"`
}

// item is a part of the conversation. Only what came of a tool call matters.
type item struct {
	Type   string `json:"type"`
	CallID string `json:"call_id"`
	Output output `json:"output"`
}

// output is text, or a list of parts with text.
type output string

func (o *output) UnmarshalJSON(data []byte) error {
	var parts content
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	for _, p := range parts {
		*o += output(p.Text)
	}
	return nil
}

// succeeded is how Codex begins what came of a command, or of a patch, that ended well. It has no field for that.
var succeeded = regexp.MustCompile(`(?m)\A(?:(?:Chunk ID|Wall time|Output):.*\n)*(?:Process exited with code|Exit code:) 0$`)

// translate makes the other API's request.
func (r *responsesRequest) translate() *request {
	translated := &request{Model: r.Model, Stream: true, Tools: r.Tools}
	for _, i := range r.Input {
		if i.Type != "function_call_output" {
			continue
		}
		text := string(i.Output)
		translated.Messages = append(translated.Messages, message{Role: "user", Content: content{{
			Type: "tool_result", ToolUseID: i.CallID, IsError: !succeeded.MatchString(text),
			Content: content{{Type: "text", Text: text}},
		}}})
	}
	return translated
}

func readResponses(r *http.Request) (*request, error) {
	var req responsesRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		return nil, err
	}
	return req.translate(), nil
}

func writeResponses(w http.ResponseWriter, _ *request, turn int, t Turn) {
	newResponse(turn, t).stream(w)
}

// response is an answer as its list of items.
type response struct {
	ID     string           `json:"id"`
	Object string           `json:"object"`
	Status string           `json:"status"`
	Output []map[string]any `json:"output"`
	Usage  map[string]any   `json:"usage,omitempty"`
}

func newResponse(turn int, t Turn) response {
	r := response{ID: fmt.Sprintf("resp_script_%d", turn), Object: "response", Status: "completed"}
	if t.Text != "" {
		r.Output = append(r.Output, map[string]any{
			"type": "message", "id": fmt.Sprintf("msg_script_%d", turn), "role": "assistant", "status": "completed",
			"content": []any{map[string]any{"type": "output_text", "text": t.Text, "annotations": []any{}}},
		})
	}
	for call, tool := range t.Tools {
		arguments, err := json.Marshal(tool.Input)
		if err != nil {
			panic(err) // a decoded scenario always encodes
		}
		id := toolID(turn, call)
		r.Output = append(r.Output, map[string]any{
			"type": "function_call", "id": "fc_" + id, "call_id": id, "name": tool.Name, "arguments": string(arguments), "status": "completed",
		})
	}
	r.Usage = map[string]any{"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
	return r
}

// stream writes the response as server-sent events, each item whole.
func (r response) stream(w http.ResponseWriter) {
	send := startStream(w)
	created := response{ID: r.ID, Object: r.Object, Status: "in_progress", Output: []map[string]any{}}
	send("response.created", map[string]any{"response": created})
	for i, one := range r.Output {
		send("response.output_item.added", map[string]any{"output_index": i, "item": one})
		send("response.output_item.done", map[string]any{"output_index": i, "item": one})
	}
	send("response.completed", map[string]any{"response": r})
}
