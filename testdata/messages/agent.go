// SPDX-License-Identifier: Apache-2.0

package messages

// The real agents: which they are, where they lie, and how each is pointed at the server and kept from everything else.

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
)

// Versions that packaging/provision.sh downloads.
const (
	ClaudeVersion = "2.1.330"
	CodexVersion  = "0.169.0"
)

// Programs of the agents in the home of their user.
const (
	ClaudeProgram = ".local/share/claude/versions/" + ClaudeVersion
	CodexProgram  = ".local/bin/codex"
)

// ClaudeLayer is the folder of the cache with Claude Code, laid out as a root with a user's home.
func ClaudeLayer(cache string) string { return filepath.Join(cache, "agents", "claude-"+ClaudeVersion) }

// CodexLayer is the same with Codex.
func CodexLayer(cache string) string { return filepath.Join(cache, "agents", "codex-"+CodexVersion) }

// Environ is what Claude Code needs to talk to the server at url, and to no one besides: no update, no
// telemetry, no feature download. A key is needed for it to start, and is never checked.
func Environ(url string) []string {
	return []string{
		"ANTHROPIC_BASE_URL=" + url,
		"ANTHROPIC_API_KEY=sk-ant-scripted",
		"DISABLE_AUTOUPDATER=1",
		"DISABLE_TELEMETRY=1",
		"DISABLE_ERROR_REPORTING=1",
		"DISABLE_BUG_COMMAND=1",
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
		"CLAUDE_CODE_DISABLE_TERMINAL_TITLE=1",
		"CLAUDE_CODE_ENABLE_TELEMETRY=0",
	}
}

// Emulated is what makes Claude Code bearable on an emulated processor: compiling hot JavaScript a
// second time, with the optimising compiler, costs more there than it ever saves. Without it
// the demo's 13 tool calls took 34 s instead of 62 on two emulated CPUs.
func Emulated() []string {
	return []string{"BUN_JSC_useDFGJIT=0"}
}

// CodexSettings are arguments of `codex exec` to the same end: a provider of models of our own, and nothing sent elsewhere.
func CodexSettings(url string) []string {
	var args []string
	for _, setting := range []string{
		`model="scripted"`, `model_provider="script"`,
		fmt.Sprintf(`model_providers.script={name="script",base_url="%s/v1",wire_api="responses"}`, url),
		`analytics.enabled=false`, `check_for_update_on_startup=false`,
	} {
		args = append(args, "-c", setting)
	}
	return args
}

// Play serves the scenario on loopback while the command that agent makes of the address runs, and gives what that said.
// It is an error when the command fails, or ends before the script does.
func Play(s *Scenario, record io.Writer, agent func(url string) *exec.Cmd) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	handler := New(s, record)
	server := &http.Server{Handler: handler}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	defer func() {
		server.Close()
		<-ended
	}()
	cmd := agent("http://" + listener.Addr().String())
	said, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("running %s: %w\n%s", filepath.Base(cmd.Path), err, said)
	}
	if !handler.Done() {
		return "", fmt.Errorf("the agent ended before the script did:\n%s", said)
	}
	return string(said), nil
}
