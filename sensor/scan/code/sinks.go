// SPDX-License-Identifier: Apache-2.0

// This file judges calls by what reaches them.

package code

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/taint"
)

// act notes what a function does.
func (f *flow) act(fn int, a taint.Act) {
	if fn < 0 {
		f.acts |= a
		return
	}
	f.funcs[fn].acts |= a
}

// judge tells what a call does that somebody should know.
func (f *flow) judge(c call, m meaning, args []argument) {
	bodies := c.all &^ f.headers(args)
	switch role := f.roleOf(c, m, args); role {
	case reads:
		f.judgeRead(c)
	case fetches:
		f.act(c.fn, taint.Network)
		f.judgeFetch(c, args)
	case sends:
		f.act(c.fn, taint.Network|taint.Sends)
		f.judgeSend(c, bodies, args)
	case links:
		f.act(c.fn, taint.Network)
		f.judgeLink(c)
	case evals, revives, imports:
		f.act(c.fn, taint.Executes)
		f.judgeEval(c, role, args)
	case shells, spawns:
		f.act(c.fn, taint.Executes)
		f.judgeShell(c, role, args)
	case writes:
		f.act(c.fn, taint.Writes)
		f.judgeWrite(c)
	case removes:
		f.act(c.fn, taint.Deletes)
		f.param(c, "COD-DELETE-PARAM", "removes a file that the caller names")
		f.traces(c)
		f.destroys(c)
	case modes:
		f.judgeMode(c, args)
	case extracts:
		if !c.kw["filter"].Has(^taint.Label(0)) && !f.mentions(args, "filter") {
			f.tell("COD-EXTRACT", c.first, "unpacks without a look at names and sizes")
			f.param(c, "COD-EXTRACT-PARAM", "unpacks what the caller names, without a look at names and sizes")
		}
	case queries, renders:
		f.judgeQuery(c, role, args)
	case probes:
		if c.full == "ipaddress.ip_network" && !f.imports["requests"] && !f.imports["socket"] && !f.imports["httpx"] {
			return
		}
		f.act(c.fn, taint.Network)
		f.tell("COD-PORTSCAN", c.first, "asks which hosts or ports are there")
	case evades:
		f.judgeEvasion(c)
	case watches:
		f.act(c.fn, taint.Watches)
		f.tell("COD-WATCH", c.first, "watches keys, clipboard, screen, camera or browser")
	}
	f.environmentAll(c)
	f.ransom(c)
}

// roleOf adds what only the arguments say.
func (f *flow) roleOf(c call, m meaning, args []argument) role {
	switch c.full {
	case "fetch", "axios", "requests.request", "httpx.request", "request", "urllib.request.urlopen", "urllib2.urlopen", "https.request", "http.request", "got", "urllib.request.Request", "node-fetch", "undici.request":
		if f.uploads(c, args) {
			return sends
		}
		if c.full != "urllib.request.Request" {
			return fetches
		}
		return passes
	case "Function":
		return evals
	case "open", "io.open":
		if f.mode(args) {
			return writes
		}
	case "setTimeout", "setInterval":
		return passes
	case "compile":
		if f.python {
			return evals
		}
	}
	if strings.HasSuffix(c.full, ".constructor.constructor") {
		return evals
	}
	return m.role
}

// uploads says that a request has a body.
func (f *flow) uploads(c call, args []argument) bool {
	for _, kw := range []string{"data", "json", "files", "body", "content"} {
		if _, ok := c.kw[kw]; ok {
			return true
		}
	}
	if f.python && strings.HasPrefix(c.full, "urllib") && len(c.args) > 1 {
		return true
	}
	if f.python {
		return f.mentions(args, "POST")
	}
	for _, a := range args {
		for i := a.from; i < a.to; i++ {
			if w := f.word(i); (w == "body" || w == "data") && f.is(i+1, ":") {
				return true
			}
			if f.toks[i].kind == str && (f.toks[i].text == "POST" || f.toks[i].text == "PUT") {
				return true
			}
		}
	}
	return false
}

// mode says that a file is opened to be written.
func (f *flow) mode(args []argument) bool {
	for n, a := range args {
		if (n == 1 && a.name == "" || a.name == "mode") && f.toks[a.from].kind == str && strings.ContainsAny(f.toks[a.from].text, "wax+") {
			return true
		}
	}
	return false
}

func (f *flow) mentions(args []argument, text string) bool {
	for _, a := range args {
		for i := a.from; i < a.to; i++ {
			if f.toks[i].text == text || a.name == text {
				return true
			}
		}
	}
	return false
}

// headers is what is only in a request's headers or its authorisation: that is where keys belong.
func (f *flow) headers(args []argument) taint.Label {
	inside, outside := taint.Label(0), taint.Label(0)
	for _, a := range args {
		if a.name == "headers" || a.name == "auth" || a.name == "cookies" {
			inside |= f.expr(a.from, a.to)
			continue
		}
		rest := a.from
		for i := a.from; i < a.to; i++ {
			if w := f.word(i); (w == "headers" || w == "auth") && f.is(i+1, ":") && f.is(i+2, "{") && f.pair[i+2] > 0 {
				inside |= f.expr(i+2, f.pair[i+2])
				outside |= f.expr(rest, i)
				rest = f.pair[i+2]
				i = rest
			} else if w == "headers" {
				inside |= f.get(f.in[i], "headers")
				outside |= f.expr(rest, i)
				rest = i + 1
			}
		}
		outside |= f.expr(rest, a.to)
	}
	return inside &^ outside
}

func (f *flow) judgeRead(c call) {
	path := c.all
	if len(c.args) > 0 {
		path = c.args[0] | c.self
	} else {
		path |= c.self
	}
	switch {
	case path.Has(taint.SecretPath):
		f.act(c.fn, taint.ReadsSecret)
		f.tell("COD-SECRET-READ", c.first, "reads a file with credentials")
	case path.Has(taint.SystemPath) && f.inTool(c.fn):
		f.tell("COD-SYSTEM-TOOL", c.first, "a tool reads files about the system or its users")
	case path.Has(taint.SystemPath):
		f.tell("COD-SYSTEM-READ", c.first, "reads a file about the system or its users")
	case path.Has(taint.History):
		f.tell("COD-WATCH", c.first, "reads what the user did")
	case path.Has(taint.Param) && f.inTool(c.fn) && !f.guarded(c.fn):
		f.tell("COD-PATH-PARAM", c.first, "reads any file that the caller names")
	}
	f.act(c.fn, taint.ReadsFile)
}

func (f *flow) judgeFetch(c call, args []argument) {
	switch {
	case c.all.Has(taint.Metadata):
		f.tell("COD-METADATA", c.first, "asks the cloud for credentials")
	case c.all.Has(taint.SecretPath):
		f.tell("COD-SECRET-READ", c.first, "reads a file with credentials by its address")
	case c.all.Has(taint.Secret | taint.EnvAll | taint.Watched):
		f.judgeSend(c, c.all, args)
		return
	case len(c.args) > 0 && c.args[0].Has(taint.Param) && !c.args[0].Has(taint.Address|taint.LocalAddress) && f.inTool(c.fn) && !f.guarded(c.fn) && f.bare(args):
		f.tell("COD-SSRF", c.first, "fetches any address that the caller names")
	}
	f.silent(c, args)
}

// bare says that the address is the caller's from its beginning.
func (f *flow) bare(args []argument) bool {
	if len(args) == 0 {
		return false
	}
	t := f.toks[args[0].from]
	if t.kind == str {
		return strings.HasPrefix(t.text, "{}") || strings.HasPrefix(t.text, "http://{}") || strings.HasPrefix(t.text, "https://{}")
	}
	return t.kind == name
}

func (f *flow) judgeSend(c call, what taint.Label, args []argument) {
	if c.all.Has(taint.LocalAddress) && !c.all.Has(taint.Address) {
		return
	}
	detail := what.String() + " goes to the network"
	switch {
	case what.Has(taint.Secret):
		f.tell("COD-SECRET-SENT", c.first, detail)
	case what.Has(taint.EnvAll):
		f.tell("COD-ENV-SENT", c.first, detail)
	case what.Has(taint.Watched | taint.History):
		f.tell("COD-WATCH-SENT", c.first, detail)
	case what.Has(taint.System):
		f.tell("COD-SYSTEM-SENT", c.first, detail)
	case what.Has(taint.EnvSecret) && f.fixed(args) && !what.Has(taint.Param):
		f.tell("COD-KEY-SENT", c.first, detail)
	case what.Has(taint.Host):
		f.tell("COD-HOST-SENT", c.first, detail)
	case what.Has(taint.File) && what.Has(taint.Bulk):
		f.tell("COD-BULK-SENT", c.first, "the contents of whichever files there are go to the network")
	case what.Has(taint.File):
		f.tell("COD-FILE-SENT", c.first, detail)
	case what.Has(taint.Param) && f.inTool(c.fn) && f.fixed(args):
		f.tell("COD-INPUT-SENT", c.first, "what the tool is given goes to a fixed address")
	}
	if what.Has(taint.EnvSecret) {
		f.elsewhere(c, args)
	}
	f.silent(c, args)
	f.blindCopy(c, args)
}

// services are whose keys everybody has, and what the addresses are called that they belong to.
var services = map[string]string{"ANTHROPIC_API_KEY": "anthropic", "OPENAI_API_KEY": "openai", "GITHUB_TOKEN": "github", "GH_TOKEN": "github", "AWS_SECRET_ACCESS_KEY": "amazonaws",
	"NPM_TOKEN": "npm", "SLACK_BOT_TOKEN": "slack", "STRIPE_SECRET_KEY": "stripe", "GITLAB_TOKEN": "gitlab", "GEMINI_API_KEY": "google", "HF_TOKEN": "huggingface"}

// elsewhere finds a key in what is sent to another service than its own.
func (f *flow) elsewhere(c call, args []argument) {
	if len(args) == 0 {
		return
	}
	t := f.toks[args[0].from]
	address := t.text
	if t.kind == name {
		address = f.value(f.in[args[0].from], t.text)
	}
	if !f.of(address).Has(taint.Address) {
		return
	}
	f.steps += len(f.toks) / wholes
	for _, t := range f.toks {
		if own, ok := services[t.text]; ok && !strings.Contains(address, own) {
			f.tell("COD-KEY-ELSEWHERE", c.first, t.text+" may be in what goes to another service")
			return
		}
	}
}

// fixed says that the address stands in the program.
func (f *flow) fixed(args []argument) bool {
	for _, a := range args {
		if a.name != "" && a.name != "url" && a.name != "host" {
			continue
		}
		t := f.toks[a.from]
		if t.kind == str && f.of(t.text).Has(taint.Address) {
			return true
		}
		if t.kind == name && f.of(f.value(f.in[a.from], t.text)).Has(taint.Address) {
			return true
		}
		if f.expr(a.from, a.to).Has(taint.Address) {
			return true
		}
	}
	return false
}

// silent finds what is sent where neither answer nor failure matters: nobody is meant to notice.
func (f *flow) silent(c call, args []argument) {
	if !f.fixed(args) || !f.swallowed(c.first) {
		return
	}
	begin := f.statement(c.first)
	if f.word(begin) == "await" {
		begin++
	}
	if begin == c.first {
		f.tell("COD-SILENT-SEND", c.first, "a request whose answer and whose failure nobody looks at")
	}
}

// blindCopy finds mail that somebody else gets too.
func (f *flow) blindCopy(c call, args []argument) {
	for _, a := range args {
		for i := a.from; i < a.to; i++ {
			if w := strings.ToLower(f.toks[i].text); w == "bcc" && (f.is(i+1, ":") || f.is(i+1, "=")) && i+2 < len(f.toks) && f.toks[i+2].kind == str && strings.Contains(f.toks[i+2].text, "@") {
				f.tell("COD-BLIND-COPY", i, "every message goes to a fixed address too")
			}
		}
	}
}

func (f *flow) judgeLink(c call) {
	fn := c.fn
	f.steps += len(f.toks) / wholes
	for i, t := range f.toks {
		if f.in[i] != fn && fn >= 0 {
			continue
		}
		if t.kind == name && (t.text == "dup2" || t.text == "pipe") || t.kind == str && (strings.Contains(t.text, "/bin/sh") || strings.Contains(t.text, "/bin/bash") || t.text == "cmd.exe") {
			f.tell("COD-REVERSE", c.first, "a connection and a shell in one function")
			return
		}
	}
	if f.python && f.imports["socket"] && (f.used(fn, "shell") || f.used(fn, "Popen") || f.used(fn, "check_output")) && f.used(fn, "recv") {
		f.tell("COD-REVERSE", c.first, "commands that come over a connection are run")
	}
	if f.imports["socket"] && f.constantHost(c) && f.used(fn, "send") {
		f.tell("COD-RAW-SEND", c.first, "a connection to a fixed host, beside all protocols")
	}
}

func (f *flow) used(fn int, word string) bool {
	f.steps += len(f.toks) / wholes
	for i, t := range f.toks {
		if (f.in[i] == fn || fn < 0) && t.kind == name && t.text == word {
			return true
		}
	}
	return false
}

var hostName = regexp.MustCompile(`^(?:[a-z0-9-]+\.)+[a-z]{2,}$|^\d+\.\d+\.\d+\.\d+$`)

func (f *flow) constantHost(c call) bool {
	for i := c.open; i < f.pair[c.open]; i++ {
		if f.toks[i].kind == str && hostName.MatchString(f.toks[i].text) && !strings.HasPrefix(f.toks[i].text, "127.") && f.toks[i].text != "0.0.0.0" && f.toks[i].text != "8.8.8.8" && f.toks[i].text != "1.1.1.1" {
			return true
		}
	}
	return false
}

func (f *flow) judgeEval(c call, r role, args []argument) {
	what := c.all
	if r == evals && len(c.args) > 0 && c.full != "Function" {
		what = c.args[0]
	}
	if r == revives && (c.kw["Loader"] != 0 || f.mentions(args, "SafeLoader") || f.mentions(args, "CSafeLoader") || f.mentions(args, "BaseLoader")) {
		return
	}
	unsafe := r != revives || !strings.HasPrefix(c.full, "js-yaml") && !strings.HasPrefix(c.full, "torch") && !strings.HasPrefix(c.full, "shelve")
	switch {
	case what.Has(taint.Remote) && (r != revives || unsafe):
		f.tell("COD-REMOTE-EXEC", c.first, "what comes from the network is run as code")
	case what.Has(taint.Decoded) && r != imports:
		f.tell("COD-DECODED-EXEC", c.first, "what is decoded is run as code")
	case what.Has(taint.Param) && f.inTool(c.fn):
		f.tell(map[role]string{evals: "COD-EVAL-PARAM", revives: "COD-REVIVE-PARAM", imports: "COD-IMPORT-PARAM"}[r], c.first, "what the caller gives is run as code")
	case r == revives && unsafe && strings.Contains(c.full, "pickle"):
		f.tell("COD-PICKLE", c.first, "objects are made of data")
	case r == evals && !f.constantArg(args) && c.full != "compile" && !strings.HasPrefix(c.full, "types."):
		f.tell("COD-EVAL", c.first, "code that is put together is run")
	case r == evals && f.constantArg(args) && f.toks[args[0].from].kind == str:
		f.inner(args[0].from, "", true)
	}
}

func (f *flow) constantArg(args []argument) bool {
	return len(args) > 0 && f.toks[args[0].from].kind == str && len(f.toks[args[0].from].parts) == 0
}

func (f *flow) judgeShell(c call, r role, args []argument) {
	line, constant := f.commandLine(args)
	if line != "" {
		f.inner(c.first, line, true)
	}
	shell := r == shells || f.mentions(args, "shell") && (c.kw["shell"] != 0 || f.shellTrue(args)) || strings.Contains(line, " -c ")
	what := c.all
	if len(c.args) > 0 {
		what = c.args[0]
	}
	switch {
	case what.Has(taint.Remote):
		f.tell("COD-REMOTE-EXEC", c.first, "what comes from the network is run as a command")
	case what.Has(taint.Decoded):
		f.tell("COD-DECODED-EXEC", c.first, "what is decoded is run as a command")
	case shell && what.Has(taint.Param) && f.inTool(c.fn) && !constant:
		f.tell("COD-SHELL-PARAM", c.first, "what the caller gives becomes part of a command line")
	case shell && !constant:
		f.tell("COD-SHELL", c.first, "a command line that is put together")
	case what.Has(taint.Param) && f.inTool(c.fn) && strings.HasPrefix(strings.TrimSpace(line), "…"):
		f.tell("COD-SHELL-PARAM", c.first, "runs the program that the caller names")
	}
	if f.mentions(args, "DEVNULL") && (f.mentions(args, "start_new_session") || strings.Contains(line, "nohup") || strings.Contains(line, "setsid")) || f.mentions(args, "detached") && f.mentions(args, "ignore") {
		f.tell("COD-DETACHED", c.first, "a program that goes on alone, and says nothing")
	}
}

func (f *flow) shellTrue(args []argument) bool {
	for _, a := range args {
		if a.name == "shell" && f.word(a.from) == "True" {
			return true
		}
		for i := a.from; i < a.to; i++ {
			if f.word(i) == "shell" && f.is(i+1, ":") && f.word(i+2) == "true" {
				return true
			}
		}
	}
	return false
}

// commandLine is the words of a command as far as they stand in the program; the rest is "…".
func (f *flow) commandLine(args []argument) (line string, constant bool) {
	if len(args) == 0 {
		return "", false
	}
	a := args[0]
	constant = true
	var words []string
	add := func(s string, holes bool) {
		constant = constant && !holes
		words = append(words, strings.ReplaceAll(s, "{}", "…"))
	}
	for i := a.from; i < a.to; i++ {
		switch t := f.toks[i]; {
		case t.kind == str:
			s := t.text
			if f.is(a.from, "[") && (strings.ContainsAny(s, " |;&<>") || s == "") {
				s = "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
			}
			add(s, len(t.parts) > 0)
		case t.kind == name && !f.is(i-1, "."):
			if v := f.value(f.in[i], t.text); v != "" {
				add(v, strings.Contains(v, "{}"))
				continue
			}
			if !f.is(i+1, ".") || f.is(i+1, "[") {
				add("…", true)
			}
		}
	}
	if !f.python && len(args) > 1 && f.is(args[1].from, "[") { // spawn(program, [arguments])
		more, c := f.commandLine(args[1:2])
		return strings.Join(words, " ") + " " + more, constant && c
	}
	return strings.Join(words, " "), constant
}

func (f *flow) judgeWrite(c call) {
	path := c.self
	switch {
	case strings.HasSuffix(c.full, ".write") || strings.HasSuffix(c.full, ".writelines") || strings.HasSuffix(c.full, ".write_text") || strings.HasSuffix(c.full, ".write_bytes"):
	case strings.HasSuffix(c.full, ".dump") && len(c.args) > 1:
		path = c.args[1]
	case strings.HasSuffix(c.full, ".move") || strings.HasSuffix(c.full, ".copyfileobj") || strings.HasSuffix(c.full, ".replace") || strings.HasSuffix(c.full, ".rename"):
		path |= c.all
	case len(c.args) > 0:
		path |= c.args[0]
	}
	switch {
	case path.Has(taint.PersistPath):
		f.act(c.fn, taint.Persists)
		f.tell("COD-PERSIST", c.first, "writes where it is executed later")
	case path.Has(taint.SystemPath):
		f.tell("COD-SYSTEM-WRITE", c.first, "writes a file of the system")
	case path.Has(taint.SecretPath):
		f.tell("COD-SECRET-WRITE", c.first, "writes a file with credentials")
	case path.Has(taint.Param) && f.inTool(c.fn) && !f.guarded(c.fn) && (c.full == "open" || strings.HasSuffix(c.full, "writeFileSync") || strings.HasSuffix(c.full, "writeFile") || strings.HasSuffix(c.full, ".move") || strings.HasSuffix(c.full, ".symlink") || strings.HasSuffix(c.full, ".rename")):
		f.tell("COD-WRITE-PARAM", c.first, "writes any file that the caller names")
	}
	for i := c.open; i < f.pair[c.open]; i++ {
		if t := f.toks[i]; t.kind == str && strings.Contains(t.text, "/.") && f.of(t.text).Has(taint.Temp) && hiddenName.MatchString(t.text) {
			f.tell("COD-HIDDEN-FILE", c.first, "a hidden file in a public folder")
		}
	}
}

var hiddenName = regexp.MustCompile(`(?:/tmp|/var/tmp|/dev/shm)/\.[a-z]`)

func (f *flow) judgeMode(c call, args []argument) {
	f.param(c, "COD-MODE-PARAM", "changes the rights of a file that the caller names")
	for _, a := range args {
		for i := a.from; i < a.to; i++ {
			if n, err := strconv.ParseInt(strings.TrimPrefix(strings.TrimPrefix(f.toks[i].text, "0o"), "0"), 8, 32); f.toks[i].kind == number && err == nil && n&0o6000 != 0 {
				f.tell("COD-SETUID", c.first, "a program that runs with its owner's rights")
			}
		}
	}
	if strings.HasSuffix(c.full, "setuid") || strings.HasSuffix(c.full, "setgid") {
		f.tell("COD-SETUID", c.first, "changes whose rights it has")
	}
}

// param tells a rule where the caller of a tool decides.
func (f *flow) param(c call, rule, detail string) {
	if (c.all | c.self).Has(taint.Param) && f.inTool(c.fn) && !f.guarded(c.fn) {
		f.tell(rule, c.first, detail)
	}
}

func (f *flow) traces(c call) {
	if c.all.Has(taint.History) || c.all.Has(taint.SystemPath) {
		f.tell("COD-EVASION", c.first, "removes traces")
	}
}

func (f *flow) judgeQuery(c call, r role, args []argument) {
	if len(args) == 0 || !f.inTool(c.fn) {
		return
	}
	joined := false
	for n, a := range args {
		first := f.toks[a.from]
		one := len(first.parts) > 0 || f.hasPlus(a) || first.kind == name && (n == 0 || strings.HasSuffix(c.full, "search_s") || strings.HasSuffix(c.full, "search_ext_s"))
		joined = joined || one && a.name == "" && f.expr(a.from, a.to).Has(taint.Param)
	}
	if !joined {
		return
	}
	if r == renders {
		if c.full == "Template" || strings.Contains(c.full, "emplate") || strings.HasSuffix(c.full, "from_string") || strings.HasSuffix(c.full, "substitute") || strings.Contains(c.full, "render") {
			f.tell("COD-TEMPLATE-PARAM", c.first, "a template that the caller writes")
		}
		return
	}
	f.tell("COD-QUERY-PARAM", c.first, "what the caller gives becomes part of a query")
}

func (f *flow) hasPlus(a argument) bool {
	for i := a.from; i < a.to; i++ {
		if f.is(i, "+") || f.is(i, "%") {
			return true
		}
	}
	return false
}

// judgeEvasion tells calls that hide a process, or that look for who watches it.
func (f *flow) judgeEvasion(c call) {
	switch {
	case strings.HasSuffix(c.full, ".prctl"):
		f.tell("COD-EVASION", c.first, "changes how its process looks")
	case strings.HasSuffix(c.full, "utime"):
		if f.used(c.fn, "st_mtime") || f.used(c.fn, "st_atime") {
			f.tell("COD-TIMESTAMP", c.first, "sets a file's times back")
		}
	case strings.HasSuffix(c.full, "gettrace"), strings.Contains(c.full, "ptrace"):
		f.tell("COD-DEBUGGER", c.first, "asks whether somebody watches")
	case strings.HasSuffix(c.full, "fork"), strings.HasSuffix(c.full, "setsid"):
		if f.used(c.fn, "fork") && (f.used(c.fn, "setsid") || f.used(c.fn, "_exit") || f.used(c.fn, "exit")) {
			f.tell("COD-DETACHED", c.first, "a process that goes on without its parent")
		}
	case strings.Contains(c.full, "CDLL"), strings.Contains(c.full, "LoadLibrary"), strings.HasSuffix(c.full, "currentframe"):
		f.tell("COD-NATIVE", c.first, "calls native code directly")
	default:
		f.tell("COD-EVASION", c.first, "changes how its process looks")
	}
}

// home is a place of the user's, or of the system, as a whole: caches and folders of programs are not meant.
var home = regexp.MustCompile(`^(?:~|/home|/root|/Users)(?:/(?:[A-Z]\w*|\*)?)?$|^~/[A-Z]|^/(?:etc|var|usr|boot|bin|lib)?/?$`)

// destroys finds what removes the user's own folders.
func (f *flow) destroys(c call) {
	for i := c.open; i < f.pair[c.open]; i++ {
		t := f.toks[i]
		s := t.text
		if t.kind == name {
			s = f.value(f.in[i], t.text)
		}
		if (t.kind == str || t.kind == name) && s != "" && home.MatchString(s) {
			f.tell("COD-DESTROY", c.first, "removes "+s)
			return
		}
	}
}

// ransom finds files of whoever it may be that are encrypted, and whose originals go.
func (f *flow) ransom(c call) {
	if !strings.HasSuffix(c.full, "encrypt") && !strings.HasSuffix(c.full, "createCipheriv") || !c.all.Has(taint.Bulk) {
		return
	}
	for _, w := range []string{"remove", "unlink", "unlinkSync", "rmSync", "rename", "truncate"} {
		if f.used(c.fn, w) {
			f.tell("COD-RANSOM", c.first, "encrypts whichever files there are, and their originals go")
			return
		}
	}
}

// environmentAll tells where all variables are gone through.
func (f *flow) environmentAll(c call) {
	switch c.full {
	case "os.environ.items", "os.environ.copy", "os.environ.values", "os.environ.keys":
	case "dict", "Object.entries", "Object.keys", "JSON.stringify", "json.dumps", "list", "str", "Object.assign":
		if !c.all.Has(taint.EnvAll) {
			return
		}
	default:
		return
	}
	f.act(c.fn, taint.ReadsEnv)
	if c.full == "os.environ.copy" || c.full == "Object.assign" || c.full == "dict" {
		return // for a child
	}
	if f.inTool(c.fn) {
		f.tell("COD-ENV-TOOL", c.first, "a tool goes through the whole environment")
		return
	}
	f.tell("COD-ENV-ALL", c.first, "goes through the whole environment")
}

// constant looks at strings wherever they stand: commands and addresses that are kept for later.
func (f *flow) constant(i int) {
	if !f.last {
		return
	}
	t := f.toks[i]
	if len(t.text) < 8 || len(t.text) > 4000 {
		return
	}
	if likeShell(t.text) && shellInString.MatchString(t.text) {
		f.inner(i, strings.ReplaceAll(t.text, "{}", "…"), false)
	}
	if f.of(t.text).Has(taint.Metadata) && (strings.Contains(t.text, "://") || strings.Contains(t.text, "/latest/")) {
		f.tell("COD-METADATA", i, "the cloud's address for credentials")
	}
	if metadataKeys.MatchString(t.text) {
		f.tell("COD-METADATA-KEYS", i, "the place of the machine's own keys")
	}
}

var metadataKeys = regexp.MustCompile(`meta-data/iam/security-credentials|instance/service-accounts/[^/]+/token|metadata/identity/oauth2/token`)

// likeShell says that a pattern is worth its time.
func likeShell(s string) bool {
	for _, w := range []string{"/dev/", "curl", "wget", "cron", "sh", "nc ", "chmod", "NOPASSWD", "usermod", "iptables", "base64", "insmod", "LD_PRELOAD", "history", "rm -rf", "touch", "setenforce", "systemctl"} {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// shellInString is a command line that is worth reading as one.
var shellInString = regexp.MustCompile(`/dev/(?:tcp|udp)/|(?:curl|wget)\s[^"']*\|\s*(?:ba|z|da)?sh|\bcrontab\s+-|\|\s*(?:ba|z)?sh\b|\bnc\s+-\w*e|(?:curl|wget)\s+-\S*\s*\S*https?://|\bchmod\s+(?:\+s|[ugo]*\+s|4[0-7]{3})|NOPASSWD|\busermod\s+-|\biptables\s+-F|base64\s+(?:-d|-D|--decode)|\binsmod\s|LD_PRELOAD=|history\s+-c|rm\s+-rf\s+(?:/|~)|touch\s+-[tr]\s|setenforce 0|systemctl (?:stop|disable|enable)`)
