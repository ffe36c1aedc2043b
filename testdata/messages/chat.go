// SPDX-License-Identifier: Apache-2.0

package messages

// The scenario in the words of the OpenAI chat completions, which whatever takes "an OpenAI-compatible provider" speaks.

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// chatRequest is what the server reads of a request.
type chatRequest struct {
	Model    string `json:"model"`
	Stream   bool   `json:"stream"`
	Messages []struct {
		Role       string  `json:"role"`
		ToolCallID string  `json:"tool_call_id"`
		Content    content `json:"content"`
	} `json:"messages"`
	Tools []struct {
		Function offered `json:"function"`
	} `json:"tools"`
	ResponseFormat struct {
		JSONSchema format `json:"json_schema"`
		Type       string `json:"type"`
	} `json:"response_format"`
}

func readChat(r *http.Request) (*request, error) {
	var req chatRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		return nil, err
	}
	return req.translate(), nil
}

// translate makes the Messages API's request. A tool's result has no field for failure here.
func (r *chatRequest) translate() *request {
	translated := &request{Model: r.Model, Stream: r.Stream}
	for _, t := range r.Tools {
		translated.Tools = append(translated.Tools, t.Function)
	}
	for _, m := range r.Messages {
		if m.Role == "tool" {
			translated.Messages = append(translated.Messages, resulted(m.ToolCallID, m.Content.text(), false))
		}
	}
	if r.ResponseFormat.Type == "json_schema" {
		translated.OutputFormat = &r.ResponseFormat.JSONSchema
	}
	return translated
}

// chatCall is a tool call, its place among the others included, which only streams have.
type chatCall struct {
	Index    *int   `json:"index,omitempty"`
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

func chatCalls(turn int, t Turn, streamed bool) []chatCall {
	var calls []chatCall
	for i, tool := range t.Tools {
		arguments, err := json.Marshal(tool.Input)
		if err != nil {
			panic(err) // a decoded scenario always encodes
		}
		call := chatCall{ID: toolID(turn, i), Type: "function"}
		call.Function.Name, call.Function.Arguments = tool.Name, string(arguments)
		if streamed {
			call.Index = &i
		}
		calls = append(calls, call)
	}
	return calls
}

func writeChat(w http.ResponseWriter, req *request, turn int, t Turn) {
	said := map[string]any{"role": "assistant", "content": t.Text}
	reason := "stop"
	if calls := chatCalls(turn, t, req.Stream); len(calls) > 0 {
		said["tool_calls"], reason = calls, "tool_calls"
	}
	usage := map[string]any{"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
	whole := func(object string, choices ...any) map[string]any {
		return map[string]any{
			"id": fmt.Sprintf("chatcmpl_script_%d", turn), "object": object, "created": 1, "model": req.Model, "choices": choices,
		}
	}
	if !req.Stream {
		answer := whole("chat.completion", map[string]any{"index": 0, "message": said, "finish_reason": reason})
		answer["usage"] = usage
		writeJSON(w, answer)
		return
	}
	send := sendData(w)
	send(whole("chat.completion.chunk", map[string]any{"index": 0, "delta": said, "finish_reason": nil}))
	last := whole("chat.completion.chunk", map[string]any{"index": 0, "delta": map[string]any{}, "finish_reason": reason})
	last["usage"] = usage
	send(last)
	fmt.Fprint(w, "data: [DONE]\n\n")
}
