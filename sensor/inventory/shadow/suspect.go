// SPDX-License-Identifier: Apache-2.0

// This file weighs the evidence.

package shadow

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Process is what is known of one. Of its environment there are names, and values of none.
type Process struct {
	PID, Parent uint32
	User        string
	Program     string
	Argv        []string
	Env         []string // names of Names that it has
	Known       string   // agent of the catalogue that it is, or ""
	Session     string   // that it belongs to, or ""
	Talks       []uint32 // those of Servers whose input and output it holds the other ends of
	Hosts       []Host   // of models, that it is connected to
}

// marker is a name that agents put into the environment of what they start, or into their own.
type marker struct {
	name, agent string
	own         bool // it has it itself, and not only what it starts
}

var markers = []marker{
	{"AI_AGENT", "an agent", false}, {"AGENT", "an agent", true}, {"CLAUDECODE", "Claude Code", false}, {"CLAUDE_CODE_SESSION_ID", "Claude Code", false},
	{"CLAUDE_CODE_ENTRYPOINT", "Claude Code", false}, {"CODEX_CI", "Codex", false}, {"CODEX_THREAD_ID", "Codex", false}, {"CODEX_SESSION_ID", "Codex", false},
	{"GEMINI_CLI", "Gemini CLI", false}, {"COPILOT_AGENT_SESSION_ID", "Copilot CLI", false}, {"COPILOT_CLI", "Copilot CLI", false},
	{"OPENCODE", "OpenCode", true}, {"OPENCODE_PID", "OpenCode", true}, {"CURSOR_AGENT", "Cursor", false}, {"GOOSE_TERMINAL", "Goose", false},
}

// keys are names of what models are paid with. Many programs are no agents and have them.
var keys = []string{"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "MISTRAL_API_KEY", "OPENROUTER_API_KEY",
	"GROQ_API_KEY", "XAI_API_KEY", "DEEPSEEK_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"}

// Names lists the environment names that are looked for. Nothing else of an environment is read.
func Names() []string {
	out := slices.Clone(keys)
	for _, m := range markers {
		out = append(out, m.name)
	}
	return out
}

var unleashed = regexp.MustCompile(`^--(dangerously-skip-permissions|dangerously-bypass-approvals-and-sandbox|yolo|mcp-config|additional-mcp-config|permission-mode|allowedTools|allow-all-tools)(=|$)`)

var agentic = regexp.MustCompile(`(?i)(^|[-_./@])(claude|codex|gemini-cli|copilot|opencode|cursor-agent|goose|aider|crush|amp|cline|roo|continue|openhands|plandex|qwen-code|kimi|auto-?gpt|open-?interpreter)([-_./@0-9]|$)`)

// Weights of evidence. One strong piece is enough, or two weak ones of different kinds.
const (
	weak   = 1
	strong = 2
)

// Suspicion is what was found against one process.
type Suspicion struct {
	Process
	Agent    string // that it looks like
	Evidence []string
	Weight   int
}

// Suspects finds those among all processes of a machine. A process of a session, or of the catalogue, is none: it is known.
// commands are the command lines of connectors that settings name.
func Suspects(all []Process, commands [][]string) []Suspicion {
	byPID, served, children := pids(all), served(all), map[uint32][]*Process{}
	for i := range all {
		children[all[i].Parent] = append(children[all[i].Parent], &all[i])
	}
	var out []Suspicion
	for i := range all {
		p := &all[i]
		if known(p, byPID) {
			continue
		}
		s := Suspicion{Process: *p}
		s.fromTalk(p, byPID, served, commands)
		s.weigh(p, byPID[p.Parent], children[p.PID], commands)
		if s.Weight >= strong {
			out = append(out, s)
		}
	}
	return out
}

// depthMax bounds the walk to the ancestors.
const depthMax = 64

// known reports whether the process belongs to an agent that is known, itself or by descent.
func known(p *Process, byPID map[uint32]*Process) bool {
	for range depthMax {
		if p == nil {
			return false
		}
		if p.Known != "" || p.Session != "" {
			return true
		}
		if p.Parent == p.PID {
			return false
		}
		p = byPID[p.Parent]
	}
	return false
}

func (s *Suspicion) add(weight int, format string, args ...any) {
	s.Weight += weight
	s.Evidence = append(s.Evidence, fmt.Sprintf(format, args...))
}

func (s *Suspicion) weigh(p, parent *Process, children []*Process, commands [][]string) {
	s.fromEnvironment(p, parent, children)
	for _, c := range children {
		for _, line := range commands {
			if len(line) > 0 && sameLine(c.Argv, line) && !p.talks(c.PID) {
				s.add(strong, "it started the connector %s (process %d)", strings.Join(line, " "), c.PID)
			}
		}
	}
	s.fromHosts(p)
	for _, arg := range p.Argv {
		if unleashed.MatchString(arg) {
			option, _, _ := strings.Cut(arg, "=")
			s.add(weak, "its command line has %s", option)
			break
		}
	}
	if agentic.MatchString(p.Program) || len(p.Argv) > 1 && agentic.MatchString(p.Argv[1]) {
		s.add(weak, "its program is called like an agent's")
	}
	for _, k := range keys {
		if slices.Contains(p.Env, k) && s.Weight > 0 {
			s.add(weak, "its environment has %s", k)
			break
		}
	}
}

// fromEnvironment goes by markers. A marker that what it started has and it has not is its own doing; one that it has itself
// is, where it is one that agents give themselves and its parent has not.
func (s *Suspicion) fromEnvironment(p, parent *Process, children []*Process) {
	for _, m := range markers {
		has := slices.Contains(p.Env, m.name)
		switch {
		case m.own && has && (parent == nil || !slices.Contains(parent.Env, m.name)):
			s.marked(m, "it gave itself %s, as %s does", m.name, m.agent)
		case !has && !m.own:
			for _, c := range children {
				if slices.Contains(c.Env, m.name) {
					s.marked(m, "it gave process %[3]d %[1]s, as %[2]s does", m.name, m.agent, c.PID)
					break
				}
			}
		}
	}
}

func (s *Suspicion) marked(m marker, format string, args ...any) {
	weight := strong
	if m.name == "AGENT" {
		weight = weak // a word that others use
	}
	if s.Agent == "" && m.agent != "an agent" {
		s.Agent = m.agent
	}
	s.add(weight, format, args...)
}

// sameLine compares command lines. A script's has its interpreter before it.
func sameLine(is, configured []string) bool {
	if len(is) < len(configured) {
		return false
	}
	if len(is) > len(configured) {
		is = is[len(is)-len(configured):]
	}
	return path.Base(is[0]) == path.Base(configured[0]) && slices.Equal(is[1:], configured[1:])
}
