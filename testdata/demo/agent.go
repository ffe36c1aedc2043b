// SPDX-License-Identifier: Apache-2.0

package main

// The agent: the real program, told by a scripted model what to do. What the model says is shown as it is said.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/reeve-sensor/reeve/testdata/messages"
	"github.com/reeve-sensor/reeve/testdata/stage"
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
func work(ctx context.Context, p *stage.Person, program string, extra []string, s *messages.Scenario, t *transcript) error {
	said, err := messages.Play(s, t, func(url string) *exec.Cmd {
		cmd := p.Command(ctx, program, "-p", "Write a program that greets, and commit it.", "--permission-mode", "bypassPermissions")
		cmd.Dir = filepath.Join(p.Home, "hello")
		cmd.Env = append(append(cmd.Env, messages.Environ(url)...), extra...)
		return cmd
	})
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("not done within %s: %w", workTime, err)
	}
	if err != nil {
		return fmt.Errorf("running Claude Code: %w", err)
	}
	t.out.say(model, "  agent | %s", strings.TrimSpace(said))
	return nil
}
