// SPDX-License-Identifier: Apache-2.0

package messages

// The HTTP face: which path answers what, and the record of what the agent saw.

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// maxBody bounds a request; an agent's first one, with its tools and instructions, is about 200 KB.
const maxBody = 64 << 20

// Record is one line of the record: a request and what it was taken for.
type Record struct {
	Time         time.Time `json:"time"`
	Kind         string    `json:"kind"` // turn, side, count, other
	Request      string    `json:"request"`
	Model        string    `json:"model,omitempty"`
	Conversation string    `json:"conversation,omitempty"` // as the agent names it in a header
	Turn         int       `json:"turn"`
	Note         string    `json:"note,omitempty"`
	Results      []Result  `json:"results,omitempty"` // those not recorded before
}

// Server answers an agent from a scenario. It is an http.Handler.
type Server struct {
	scenario *Scenario
	mux      *http.ServeMux

	mu     sync.Mutex
	record io.Writer
	seen   map[string]bool
	done   bool
}

// New makes a server. Records go to record, one JSON object a line; nil keeps none.
func New(s *Scenario, record io.Writer) *Server {
	if record == nil {
		record = io.Discard
	}
	srv := &Server{scenario: s, record: record, seen: map[string]bool{}, mux: http.NewServeMux()}
	for _, d := range dialects {
		srv.mux.HandleFunc(d.path, srv.speak(d))
	}
	srv.mux.HandleFunc("POST /v1/messages/count_tokens", srv.count)
	srv.mux.HandleFunc("GET /v1/models", srv.models)
	srv.mux.HandleFunc("/", srv.other)
	return srv
}

// Done says whether the last turn has been given.
func (s *Server) Done() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	w.Header().Set("Request-Id", "req_script")
	s.mux.ServeHTTP(w, r)
}

// answer finds what to say to a request, and records it.
func (s *Server) answer(r *http.Request, req *request) (int, Turn, error) {
	answer := Turn{Text: req.side()}
	record := Record{Kind: "side", Request: r.URL.Path, Model: req.Model, Conversation: conversation(r.Header)}
	turn, ok := req.turn(s.scenario)
	if ok {
		answer = s.scenario.Turns[turn]
		record.Kind, record.Turn, record.Note = "turn", turn, answer.Note
		record.Results = req.results(s.scenario)
	}
	return turn, answer, s.keep(record)
}

// conversation is the agent's own id of its conversation, where it sends one.
func conversation(h http.Header) string {
	for _, name := range []string{"X-Claude-Code-Session-Id", "Session-Id", "X-Session-Id"} {
		if id := h.Get(name); id != "" {
			return id
		}
	}
	return ""
}

func (s *Server) count(w http.ResponseWriter, r *http.Request) {
	size, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		refuse(w, err.Error())
		return
	}
	s.keep(Record{Kind: "count", Request: r.URL.Path})
	writeJSON(w, map[string]any{"input_tokens": size/4 + 1})
}

func (s *Server) models(w http.ResponseWriter, r *http.Request) {
	s.keep(Record{Kind: "other", Request: r.URL.Path})
	writeJSON(w, map[string]any{"data": []any{}, "has_more": false, "first_id": nil, "last_id": nil})
}

// other answers whatever else an agent calls (features, settings, telemetry) with nothing to see.
func (s *Server) other(w http.ResponseWriter, r *http.Request) {
	s.keep(Record{Kind: "other", Request: r.Method + " " + r.URL.Path})
	writeJSON(w, map[string]any{})
}

// keep writes a record, with only those results that no earlier record has.
func (s *Server) keep(r Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Time = time.Now().UTC()
	var fresh []Result
	for _, result := range r.Results {
		if !s.seen[result.ID] {
			s.seen[result.ID] = true
			fresh = append(fresh, result)
		}
	}
	r.Results = fresh
	if r.Kind == "turn" && r.Turn == len(s.scenario.Turns)-1 {
		s.done = true
	}
	if err := json.NewEncoder(s.record).Encode(r); err != nil {
		return fmt.Errorf("writing the record: %w", err)
	}
	return nil
}

func refuse(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string]any{
		"type": "error", "error": map[string]any{"type": "invalid_request_error", "message": text},
	})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}
