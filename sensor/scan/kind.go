// SPDX-License-Identifier: Apache-2.0

// This file says what a file is by its name, and how much its words weigh there.

package scan

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
)

// fileKind is how a file is read.
type fileKind struct {
	lang  string // "" is prose
	place finding.Place
	lock  bool // a list that tools write: hashes, no text
}

// byExtension is the language of each ending.
var byExtension = map[string]string{
	".md": "markdown", ".mdx": "markdown", ".markdown": "markdown", ".mdc": "markdown", ".rst": "markdown",
	".py": "python", ".pyw": "python", ".pyi": "python", ".pth": "python",
	".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".ts": "javascript", ".tsx": "javascript", ".jsx": "javascript", ".mts": "javascript", ".cts": "javascript", ".vue": "javascript", ".svelte": "javascript",
	".sh": "sh", ".bash": "sh", ".zsh": "sh", ".command": "sh", ".ksh": "sh", ".fish": "sh", ".bats": "sh",
	".json": "json", ".jsonc": "json", ".json5": "json", ".ipynb": "notebook", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".ini": "yaml", ".cfg": "yaml", ".conf": "yaml", ".env": "yaml",
	".html": "html", ".htm": "html", ".svg": "html", ".xml": "html", ".xhtml": "html", ".rels": "html", ".plist": "html",
	".ps1": "powershell", ".psm1": "powershell", ".psd1": "powershell", ".bat": "batch", ".cmd": "batch", ".vbs": "vbscript", ".php": "php", ".rb": "ruby", ".pl": "perl", ".go": "go", ".rs": "rust", ".java": "java", ".kt": "kotlin", ".cs": "csharp",
	".c": "c", ".h": "c", ".cpp": "cpp", ".swift": "swift", ".lua": "lua", ".r": "r", ".scala": "scala", ".applescript": "applescript", ".scpt": "applescript", ".css": "css", ".scss": "css", ".sql": "sql", ".tf": "terraform",
}

// byName is the language of files without an ending.
var byName = map[string]string{
	"Dockerfile": "dockerfile", "Containerfile": "dockerfile", "Makefile": "makefile", "makefile": "makefile", "justfile": "makefile", "Rakefile": "ruby", "Gemfile": "ruby",
	".bashrc": "sh", ".zshrc": "sh", ".profile": "sh", ".bash_profile": "sh", ".envrc": "sh", ".cursorrules": "markdown", ".windsurfrules": "markdown", ".clinerules": "markdown", "SKILL": "markdown", ".env": "yaml",
}

var locks = map[string]bool{"package-lock.json": true, "yarn.lock": true, "pnpm-lock.yaml": true, "uv.lock": true, "poetry.lock": true, "Cargo.lock": true, "go.sum": true, "Gemfile.lock": true, "composer.lock": true, "npm-shrinkwrap.json": true, "Pipfile.lock": true, "bun.lock": true, "deno.lock": true}

// instructions are documents that agents are told to follow.
var instructions = regexp.MustCompile(`(?i)(?:^|/)(?:SKILL\.md|SKILL|AGENTS?\.md|CLAUDE(?:\.local)?\.md|GEMINI\.md|copilot-instructions\.md|\.cursorrules|\.windsurfrules|\.clinerules|[^/]+\.mdc|[^/]+\.(?:prompt|instructions|agent|chatmode)\.md)$|(?:^|/)(?:commands|agents|prompts|rules|output-styles)/[^/]+\.md$`)

// tests are folders and names of what is there to try the thing out.
var tests = regexp.MustCompile(`(?i)(?:^|/)(?:tests?|__tests__|testdata|fixtures?|spec|specs|__mocks__|mocks)/|(?:^|/)(?:test_[^/]+|[^/]+_test|[^/]+\.(?:test|spec))\.\w+$|(?:^|/)conftest\.py$`)

// explains are documents about the thing, and not to the agent.
var explains = regexp.MustCompile(`(?i)(?:^|/)(?:README|CHANGELOG|CHANGES|LICENSE|LICENCE|COPYING|NOTICE|SECURITY|CONTRIBUTING|CODE_OF_CONDUCT|HISTORY|AUTHORS)[^/]*$`)

// classify decides by name, and where that says nothing by the first bytes.
func classify(name string, data []byte) fileKind {
	if at := strings.LastIndexByte(name, '!'); at >= 0 {
		name = name[at+1:]
	}
	base := path.Base(name)
	k := fileKind{lock: locks[base]}
	lang, ok := byName[base]
	if !ok {
		lang, ok = byExtension[strings.ToLower(path.Ext(base))]
	}
	if !ok {
		lang = byContent(base, data)
	}
	k.lang = lang
	switch {
	case instructions.MatchString(name):
		k.place = finding.Instruction
		if k.lang == "" {
			k.lang = "markdown"
		}
	case tests.MatchString(name):
		k.place = finding.Test
	case lang == "markdown" || lang == "" || lang == "html" || explains.MatchString(name):
		k.place = finding.Document
	default:
		k.place = finding.Code
	}
	return k
}

var interpreter = regexp.MustCompile(`^#![^\n]*?\b(python|node|deno|bun|bash|zsh|sh|ksh|ruby|perl|php|pwsh|osascript)`)

func byContent(base string, data []byte) string {
	if m := interpreter.FindSubmatch(data[:min(len(data), 200)]); m != nil {
		switch lang := string(m[1]); lang {
		case "node", "deno", "bun":
			return "javascript"
		case "bash", "zsh", "sh", "ksh":
			return "sh"
		case "pwsh":
			return "powershell"
		default:
			return lang
		}
	}
	if strings.HasPrefix(base, "Dockerfile") || strings.HasSuffix(base, ".dockerfile") {
		return "dockerfile"
	}
	if trimmed := bytes.TrimSpace(data[:min(len(data), 512)]); len(trimmed) > 1 && trimmed[0] == '{' && (trimmed[1] == '"' || trimmed[1] == '\n' || trimmed[1] == '\r') {
		return "json"
	}
	return ""
}

// requirement is a package in a list of requirements, or in a project's table of dependencies.
var requirement = regexp.MustCompile(`^\s*"?([A-Za-z0-9][A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*(?:[=<>~!]=?|$|",?$)`)
