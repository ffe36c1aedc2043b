// SPDX-License-Identifier: Apache-2.0

// Package config reads what agents, connectors and packages are configured by: settings with hooks and permissions, lists of
// MCP servers, manifests of extensions and packages, and tools as servers describe them. It says what commands and texts are in
// them, and what is wrong by itself.
package config

import (
	"bytes"
	"context"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/reeve-sensor/reeve/sensor/scan/taint"
)

// Command is a command line that something runs.
type Command struct {
	Text   string
	Why    string // "hook SessionStart", "server x", "script postinstall"
	Auto   bool   // nobody is asked: hooks, install scripts
	Offset int
}

// Tool is a tool as a server describes it.
type Tool struct {
	Name   string
	About  string
	Texts  []string // descriptions of its parameters
	Offset int
}

// Fault is one thing that is wrong.
type Fault struct {
	Rule   string
	Seen   string
	Detail string
}

// Result is what a configuration holds.
type Result struct {
	Commands []Command
	Tools    []Tool
	Texts    []string // that agents get to read
	Faults   []Fault
	Servers  []string // names of MCP servers
	Packages []Package
	Package  Package // what the file itself is the manifest of
	Large    bool    // it has more values than a configuration has, and was not taken apart
}

// Package is a dependency, or the package itself.
type Package struct{ Registry, Name, Version string }

// reader collects.
type reader struct {
	Result
	data   []byte
	placed int
}

// Bounds: how deep objects are gone into; how many values a configuration has, since each costs a hundred bytes of memory, and
// most of a file of many is data, and a table of TOML is slower to read than its length says; how many of them are looked for in
// the text, to tell their lines.
const (
	maxNesting = 64
	maxValues  = 500_000
	maxTOML    = 20_000
	maxPlaced  = 1000
)

// Read reads a file of a language ("json", "toml"). ok says that it is one, and no larger than configurations are; in JSON
// comments and trailing commas are allowed. It ends early with its context.
func Read(ctx context.Context, lang, name string, data []byte) (Result, bool) {
	var doc any
	if n := values(data); n > maxValues || lang == "toml" && n > maxTOML {
		return Result{Large: true}, false
	}
	if lang == "toml" {
		var table map[string]any
		if toml.Unmarshal(data, &table) != nil {
			return Result{}, false
		}
		doc = table
	} else if json.Unmarshal(data, &doc) != nil && json.Unmarshal(relax(data), &doc) != nil {
		return Result{}, false
	}
	r := reader{data: data}
	r.walk(ctx, "", doc, 0)
	if m, ok := doc.(map[string]any); ok {
		r.top(path.Base(name), m)
	}
	return r.Result, true
}

// values is about how many values a text has, by the marks between them.
func values(data []byte) int {
	n := 0
	for _, c := range data {
		switch c {
		case ',', '[', '{', ':', '=', '.':
			n++
		}
	}
	return n
}

var (
	lineComment = regexp.MustCompile(`(?m)^\s*//.*$|,\s*//.*$`)
	lastComma   = regexp.MustCompile(`,(\s*[}\]])`)
)

// relax takes comments and trailing commas out.
func relax(data []byte) []byte {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	data = lineComment.ReplaceAllFunc(data, func(m []byte) []byte {
		if m[0] == ',' {
			return []byte(",")
		}
		return nil
	})
	return lastComma.ReplaceAll(data, []byte("$1"))
}

func (r *reader) offset(s string) int {
	quoted, err := json.Marshal(s)
	if err != nil || len(quoted) < 3 {
		return 0
	}
	if r.placed++; r.placed > maxPlaced {
		return 0
	}
	needle := quoted[1:min(len(quoted)-1, 40)]
	return max(0, bytes.Index(r.data, needle))
}

func (r *reader) command(text, why string, auto bool) {
	if strings.TrimSpace(text) != "" {
		r.Commands = append(r.Commands, Command{Text: text, Why: why, Auto: auto, Offset: r.offset(text)})
	}
}

func (r *reader) fault(rule, seen, detail string) {
	r.Faults = append(r.Faults, Fault{rule, seen, detail})
}

// walk looks at every object, wherever it stands.
func (r *reader) walk(ctx context.Context, key string, v any, depth int) {
	if ctx.Err() != nil {
		return
	}
	if depth > maxNesting {
		r.fault("CFG-NESTED", key, "objects nested deeper than anybody writes them")
		return
	}
	switch v := v.(type) {
	case map[string]any:
		r.object(key, v)
		for _, k := range sorted(v) {
			r.walk(ctx, k, v[k], depth+1)
		}
	case []any:
		for _, e := range v {
			r.walk(ctx, key, e, depth+1)
		}
	case string:
		if prose(key) && len(v) > 20 {
			r.Texts = append(r.Texts, v)
		}
	}
}

func sorted(m map[string]any) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// prose says that a key's text is written for an agent.
func prose(key string) bool {
	switch strings.ToLower(key) {
	case "description", "instructions", "prompt", "system_prompt", "systemprompt", "initialprompt", "text", "content", "message", "hint", "retry_hint", "note", "notes", "long_description", "system", "title", "summary", "guidance", "default":
		return true
	}
	return false
}

func text(m map[string]any, key string) string {
	s, _ := m[key].(string)
	return s
}

func (r *reader) object(key string, m map[string]any) {
	r.tool(m)
	r.server(key, m)
	if hooks, ok := m["hooks"].(map[string]any); ok {
		for _, event := range sorted(hooks) {
			r.hooks(event, hooks[event], 0)
		}
	}
	if p, ok := m["permissions"].(map[string]any); ok {
		r.permissions(p)
	}
	for _, k := range sorted(m) {
		r.setting(k, m[k])
	}
}

// tool reads a tool's description: MCP's, and the forms of functions of other APIs.
func (r *reader) tool(m map[string]any) {
	schema := m["inputSchema"]
	for _, k := range []string{"input_schema", "parameters", "arguments"} {
		if schema == nil {
			schema = m[k]
		}
	}
	name, about := text(m, "name"), text(m, "description")
	if name == "" || about == "" && schema == nil {
		return
	}
	if schema == nil && len(about) < 4 {
		return
	}
	t := Tool{Name: name, About: about, Offset: r.offset(about)}
	collect(schema, &t.Texts, 0)
	r.Tools = append(r.Tools, t)
}

// collect gathers every text in a schema: names too, since they are read.
func collect(v any, list *[]string, depth int) {
	if depth > maxNesting {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range sorted(v) {
			collect(v[k], list, depth+1)
		}
	case []any:
		for _, e := range v {
			collect(e, list, depth+1)
		}
	case string:
		if len(v) > 12 {
			*list = append(*list, v)
		}
	}
}

func words(v any) []string {
	var list []string
	if a, ok := v.([]any); ok {
		for _, e := range a {
			if s, ok := e.(string); ok {
				list = append(list, s)
			}
		}
	}
	return list
}

// server reads an entry of a list of MCP servers.
func (r *reader) server(key string, m map[string]any) {
	command := text(m, "command")
	args := words(m["args"])
	if a := words(m["command"]); command == "" && len(a) > 0 {
		command, args = a[0], append(a[1:], args...)
	}
	env, _ := m["env"].(map[string]any)
	if url := text(m, "url"); url != "" && key != "" {
		r.remote(key, url)
	}
	if command == "" || m["args"] == nil && env == nil && m["type"] != "stdio" {
		return
	}
	r.Servers = append(r.Servers, key)
	line := []string{command}
	for _, a := range args {
		line = append(line, quote(a))
	}
	r.command(strings.Join(line, " "), "server "+key, true)
	r.Commands[len(r.Commands)-1].Offset = r.offset(command)
	for _, a := range args {
		if strings.ContainsAny(a, ";|`") && strings.Contains(a, " ") && !strings.Contains(command, "sh") {
			r.command(a, "argument of server "+key, true)
			r.fault("CFG-ARGUMENT", a, "an argument that is a command line")
		}
		if a == "/" || a == "~" || a == "$HOME" || a == "C:\\" {
			r.fault("CFG-WIDE", a, "the whole file system, or a home")
		}
	}
	r.environment(env)
}

// quote writes an argument as a shell reads it.
func quote(s string) string {
	if strings.ContainsAny(s, " |;&<>()$`\"'\\*?\n") {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

func (r *reader) remote(key, url string) {
	if strings.HasPrefix(url, "http://") && !taint.OfText(url).Has(taint.LocalAddress) {
		r.fault("CFG-PLAIN-HTTP", url, "server "+key+" is talked to without encryption")
	}
}

// environment judges variables that change which code is run.
func (r *reader) environment(env map[string]any) {
	for _, k := range sorted(env) {
		v, _ := env[k].(string)
		switch {
		case k == "LD_PRELOAD" || k == "DYLD_INSERT_LIBRARIES" || k == "PYTHONSTARTUP" || k == "NODE_OPTIONS" && strings.Contains(v, "require") || k == "BASH_ENV" || k == "PYTHONPATH" && strings.HasPrefix(v, "/tmp"):
			r.fault("CFG-INJECT", k+"="+v, "other code is loaded into the program")
		case k == "PATH" && (strings.HasPrefix(v, "/tmp") || strings.Contains(v, ":/tmp")):
			r.fault("CFG-INJECT", k+"="+v, "programs are taken from a folder that anybody writes to")
		case (k == "ANTHROPIC_BASE_URL" || k == "OPENAI_BASE_URL" || k == "OPENAI_API_BASE") && !taint.OfText(v).Has(taint.LocalAddress) && !strings.Contains(v, "$") && !strings.Contains(v, "anthropic.com") && !strings.Contains(v, "openai.com"):
			r.fault("CFG-BASE-URL", k+"="+v, "everything that is said to the agent goes by way of this address")
		case k == "NODE_TLS_REJECT_UNAUTHORIZED" && v == "0" || k == "PYTHONHTTPSVERIFY" && v == "0":
			r.fault("CFG-NO-TLS", k+"="+v, "anybody on the way can read and change what is sent")
		}
	}
}

// hooks reads the commands of an event, in every form in which they are written.
func (r *reader) hooks(event string, v any, depth int) {
	if depth > 8 {
		return
	}
	switch v := v.(type) {
	case string:
		r.command(v, "hook "+event, true)
	case []any:
		for _, e := range v {
			r.hooks(event, e, depth+1)
		}
	case map[string]any:
		for _, k := range []string{"command", "hook", "run", "bash", "script"} {
			if s := text(v, k); s != "" {
				r.command(s, "hook "+event, true)
			}
		}
		if inner, ok := v["hooks"]; ok {
			r.hooks(event, inner, depth+1)
		}
	}
}

var (
	wideAllow  = regexp.MustCompile(`^(?:\*|Bash|Bash\(\*(?::\*)?\)|Write\((?:\*|/\*+|~/\*+|//\*\*)\)|Edit\((?:\*|/\*+)\)|Bash\((?:sudo|python[0-9.]*|node|bash|sh|ssh|nc|curl|wget|eval)\b[^)]*\*?\)|mcp__\*)$`)
	worseAllow = regexp.MustCompile(`(?i)^(?:Bash\((?:nc|ncat|sudo|rm -rf|curl[^)]*\|)|Write\([^)]*(?:\.ssh|\.bashrc|\.zshrc|/etc/)|Read\([^)]*(?:\.ssh/id|\.aws/cred|/etc/shadow))`)
)

func (r *reader) permissions(p map[string]any) {
	if text(p, "defaultMode") == "bypassPermissions" {
		r.fault("CFG-BYPASS", "defaultMode: bypassPermissions", "nobody is asked before anything is done")
	}
	for _, a := range words(p["allow"]) {
		switch {
		case worseAllow.MatchString(a):
			r.fault("CFG-ALLOW-BAD", a, "allowed without a question")
		case wideAllow.MatchString(a):
			r.fault("CFG-ALLOW-WIDE", a, "allowed without a question, whatever it is")
		}
	}
}

// setting judges single settings.
func (r *reader) setting(k string, v any) {
	b, _ := v.(bool)
	s, _ := v.(string)
	switch k {
	case "dangerouslyDisableSandbox", "dangerouslySkipPermissions", "autoApproveAll", "yolo", "bypassPermissions", "skipDangerousModePermissionPrompt":
		if b {
			r.fault("CFG-BYPASS", k, "nobody is asked before anything is done")
		}
	case "enableAllProjectMcpServers":
		if b {
			r.fault("CFG-ALL-SERVERS", k, "every server that a project names is started")
		}
	case "approval_policy", "approvalMode":
		if s == "never" || s == "yolo" {
			r.fault("CFG-BYPASS", k+": "+s, "nobody is asked before anything is done")
		}
	case "autoApprove", "alwaysAllow":
		for _, a := range words(v) {
			if a == "*" {
				r.fault("CFG-ALLOW-WIDE", k+": *", "every tool of the server, without a question")
			}
		}
	case "javascriptFunction", "evalCode", "customFunction":
		if strings.Contains(s, "require(") || strings.Contains(s, "child_process") || strings.Contains(s, "import(") {
			r.fault("CFG-CODE", s, "code in a value that a server runs")
		}
	case "apiKeyHelper", "awsAuthRefresh", "statusLine":
		if s != "" {
			r.command(s, "setting "+k, true)
		}
	case "auto_invoke", "autoInvoke":
		if b {
			r.fault("CFG-AUTO-INVOKE", k, "a tool that runs without being called")
		}
	}
}

// installScripts are run by npm without a question.
var installScripts = []string{"preinstall", "install", "postinstall", "prepare", "prepublish", "preprepare", "postprepare"}

// top reads what only the file's own top says: a package's manifest.
func (r *reader) top(base string, m map[string]any) {
	if base != "package.json" {
		return
	}
	r.Package = Package{"npm", text(m, "name"), text(m, "version")}
	if s, ok := m["scripts"].(map[string]any); ok {
		for _, k := range sorted(s) {
			if line, ok := s[k].(string); ok {
				r.command(line, "script "+k, slices.Contains(installScripts, k))
			}
		}
	}
	for _, k := range []string{"dependencies", "devDependencies", "optionalDependencies", "peerDependencies"} {
		if d, ok := m[k].(map[string]any); ok {
			for _, name := range sorted(d) {
				v, _ := d[name].(string)
				r.Packages = append(r.Packages, Package{"npm", name, v})
			}
		}
	}
}
