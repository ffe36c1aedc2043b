// SPDX-License-Identifier: Apache-2.0

// What agents do from their exec to their first prompt. The preset that stops one of these stops the product.

package enforce_test

import (
	"slices"
	"testing"

	"github.com/reeve-sensor/reeve/enforce"
)

var agents = []enforce.Agent{
	{ID: 1, Exec: []string{"~/.local/share/claude/versions/*", "~/.config/Claude/claude-code/*/claude", "**/@anthropic-ai/claude-code*/claude"}},
	{ID: 2, Host: true, Exec: []string{"/usr/lib/claude-desktop/claude-desktop"}},
	{ID: 3, Host: true, Observe: true, Exec: []string{"/usr/share/code/code"}},
}

// claude is Claude Code 2.1, native install, as recorded with its shell tool, one hook and one connector.
var claude = enforce.Start{Agent: "Claude Code", Acts: []enforce.Act{
	{enforce.OpExec, "/home/ana/.local/share/claude/versions/2.1.330"},
	{enforce.OpExecMap, "/home/ana/.local/share/claude/versions/2.1.330"},
	{enforce.OpExecMap, "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"},
	{enforce.OpExecMap, "/usr/lib/x86_64-linux-gnu/libc.so.6"},
	{enforce.OpExecArgv, "2.1.330"},
	{enforce.OpExecArgv, "2.1.330 -p do it --output-format stream-json --verbose"},
	{enforce.OpExecArgv, "2.1.330 --setting-sources=user --permission-mode default --allow-dangerously-skip-permissions --plugin-dir /x"},
	{enforce.OpFileRead, "/etc/ld.so.cache"},
	{enforce.OpFileRead, "/etc/passwd"},
	{enforce.OpFileRead, "/etc/resolv.conf"},
	{enforce.OpFileRead, "/etc/ssl/certs/ca-certificates.crt"},
	{enforce.OpFileRead, "/etc/claude-code/managed-settings.json"},
	{enforce.OpFileRead, "/home/ana/.claude.json"},
	{enforce.OpFileWrite, "/home/ana/.claude.json"},
	{enforce.OpFileWrite, "/home/ana/.claude.json.lock"},
	{enforce.OpFileCreate, "/home/ana/.claude.json.tmp.14026.1795358321936"},
	{enforce.OpFileRename, "/home/ana/.claude.json.tmp.14026.1795358321936"},
	{enforce.OpFileRead, "/home/ana/.claude/settings.json"},
	{enforce.OpFileRead, "/home/ana/.claude/settings.local.json"},
	{enforce.OpFileWrite, "/home/ana/.claude/settings.local.json"},
	{enforce.OpFileRead, "/home/ana/.claude/.credentials.json"},
	{enforce.OpFileWrite, "/home/ana/.claude/.credentials.json"},
	{enforce.OpFileRead, "/home/ana/.claude/remote-settings.json"},
	{enforce.OpFileWrite, "/home/ana/.claude/projects/-home-ana-src-app/fb58cd36.jsonl"},
	{enforce.OpFileWrite, "/home/ana/.claude/sessions/14026.json"},
	{enforce.OpFileDelete, "/home/ana/.claude/sessions/14026.json"},
	{enforce.OpFileWrite, "/home/ana/.claude/history.jsonl"},
	{enforce.OpFileWrite, "/home/ana/.claude/shell-snapshots/snapshot-bash-1795358352199-j75pmk.sh"},
	{enforce.OpFileWrite, "/home/ana/.claude/file-history/x/1"},
	{enforce.OpFileWrite, "/home/ana/.cache/claude-cli-nodejs/x.log"},
	{enforce.OpFileWrite, "/home/ana/.local/share/applications/claude-code-url-handler.desktop"},
	{enforce.OpFileWrite, "/tmp/cc-socks/14026.sock"},
	{enforce.OpFileWrite, "/tmp/claude-1000/-home-ana-src-app/fb58cd36/started"},
	{enforce.OpFileWrite, "/tmp/claude-b7e7-cwd"},
	{enforce.OpFileRead, "/home/ana/src/app/.mcp.json"},
	{enforce.OpFileRead, "/home/ana/src/app/.claude/settings.json"},
	{enforce.OpFileRead, "/home/ana/src/app/CLAUDE.md"},
	{enforce.OpFileRead, "/home/ana/src/app/.git/config"},
	{enforce.OpFileRead, "/home/ana/.config/google-chrome/Default/Extensions"},
	{enforce.OpFileWrite, "/home/ana/.config/google-chrome/NativeMessagingHosts/com.anthropic.claude_code_browser_extension.json"},
	{enforce.OpExec, "/usr/bin/bash"},
	{enforce.OpExecArgv, "bash -c source /home/ana/.claude/shell-snapshots/snapshot-bash-1795358352199-j75pmk.sh 2>/dev/null || true && \\builtin shopt -u extglob 2>/dev/null || true && { \\builtin unalias -- 'which'; \\builtin unset -f -- 'which'; } >/dev/null 2>&1 || true && eval 'git status' < /dev/null && pwd -P >| /tmp/claude-b7e7-cwd"},
	{enforce.OpFileRead, "/home/ana/.bashrc"},
	{enforce.OpFileRead, "/home/ana/.profile"},
	{enforce.OpExec, "/usr/bin/dash"},
	{enforce.OpExecArgv, "dash -c reeve hook PreToolUse"},
	{enforce.OpExec, "/usr/bin/git"},
	{enforce.OpExecArgv, "git status --porcelain"},
	{enforce.OpFileRead, "/home/ana/.gitconfig"},
	{enforce.OpExec, "/usr/bin/node"},
	{enforce.OpExecArgv, "node /home/ana/.npm/_npx/1/node_modules/.bin/server"},
	{enforce.OpExec, "/usr/bin/bwrap"},
	{enforce.OpExec, "/usr/bin/socat"},
	{enforce.OpExecArgv, "socat TCP-LISTEN:3128,fork,reuseaddr UNIX-CONNECT:/tmp/claude-1000/claude-http-1.sock"},
	{enforce.OpFileWrite, "/dev/null"},
	{enforce.OpFileWrite, "/proc/14026/oom_score_adj"},
}}

func TestNoPresetStopsAnAgentsStart(t *testing.T) {
	for _, name := range enforce.Presets() {
		p, _ := preset(t, name)
		for _, q := range enforce.Check(p, enforce.CheckOptions{Agents: agents, Starts: []enforce.Start{claude}}) {
			t.Errorf("%s: %v", name, q)
		}
	}
}

func TestTheTableKnowsTheAgents(t *testing.T) {
	p, _ := preset(t, "balanced")
	im, err := enforce.Compile(p, agents, 1, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][2]uint32{
		"/home/ana/.local/share/claude/versions/2.1.330": {1, 0},
		"/usr/lib/claude-desktop/claude-desktop":         {2, 1},
		"/usr/share/code/code":                           {3, 3},
		"/usr/bin/bash":                                  {0, 0},
	} {
		if id, flags := im.Oracle().AgentOf([]byte(path)); [2]uint32{id, flags} != want {
			t.Errorf("%s: %d %d, want %v", path, id, flags, want)
		}
	}
}

// TestInterpretersAndTheirScripts: a script's further names count as an interpreter's argument alone, and an interpreter is no agent.
func TestInterpretersAndTheirScripts(t *testing.T) {
	p, _ := preset(t, "balanced")
	im, err := enforce.Compile(p, append(slices.Clone(agents), []enforce.Agent{
		{ID: 4, Relaunch: true, Exec: []string{"**/@google/gemini-cli/bundle/gemini.js"}, Scripts: []string{"**/bin/gemini"}, Interpreters: []string{"**/bin/node"}},
		{ID: 5, Exec: []string{"**/bin/aider"}, Interpreters: []string{"**/bin/python3", "**/bin/node"}},
	}...), 1, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]struct {
		executed, script uint32
		interprets       bool
	}{
		"/usr/lib/node_modules/@google/gemini-cli/bundle/gemini.js": {4, 4, false},
		"/home/ana/.local/bin/gemini":                               {0, 4, false},
		"/home/ana/.local/bin/aider":                                {5, 5, false},
		"/usr/bin/node":                                             {0, 0, true},
		"/usr/bin/python3":                                          {0, 0, true},
		"/usr/bin/bash":                                             {0, 0, false},
	} {
		executed, _ := im.Oracle().AgentOf([]byte(path))
		script, _ := im.Oracle().ScriptOf([]byte(path))
		if interprets := im.Oracle().Interprets([]byte(path)); executed != want.executed || script != want.script || interprets != want.interprets {
			t.Errorf("%s: executed %d, as a script %d, interprets %v; want %+v", path, executed, script, interprets, want)
		}
	}
	if _, flags := im.Oracle().AgentOf([]byte("/opt/node_modules/@google/gemini-cli/bundle/gemini.js")); flags != 4 {
		t.Errorf("Gemini CLI's flags are %d, want that its launcher starts it once more", flags)
	}
}
