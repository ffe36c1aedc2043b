// SPDX-License-Identifier: Apache-2.0

// This file judges what goes over a network: what is sent, where to, what is fetched and listened on.

package code

import (
	"regexp"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/taint"
)

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

func (f *flow) judgeFetch(c call, _ role, args []argument) {
	switch {
	case c.all.Has(taint.Metadata):
		f.tell("COD-METADATA", c.first, "asks the cloud for credentials")
	case c.all.Has(taint.SecretPath):
		f.tell("COD-SECRET-READ", c.first, "reads a file with credentials by its address")
	case c.all.Has(taint.Secret | taint.EnvAll | taint.Watched):
		f.sent(c, c.all, args)
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

func (f *flow) judgeSend(c call, _ role, args []argument) {
	f.sent(c, c.all&^f.headers(args), args)
}

func (f *flow) sent(c call, what taint.Label, args []argument) {
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

func (f *flow) judgeLink(c call, _ role, _ []argument) {
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

// judgeProbe tells who looks for hosts and ports. Networks alone, of which only sums are made, are none.
func (f *flow) judgeProbe(c call, _ role, _ []argument) {
	if c.full == "ipaddress.ip_network" && !f.imports["requests"] && !f.imports["socket"] && !f.imports["httpx"] {
		return
	}
	f.act(c.fn, taint.Network)
	f.tell("COD-PORTSCAN", c.first, "asks which hosts or ports are there")
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
