// SPDX-License-Identifier: Apache-2.0

package connectors

// The protocol, as far as it takes to call tools without an agent: JSON-RPC, one message a line.

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"syscall"
	"testing"
	"time"
)

// message is one of either direction.
type message struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  map[string]any  `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
}

// speak starts a connector as its user does, outside of every session, and gives the answers by the numbers of the calls.
func (p *play) speak(t *testing.T, c connector, calls []attempt) map[int]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := p.person.Command(ctx, c.command[0], c.command[1:]...)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	defer func() {
		cancel()
		_ = cmd.Wait() // it was killed
	}()
	if err := ask(in, calls); !errors.Is(err, syscall.EPIPE) { // who is refused has gone
		must(t, err)
	}
	answers := map[int]string{}
	for lines := bufio.NewScanner(out); len(answers) < len(calls) && lines.Scan(); {
		var m message
		must(t, json.Unmarshal(lines.Bytes(), &m))
		var number int
		if json.Unmarshal(m.ID, &number) == nil {
			answers[number] = string(m.Result)
		}
	}
	return answers
}

// ask writes the greeting, then the calls.
func ask(w io.Writer, calls []attempt) error {
	client := map[string]any{"name": "play", "version": "1"}
	all := []message{
		{ID: json.RawMessage(`"hello"`), Method: "initialize", Params: map[string]any{
			"protocolVersion": "2025-06-18", "capabilities": map[string]any{}, "clientInfo": client,
		}},
		{Method: "notifications/initialized"},
	}
	for i, a := range calls {
		id, err := json.Marshal(i)
		if err != nil {
			return err
		}
		all = append(all, message{ID: id, Method: "tools/call", Params: map[string]any{"name": a.tool, "arguments": a.input}})
	}
	e := json.NewEncoder(w)
	for _, m := range all {
		m.Version = "2.0"
		if err := e.Encode(m); err != nil {
			return err
		}
	}
	return nil
}
