// SPDX-License-Identifier: Apache-2.0

package messages

// The real agents side by side: how each is started without a terminal against the server, kept from everything else by its
// own documented settings, and what it calls the tools of a scenario that is written once for all.

import (
	"fmt"
	"path/filepath"
	"slices"
)

// Agent is one of the real agents that packaging/provision.sh downloads.
type Agent struct {
	Name    string // of the catalogue
	Version string
	Program string // below the home of its user

	layer string
	// Settings are files below the home that it reads, Env and Args what else points it at the server at url. The prompt
	// follows the arguments.
	Settings func(url string) map[string]string
	Env      func(url string) []string
	Args     func(url string) []string

	words vocabulary
}

// Versions that packaging/provision.sh downloads; ClaudeVersion and CodexVersion are above.
const (
	geminiVersion   = "0.61.0"
	copilotVersion  = "1.0.102"
	opencodeVersion = "1.18.33"
)

// Agents are all of them.
var Agents = []Agent{
	{
		Name: "claude-code", Version: ClaudeVersion, Program: ClaudeProgram, layer: "claude-" + ClaudeVersion,
		Env:  func(url string) []string { return slices.Concat(Environ(url), Emulated()) },
		Args: func(string) []string { return []string{"--permission-mode", "bypassPermissions", "-p"} },
		words: vocabulary{
			"shell": renamed("Bash", "command", "command", "about", "description"),
			"write": renamed("Write", "path", "file_path", "text", "content"),
		},
	},
	{
		Name: "codex", Version: CodexVersion, Program: CodexProgram, layer: "codex-" + CodexVersion,
		Args: func(url string) []string {
			return append([]string{"exec", "--skip-git-repo-check", "--sandbox", "danger-full-access"}, CodexSettings(url)...)
		},
		words: vocabulary{"shell": codexShell, "write": codexWrite},
	},
	{
		Name: "gemini-cli", Version: geminiVersion, Program: ".local/bin/gemini", layer: "gemini-" + geminiVersion,
		Settings: func(string) map[string]string { return map[string]string{".gemini/settings.json": geminiSettings} },
		Env: func(url string) []string {
			return []string{"GEMINI_API_KEY=scripted", "GOOGLE_GEMINI_BASE_URL=" + url, "GEMINI_CLI_TRUST_WORKSPACE=true"}
		},
		Args: func(string) []string { return []string{"--yolo", "-m", "gemini-2.5-flash", "-p"} },
		words: vocabulary{
			"shell": renamed("run_shell_command", "command", "command", "about", "description"),
			"write": renamed("write_file", "path", "file_path", "text", "content"),
		},
	},
	{
		Name: "copilot-cli", Version: copilotVersion, Program: ".local/bin/copilot", layer: "copilot-" + copilotVersion,
		Env: func(url string) []string {
			return []string{"COPILOT_PROVIDER_BASE_URL=" + url + "/v1", "COPILOT_MODEL=scripted", "COPILOT_OFFLINE=true", "COPILOT_AUTO_UPDATE=false"}
		},
		Args: func(string) []string { return []string{"--allow-all-tools", "--allow-all-paths", "-p"} },
		words: vocabulary{
			"shell": renamed("bash", "command", "command", "about", "description"),
			"write": renamed("create", "path", "path", "text", "file_text"),
		},
	},
	{
		Name: "opencode", Version: opencodeVersion, Program: ".local/bin/opencode", layer: "opencode-" + opencodeVersion,
		Settings: func(url string) map[string]string {
			return map[string]string{".config/opencode/opencode.json": fmt.Sprintf(opencodeSettings, url)}
		},
		Env: func(string) []string {
			return append(Emulated(), "OPENCODE_DISABLE_AUTOUPDATE=1", "OPENCODE_DISABLE_MODELS_FETCH=1", "OPENCODE_DISABLE_LSP_DOWNLOAD=1", "OPENCODE_DISABLE_DEFAULT_PLUGINS=1")
		},
		Args: func(string) []string { return []string{"run"} },
		words: vocabulary{
			"shell": renamed("bash", "command", "command", "about", "description"),
			"write": renamed("write", "path", "filePath", "text", "content"),
		},
	},
}

const geminiSettings = `{
	"security": {"auth": {"selectedType": "gemini-api-key"}},
	"privacy": {"usageStatisticsEnabled": false}, "telemetry": {"enabled": false},
	"general": {"enableAutoUpdate": false, "enableAutoUpdateNotification": false}
}`

const opencodeSettings = `{
	"autoupdate": false, "share": "disabled", "permission": {"*": "allow"},
	"enabled_providers": ["script"], "model": "script/scripted", "small_model": "script/scripted",
	"provider": {"script": {
		"npm": "@ai-sdk/openai-compatible", "name": "script", "options": {"baseURL": "%s/v1", "apiKey": "scripted"},
		"models": {"scripted": {"name": "scripted", "limit": {"context": 200000, "output": 8000}}}
	}}
}`

// Layer is the folder of the cache with the agent, laid out as a root with a user's home.
func (a *Agent) Layer(cache string) string { return filepath.Join(cache, "agents", a.layer) }

// vocabulary makes an agent's tool calls of a scenario's, by the scenario's names: shell{command, about}, write{path, text}.
type vocabulary map[string]func(input map[string]any) Tool

// renamed calls the tool by another name, and its arguments: pairs of ours and theirs.
func renamed(name string, arguments ...string) func(map[string]any) Tool {
	return func(input map[string]any) Tool {
		t := Tool{Name: name, Input: map[string]any{}}
		for pair := range slices.Chunk(arguments, 2) {
			if value, ok := input[pair[0]]; ok {
				t.Input[pair[1]] = value
			}
		}
		return t
	}
}

// codexShell: half a minute is the longest that Codex waits for a command before it says that it is still running.
func codexShell(input map[string]any) Tool {
	return Tool{Name: "exec_command", Input: map[string]any{"cmd": input["command"], "yield_time_ms": 30000}}
}

// codexWrite: Codex takes a patch for a command of its own, and executes nothing.
func codexWrite(input map[string]any) Tool {
	patch := fmt.Sprintf("apply_patch <<'PATCH'\n*** Begin Patch\n*** Add File: %s\n+%s\n*** End Patch\nPATCH", input["path"], input["text"])
	return codexShell(map[string]any{"command": patch})
}

// For is the scenario in the agent's words.
func (s *Scenario) For(a *Agent) (*Scenario, error) {
	spoken := *s
	spoken.Turns = slices.Clone(s.Turns)
	for i := range spoken.Turns {
		turn := &spoken.Turns[i]
		turn.Tools = slices.Clone(turn.Tools)
		for j, tool := range turn.Tools {
			word, ok := a.words[tool.Name]
			if !ok {
				return nil, fmt.Errorf("%s has no word for %s", a.Name, tool.Name)
			}
			turn.Tools[j] = word(tool.Input)
		}
	}
	return &spoken, nil
}
