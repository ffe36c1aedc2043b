// SPDX-License-Identifier: Apache-2.0

package messages

// The APIs that agents speak, one row each. All are read into the Messages API's request, so that one piece of code says
// which turn is next; only the last step, writing the answer, is each one's own.

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// dialect is one API: where it is called, how a request of it is read, and how a turn is said in it.
type dialect struct {
	path  string // pattern of the mux
	read  func(r *http.Request) (*request, error)
	write func(w http.ResponseWriter, req *request, turn int, t Turn)
}

var dialects = []dialect{
	{"POST /v1/messages", readMessages, writeMessages},          // Anthropic: Claude Code
	{"POST /v1/responses", readResponses, writeResponses},       // OpenAI: Codex
	{"POST /v1/chat/completions", readChat, writeChat},          // OpenAI and whoever is compatible: Copilot CLI, OpenCode
	{"POST /v1beta/models/{call}", readGenerate, writeGenerate}, // Google: Gemini CLI
}

// speak answers requests of one dialect.
func (s *Server) speak(d dialect) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		req, err := d.read(r)
		if err != nil {
			refuse(w, fmt.Sprintf("reading the request: %v", err))
			return
		}
		turn, answer, err := s.answer(r, req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		d.write(w, req, turn, answer)
	}
}

func readMessages(r *http.Request) (*request, error) {
	var req request
	return &req, json.NewDecoder(r.Body).Decode(&req)
}

func writeMessages(w http.ResponseWriter, req *request, turn int, t Turn) {
	reply := newReply(req.Model, turn, t)
	if req.Stream {
		reply.stream(w)
		return
	}
	writeJSON(w, reply)
}

// offered is the name of a tool that a request offers, as every dialect's reader fills it in.
type offered struct {
	Name string `json:"name"`
}

// resulted is a tool's result as the Messages API has it.
func resulted(id, text string, failed bool) message {
	return message{Role: "user", Content: content{{
		Type: "tool_result", ToolUseID: id, IsError: failed, Content: content{{Type: "text", Text: text}},
	}}}
}

// sendData begins server-sent events without names and gives the function that sends one.
func sendData(w http.ResponseWriter) func(event any) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	return func(event any) {
		data, err := json.Marshal(event)
		if err != nil {
			panic(err) // a decoded scenario always encodes
		}
		fmt.Fprintf(w, "data: %s\n\n", data)
	}
}
