// SPDX-License-Identifier: Apache-2.0

// This file judges calls by what reaches them.

package code

import (
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

// sink is what a call of one role does, and who looks at it more closely.
type sink struct {
	act   taint.Act
	judge func(*flow, call, role, []argument)
}

var sinks map[role]sink

// What is judged has expressions in it, with calls that are judged: a table that is made at once would depend on itself.
func init() {
	sinks = map[role]sink{
		reads:    {0, (*flow).judgeRead},
		fetches:  {taint.Network, (*flow).judgeFetch},
		sends:    {taint.Network | taint.Sends, (*flow).judgeSend},
		links:    {taint.Network, (*flow).judgeLink},
		evals:    {taint.Executes, (*flow).judgeEval},
		revives:  {taint.Executes, (*flow).judgeEval},
		imports:  {taint.Executes, (*flow).judgeEval},
		shells:   {taint.Executes, (*flow).judgeShell},
		spawns:   {taint.Executes, (*flow).judgeShell},
		writes:   {taint.Writes, (*flow).judgeWrite},
		removes:  {taint.Deletes, (*flow).judgeRemove},
		modes:    {0, (*flow).judgeMode},
		extracts: {0, (*flow).judgeExtract},
		queries:  {0, (*flow).judgeQuery},
		renders:  {0, (*flow).judgeQuery},
		probes:   {0, (*flow).judgeProbe},
		evades:   {0, (*flow).judgeEvasion},
		watches:  {taint.Watches, (*flow).judgeWatch},
	}
}

// judge tells what a call does that somebody should know.
func (f *flow) judge(c call, m meaning, args []argument) {
	r := f.roleOf(c, m, args)
	if s, ok := sinks[r]; ok {
		f.act(c.fn, s.act)
		s.judge(f, c, r, args)
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

// param tells a rule where the caller of a tool decides.
func (f *flow) param(c call, rule, detail string) {
	if (c.all | c.self).Has(taint.Param) && f.inTool(c.fn) && !f.guarded(c.fn) {
		f.tell(rule, c.first, detail)
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

func (f *flow) judgeWatch(c call, _ role, _ []argument) {
	f.tell("COD-WATCH", c.first, "watches keys, clipboard, screen, camera or browser")
}

// judgeEvasion tells calls that hide a process, or that look for who watches it.
func (f *flow) judgeEvasion(c call, _ role, _ []argument) {
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
