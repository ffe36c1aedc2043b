// SPDX-License-Identifier: Apache-2.0

// This file is what single commands mean: what they read, what they give on, and where it ends.

package shell

import (
	"path"
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/reeve-sensor/reeve/sensor/scan/taint"
)

// What options say.
var (
	elsewherePath  = regexp.MustCompile(`\S+:\S*`)
	body           = regexp.MustCompile(`(?:^|\s)(?:-d|-F|-T|--data\S*|--form\S*|--upload-file|--post-data\S*|--post-file\S*|--json|--body-data\S*|-Body|-InFile)\b`)
	method         = regexp.MustCompile(`(?i)(?:-X|--request|-Method)[ =]?\s*(?:POST|PUT|PATCH)`)
	encodedCommand = regexp.MustCompile(`(?i)-e(?:nc(?:odedcommand)?)?\s+[A-Za-z0-9+/=]{16,}`)
	ofXargs        = regexp.MustCompile(`^-[InPLd]$`)
	handsShell     = regexp.MustCompile(`(?:^|\s)(?:-\w*[ec]\w*\s+\S*(?:sh|cmd(?:\.exe)?|powershell)\b|--(?:sh-)?exec\b)|(?i)exec:['"]?\S*sh\b|system:`)
	listening      = regexp.MustCompile(`(?:^|\s)-\w*l\w*\b`)
	givesKeys      = regexp.MustCompile(`find-(?:generic|internet)-password|dump-keychain|lookup|--export-secret|show\b|/list`)
)

// invocation is one command as it would be run.
type invocation struct {
	node  *syntax.CallExpr
	stmt  *syntax.Stmt
	name  string
	args  []value
	line  string // name and arguments
	in    value
	label taint.Label // of all arguments

	within int // commands that are the arguments of others
}

// maxWithin bounds commands as arguments: each has all that stand behind it.
const maxWithin = 8

func (i *invocation) has(options ...string) bool {
	for _, a := range i.args {
		for _, o := range options {
			if a.text == o || strings.HasPrefix(o, "--") && strings.HasPrefix(a.text, o+"=") {
				return true
			}
		}
	}
	return false
}

func (a *analyser) call(c *syntax.CallExpr, s *syntax.Stmt, in value) value {
	a.assigns(c.Assigns)
	if len(c.Args) == 0 {
		return value{}
	}
	i := invocation{node: c, stmt: s, in: in}
	for _, w := range c.Args {
		i.args = append(i.args, a.word(w))
	}
	return a.invoke(&i)
}

// invoke takes wrappers off and asks what is left.
func (a *analyser) invoke(i *invocation) value {
	i.unwrap()
	if len(i.args) == 0 {
		return value{}
	}
	whole := i.args[0]
	i.name, i.args = strings.ToLower(path.Base(whole.text)), i.args[1:]
	parts := []string{i.name}
	for _, v := range i.args {
		i.label |= v.label
		parts = append(parts, v.text)
	}
	i.line = strings.Join(parts, " ")
	a.hazards(i)
	if l := a.written[whole.text] | a.written["./"+whole.text]; l.Has(taint.Remote) && strings.ContainsAny(whole.text, "/.") {
		a.find("SH-DOWNLOAD-RUN", i.stmt, "runs "+whole.text+", which it fetched")
		a.out.Acts |= taint.Executes
	}
	if whole.label.Has(taint.Remote) {
		a.find("SH-PIPE-EXEC", i.stmt, "runs what it fetches")
	}
	return a.meaning(i)
}

func (i *invocation) unwrap() {
	for len(i.args) > 1 && wrappers[path.Base(i.args[0].text)] {
		i.args = i.args[1:]
		for len(i.args) > 1 && (strings.HasPrefix(i.args[0].text, "-") || strings.Contains(i.args[0].text, "=") || isNumber(i.args[0].text)) {
			i.args = i.args[1:]
		}
	}
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789.smh") == "" }

// meaning is what a command writes, and what is told on the way.
func (a *analyser) meaning(i *invocation) value {
	switch {
	case fetchers[i.name]:
		return a.fetch(i)
	case interpreters[i.name]:
		return a.interpret(i)
	case i.name == "eval" || i.name == "source" || i.name == ".":
		return a.evaluate(i)
	case i.name == "xargs" || i.name == "parallel":
		return a.xargs(i)
	case senders[i.name]:
		a.out.Acts |= taint.Network | taint.Sends
		a.connects(i)
		a.toNetwork(i.stmt, value{label: i.in.label | i.label}, i.name)
	case resolvers[i.name]:
		a.resolve(i)
	case copiers[i.name] && elsewherePath.MatchString(i.line):
		a.out.Acts |= taint.Network | taint.Sends
		a.toNetwork(i.stmt, value{label: taint.Read(i.label)}, i.name)
	case i.name == "ssh":
		a.out.Acts |= taint.Network
		a.toNetwork(i.stmt, i.in, "ssh")
	case i.name == "git" && (i.has("clone")):
		a.out.Acts |= taint.Network
	case hostFacts[i.name]:
		return value{label: taint.Host | i.in.label}
	case dumpers[i.name] && len(i.args) == 0:
		return value{label: taint.EnvAll}
	case i.name == "printenv":
		return value{label: taint.EnvSecret}
	case i.name == "history" && !i.has("-c"):
		return value{label: taint.History}
	case keychains[i.name]:
		return a.keychain(i)
	case clipboards[i.name] && !i.has("-i") && i.in.label == 0 || screens[i.name]:
		a.out.Acts |= taint.Watches
		return value{label: taint.Watched | taint.File}
	case i.name == "crontab":
		a.crontab(i)
	case i.name == "tee" || i.name == "cp" || i.name == "mv" || i.name == "install" || i.name == "ln" || i.name == "dd":
		return a.copies(i)
	case i.name == "echo" || i.name == "printf":
		return a.echo(i)
	}
	return a.filter(i)
}

// spaced is arguments as one text.
func spaced(args []value) value {
	var b strings.Builder
	var v value
	for _, arg := range args {
		v.label |= arg.label
		if b.Len()+len(arg.text) < maxValue {
			b.WriteString(arg.text)
			b.WriteByte(' ')
		}
	}
	v.text = b.String()
	return v
}

// echo says its arguments.
func (a *analyser) echo(i *invocation) value {
	v := spaced(i.args)
	v.label &^= taint.SecretPath | taint.PersistPath | taint.SystemPath
	if i.name == "printf" && strings.Contains(v.text, `\x`) {
		v.label |= taint.Decoded
	}
	return v
}

// filter is every other program: it gives on what it reads, from its input and from the files that it is told.
func (a *analyser) filter(i *invocation) value {
	l := i.in.label | i.label&^taint.SecretPath&^taint.SystemPath
	reads := !removers[i.name] && i.name != "ls" && i.name != "chmod" && i.name != "chown" && i.name != "mkdir" && i.name != "touch" && i.name != "test" && i.name != "[" && i.name != "export" && i.name != "cd" && i.name != "stat" && i.name != "echo" && i.name != "git" && i.name != "vim" && i.name != "nano" && i.name != "ssh-add" && i.name != "ssh-keygen" && i.name != "source"
	if reads && i.label.Has(taint.SecretPath|taint.SystemPath|taint.History) {
		l |= taint.Read(i.label)
		if i.label.Has(taint.SecretPath) {
			a.out.Acts |= taint.ReadsSecret
			if i.name != "find" || i.has("-exec") {
				a.find("SH-SECRET-READ", i.stmt, i.name+" reads a file with credentials")
			}
		}
	}
	if i.name == "cat" || i.name == "tar" || i.name == "zip" || i.name == "base64" {
		l |= taint.File
	}
	if i.name == "find" {
		l |= i.label & taint.SecretPath
	}
	for _, v := range i.args {
		l |= a.written[v.text]
	}
	if decodes(i) {
		l |= taint.Decoded
	}
	if packers[i.name] {
		for _, v := range i.args {
			if !v.label.Has(taint.SecretPath) && strings.ContainsAny(v.text, "/.") {
				a.written[v.text] |= l
			}
		}
	}
	if removers[i.name] {
		a.out.Acts |= taint.Deletes
	}
	return value{label: l, text: i.in.text}
}

// decodes says that a command undoes an encoding.
func decodes(i *invocation) bool {
	switch i.name {
	case "base64", "base32", "basenc", "gbase64":
		return i.has("-d", "-D", "--decode", "-di", "-id")
	case "xxd":
		return i.has("-r") || i.has("-r", "-p") || strings.Contains(i.line, "-r")
	case "openssl":
		return i.has("-d") && (i.has("base64", "enc") || strings.Contains(i.line, "enc"))
	case "gunzip", "zcat", "unxz", "xzcat", "uudecode", "rev", "bunzip2":
		return true
	case "tr":
		return strings.Contains(i.line, "A-Za-z") || strings.Contains(i.line, "a-zA-Z")
	}
	return false
}

func (a *analyser) fetch(i *invocation) value {
	a.out.Acts |= taint.Network
	upload := body.MatchString(i.line) || method.MatchString(i.line)
	sent := taint.Label(0)
	stdin := false
	for n, v := range i.args {
		header := n > 0 && (i.args[n-1].text == "-H" || i.args[n-1].text == "--header" || i.args[n-1].text == "-u" || i.args[n-1].text == "--user")
		if header {
			continue
		}
		if strings.Contains(v.text, "@-") || v.text == "-" {
			stdin = true
		}
		l := v.label
		if at := strings.IndexByte(v.text, '@'); upload && at >= 0 && at < 24 {
			l |= taint.Read(taint.OfText(v.text[at+1:])) | a.written[v.text[at+1:]] | taint.File
		} else if upload && l.Has(taint.SecretPath) {
			l |= taint.Secret
		}
		if !upload {
			l &= taint.Secret | taint.EnvAll | taint.Host | taint.System | taint.History | taint.Watched
		}
		sent |= l
	}
	if stdin || upload {
		sent |= i.in.label
	}
	if upload {
		a.out.Acts |= taint.Sends
	}
	a.elsewhere(i)
	if !i.label.Has(taint.LocalAddress) {
		a.toNetwork(i.stmt, value{label: sent &^ taint.Address}, i.name)
	}
	if i.label.Has(taint.Metadata) {
		a.find("SH-METADATA", i.stmt, "asks the cloud for credentials")
		return value{label: taint.Remote | taint.Secret | taint.Metadata, text: i.line}
	}
	for n, v := range i.args {
		if n > 0 && (i.args[n-1].text == "-o" || i.args[n-1].text == "-O" || i.args[n-1].text == "--output" || i.args[n-1].text == "--output-document" || i.args[n-1].text == "-OutFile") {
			a.written[v.text] |= taint.Remote
			if knownInstaller(i.line) {
				a.written[v.text] &^= taint.Remote
			}
		}
		if (i.has("-O", "-LO", "-OL", "--remote-name") || i.name == "wget") && v.label.Has(taint.Address) {
			a.written[path.Base(v.text)] |= taint.Remote
		}
	}
	if i.label.Has(taint.LocalAddress) {
		return value{text: i.line}
	}
	return value{label: taint.Remote, text: i.line}
}

// services are whose keys everybody has, and what the addresses are called that they belong to.
var services = map[string][]string{"ANTHROPIC": {"anthropic", "claude"}, "OPENAI": {"openai", "azure"}, "GITHUB": {"github"}, "GH": {"github"}, "AWS": {"amazonaws", "aws"}, "NPM": {"npm"}, "SLACK": {"slack"}, "STRIPE": {"stripe"}, "GITLAB": {"gitlab"}, "GOOGLE": {"google"}, "HF": {"huggingface"}}

var (
	keyOf  = regexp.MustCompile(`\$\{?(ANTHROPIC|OPENAI|GITHUB|GH|AWS|NPM|SLACK|STRIPE|GITLAB|GOOGLE|HF)_[A-Z_]*(?:KEY|TOKEN|SECRET)[A-Z_]*\b`)
	hostOf = regexp.MustCompile(`https?://([a-zA-Z0-9.-]+\.[a-zA-Z]{2,})`)
)

// elsewhere finds a key that goes to another service than its own.
func (a *analyser) elsewhere(i *invocation) {
	from, to := min(int(i.node.Pos().Offset()), len(a.src)), min(int(i.node.End().Offset()), len(a.src))
	src := a.src[from:max(from, to)]
	key, host := keyOf.FindStringSubmatch(src), hostOf.FindStringSubmatch(src)
	if key == nil || host == nil {
		return
	}
	for _, own := range services[key[1]] {
		if strings.Contains(strings.ToLower(host[1]), own) {
			return
		}
	}
	a.find("SH-KEY-ELSEWHERE", i.stmt, "a key of "+key[1]+" goes to "+host[1])
}

// interpret is a program that runs what it is given.
func (a *analyser) interpret(i *invocation) value {
	a.out.Acts |= taint.Executes
	script := -1
	for n, v := range i.args {
		if v.text == "-c" || v.text == "-e" || v.text == "-lc" || v.text == "-ec" || v.text == "-ic" || v.text == "-Command" || v.text == "-command" || v.text == "--eval" || v.text == "-r" && i.name == "php" {
			script = n + 1
			break
		}
		if !strings.HasPrefix(v.text, "-") && v.text != "" {
			script = -2 // a file
			a.runsFile(i, v)
			break
		}
	}
	switch {
	case script > 0 && script < len(i.args):
		a.inline(i, i.args[script])
	case script == -1:
		a.runs(i, i.in, "its input")
	}
	if strings.HasPrefix(i.name, "p") && encodedCommand.MatchString(i.line) {
		a.find("SH-DECODED-EXEC", i.stmt, "runs an encoded command")
	}
	return value{label: i.in.label & (taint.Secret | taint.EnvAll)}
}

func (a *analyser) runsFile(i *invocation, v value) {
	if v.label.Has(taint.Remote) {
		a.runs(i, v, "a substitution")
		return
	}
	if l := a.written[v.text]; l.Has(taint.Remote) {
		a.find("SH-DOWNLOAD-RUN", i.stmt, "runs "+v.text+", which it fetched")
	} else if l.Has(taint.Decoded) {
		a.find("SH-DECODED-EXEC", i.stmt, "runs "+v.text+", which it decoded")
	}
}

// inline is a script in an argument.
func (a *analyser) inline(i *invocation, script value) {
	a.runs(i, script, "an argument")
	switch i.name {
	case "python", "python2", "python3", "perl", "ruby", "node", "nodejs", "bun", "deno", "php", "powershell", "pwsh":
		lang := map[string]string{"node": "javascript", "nodejs": "javascript", "bun": "javascript", "deno": "javascript", "python2": "python", "python3": "python", "pwsh": "powershell"}[i.name]
		if lang == "" {
			lang = i.name
		}
		a.out.Inner = append(a.out.Inner, Inner{Lang: lang, Text: script.text, Offset: a.base + int(i.node.Pos().Offset())})
	default:
		a.nested(i, script)
	}
}

// nested reads a script in a string. Findings show the command around it.
func (a *analyser) nested(i *invocation, script value) {
	if a.depth > maxNesting/4 {
		a.unread(tooDeep)
		return
	}
	src, base := a.src, a.base
	a.depth++
	a.scripts(script.text, base+min(int(i.node.Pos().Offset()), len(src)), i.in)
	a.depth--
	a.src, a.base = src, base
}

// runs judges what is executed by where it is from.
func (a *analyser) runs(i *invocation, what value, how string) {
	switch {
	case what.label.Has(taint.Remote) && what.label.Has(taint.Decoded):
		a.find("SH-DECODED-EXEC", i.stmt, "decodes and runs what it fetches, as "+how)
	case what.label.Has(taint.Remote) && knownInstaller(what.text, i.line, i.in.text):
		a.find("SH-INSTALLER", i.stmt, "runs an installer from its project's page, as "+how)
	case what.label.Has(taint.Remote):
		a.find("SH-PIPE-EXEC", i.stmt, "runs what it fetches, as "+how)
	case what.label.Has(taint.Decoded):
		a.find("SH-DECODED-EXEC", i.stmt, "runs what it decodes, as "+how)
	}
}

func (a *analyser) evaluate(i *invocation) value {
	a.out.Acts |= taint.Executes
	v := spaced(i.args)
	if i.name != "eval" && len(i.args) > 0 {
		a.runsFile(i, i.args[0])
		return value{}
	}
	a.runs(i, v, "eval")
	a.nested(i, v)
	return value{}
}

// xargs runs a command with its input as arguments.
func (a *analyser) xargs(i *invocation) value {
	if i.within++; i.within > maxWithin {
		a.unread(tooDeep)
		return value{label: i.in.label}
	}
	for n, v := range i.args {
		if strings.HasPrefix(v.text, "-") || n > 0 && ofXargs.MatchString(i.args[n-1].text) {
			continue
		}
		inner := *i
		inner.args = append(append([]value{}, i.args[n:]...), value{text: "", label: i.in.label})
		return a.invoke(&inner)
	}
	return value{label: i.in.label}
}

// connects finds shells that are handed to a connection.
func (a *analyser) connects(i *invocation) {
	if handsShell.MatchString(i.line) {
		a.find("SH-REVERSE", i.stmt, "a shell at the other end of a connection")
	}
	if listens(i) {
		a.find("SH-LISTEN", i.stmt, "waits for connections")
	}
}

func listens(i *invocation) bool {
	return i.name != "socat" && listening.MatchString(i.line)
}

// resolve finds data in names that are asked for.
func (a *analyser) resolve(i *invocation) {
	a.out.Acts |= taint.Network
	for n, v := range i.args {
		if v.label.Has(taint.Secret|taint.EnvAll|taint.EnvSecret|taint.Host|taint.System|taint.File|taint.History) && strings.Contains(v.text, ".") {
			a.toNetwork(i.stmt, v, "a DNS query")
			return
		}
		_ = n
	}
}

// toNetwork judges what leaves.
func (a *analyser) toNetwork(n *syntax.Stmt, what value, how string) {
	a.out.Acts |= taint.Network
	rule := ""
	switch l := what.label; {
	case l.Has(taint.Secret):
		rule = "SH-SECRET-SENT"
	case l.Has(taint.EnvAll):
		rule = "SH-ENV-SENT"
	case l.Has(taint.EnvSecret):
		rule = "SH-KEY-SENT"
	case l.Has(taint.Watched | taint.History):
		rule = "SH-WATCHED-SENT"
	case l.Has(taint.System | taint.Host):
		rule = "SH-HOST-SENT"
	case l.Has(taint.File):
		rule = "SH-FILE-SENT"
	default:
		return
	}
	a.find(rule, n, what.label.String()+" goes out by "+how)
}

func (a *analyser) keychain(i *invocation) value {
	if givesKeys.MatchString(i.line) && i.name != "gpg" || strings.Contains(i.line, "--export-secret") {
		a.out.Acts |= taint.ReadsSecret
		a.find("SH-SECRET-READ", i.stmt, "reads the keychain")
		return value{label: taint.Secret}
	}
	return value{label: i.in.label}
}

func (a *analyser) crontab(i *invocation) {
	if i.has("-l", "-e") || len(i.args) == 0 && i.in.label == 0 && i.in.text == "" {
		return
	}
	a.out.Acts |= taint.Persists
	a.find("SH-PERSIST", i.stmt, "has the system run something at times")
}

// copies gives on and writes.
func (a *analyser) copies(i *invocation) value {
	a.out.Acts |= taint.Writes
	if i.name == "dd" {
		for _, v := range i.args {
			if to, ok := strings.CutPrefix(v.text, "of="); ok {
				a.writes(i.stmt, value{to, taint.OfText(to)}, i.in)
			}
		}
		return value{label: i.in.label}
	}
	if n := len(i.args); n > 0 {
		to := i.args[n-1]
		a.writes(i.stmt, to, i.in)
		from := taint.Label(0)
		for _, v := range i.args[:n-1] {
			from |= a.written[v.text]
			if v.label.Has(taint.SecretPath) && i.name != "ln" {
				from |= taint.Secret
			}
		}
		a.written[to.text] |= i.in.label | from
	}
	return i.in
}
