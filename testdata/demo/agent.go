// SPDX-License-Identifier: Apache-2.0

package main

// The agent: the real program, told by a scripted model what to do. What the model says is shown as it is said.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/reeve-sensor/reeve/testdata/messages"
)

// transcript keeps the records of the scripted model and shows each turn once.
type transcript struct {
	scenario *messages.Scenario
	out      *screen

	mu      sync.Mutex
	records []messages.Record
	shown   int
}

// Write takes one record, as messages.Server writes them.
func (t *transcript) Write(line []byte) (int, error) {
	var r messages.Record
	if err := json.Unmarshal(line, &r); err != nil {
		return 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.Kind != "turn" {
		return len(line), nil
	}
	t.records = append(t.records, r)
	if r.Turn >= t.shown {
		t.shown = r.Turn + 1
		t.show(t.scenario.Turns[r.Turn])
	}
	return len(line), nil
}

func (t *transcript) show(turn messages.Turn) {
	t.out.say(model, "  model | %s", turn.Text)
	for _, tool := range turn.Tools {
		t.out.say(model, "  model |   %s", call(tool))
	}
}

// call is a tool call on one line.
func call(t messages.Tool) string {
	for _, key := range []string{"command", "file_path"} {
		if text, ok := t.Input[key].(string); ok {
			return fmt.Sprintf("%s(%s)", t.Name, cut(text, 130))
		}
	}
	return t.Name
}

// cut shortens text that the table or the terminal has no room for.
func cut(s string, n int) string {
	if runes := []rune(s); len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return s
}

// taken gives the records so far.
func (t *transcript) taken() []messages.Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]messages.Record(nil), t.records...)
}

// work runs the agent through the scenario and returns when it has ended.
func work(ctx context.Context, p *person, program string, extra []string, s *messages.Scenario, t *transcript) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	handler := messages.New(s, t)
	server := &http.Server{Handler: handler}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	defer func() {
		server.Close()
		<-ended
	}()
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, program, "-p", "Write a program that greets, and commit it.", "--permission-mode", "bypassPermissions")
	cmd.Dir = filepath.Join(p.home, "hello")
	cmd.Env = append(append(p.environment(), messages.Environ("http://"+listener.Addr().String())...), extra...)
	cmd.SysProcAttr = p.attributes()
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running Claude Code: %w\n%s", err, said.String())
	}
	if !handler.Done() {
		return fmt.Errorf("the agent ended before the script did:\n%s", said.String())
	}
	t.out.say(model, "  agent | %s", strings.TrimSpace(said.String()))
	return nil
}
