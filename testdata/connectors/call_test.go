// SPDX-License-Identifier: Apache-2.0

package connectors

// The protocol, as far as it takes to call tools without an agent: JSON-RPC, one message a line.

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// call writes a call of a tool; the first one comes behind the greeting.
func call(w io.Writer, i int, a attempt) error {
	e := json.NewEncoder(w)
	if i == 0 {
		hello := map[string]any{"protocolVersion": "2025-06-18", "capabilities": map[string]any{}, "clientInfo": map[string]any{"name": "play", "version": "1"}}
		if err := e.Encode(map[string]any{"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": hello}); err != nil {
			return err
		}
		if err := e.Encode(map[string]any{"jsonrpc": "2.0", "method": "notifications/initialized"}); err != nil {
			return err
		}
	}
	return e.Encode(map[string]any{"jsonrpc": "2.0", "id": i, "method": "tools/call", "params": map[string]any{"name": a.tool, "arguments": a.input}})
}

// answersIn are results by the number of their calls.
func answersIn(t *testing.T, said string) map[int]string {
	t.Helper()
	all := map[int]string{}
	for line := range strings.Lines(said) {
		var one struct {
			ID     json.RawMessage
			Result json.RawMessage
		}
		must(t, json.Unmarshal([]byte(line), &one))
		var number int
		if json.Unmarshal(one.ID, &number) == nil {
			all[number] = string(one.Result)
		}
	}
	return all
}
