// SPDX-License-Identifier: Apache-2.0

package messages

// How a real agent is pointed at the server and kept from everything else.

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
