// SPDX-License-Identifier: Apache-2.0

// This file reads Claude Code's own registry: sessions/PID.json below its configuration names the conversation of a
// running process. The secret key beside it is never opened.

package procfs

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
)

// Registered is what the registry says of a process.
type Registered struct {
	Conversation string `json:"sessionId"`
	Cwd          string `json:"cwd"`
	Entrypoint   string `json:"entrypoint"`
	Version      string `json:"version"`
	PID          uint32 `json:"pid"`
	Start        string `json:"procStart"` // start time in ticks, as in /proc/PID/stat
}

// conversation is the shape of ids that are believed: the file is the user's.
var conversation = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)

// ClaudeRegistry reads the entry of pid below the agent's configuration, ~/.claude where it was not moved.
func ClaudeRegistry(configuration string, pid uint32) (*Registered, error) {
	name := filepath.Join(configuration, "sessions", fmt.Sprintf("%d.json", pid))
	raw, err := readOwn(name)
	if err != nil {
		return nil, fmt.Errorf("agent's registry: %w", err)
	}
	var r Registered
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if r.PID != pid || !conversation.MatchString(r.Conversation) {
		return nil, fmt.Errorf("agent's registry %s: not of process %d", name, pid)
	}
	return &r, nil
}

// Conversation gives value back where it has the shape of a conversation's id.
func Conversation(value string) string {
	if conversation.MatchString(value) {
		return value
	}
	return ""
}
