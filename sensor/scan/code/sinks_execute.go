// SPDX-License-Identifier: Apache-2.0

// This file judges what is executed: code that is made at run time, and commands.

package code

import (
	"regexp"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/taint"
)

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
