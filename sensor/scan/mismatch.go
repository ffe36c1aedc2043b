// SPDX-License-Identifier: Apache-2.0

// This file compares what a unit says with what it does.

package scan

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/binary"
	"github.com/reeve-sensor/reeve/sensor/scan/code"
	"github.com/reeve-sensor/reeve/sensor/scan/finding"
	"github.com/reeve-sensor/reeve/sensor/scan/taint"
	"github.com/reeve-sensor/reeve/sensor/scan/text"
)

// claim is something that a text promises.
type claim struct {
	denies taint.Act
	rule   string
	at     finding.Finding
}

// promise is a way of saying what is not done.
type promise struct {
	words  []string // lower case; one of them is in every match
	re     *regexp.Regexp
	denies taint.Act
	rule   string
}

func (p *promise) likely(lower string) bool {
	return slices.ContainsFunc(p.words, func(w string) bool { return strings.Contains(lower, w) })
}

// promises are the words of claims.
var promises = []promise{
	{[]string{"network", "internet", "leaves", "offline", "external", "locally"}, regexp.MustCompile(`(?i)\b(?:without (?:any )?(?:network|internet|external api)\b|no (?:network|internet) (?:access|connection|calls?|required)|no data (?:ever )?leaves|never leaves (?:your|the|this) (?:machine|computer|device)|(?:works?|runs?|operates?) (?:entirely|fully|completely|purely|100%) (?:locally|offline)|does not (?:access|use|require|contact|touch) (?:the )?(?:network|internet)|no external (?:api|network|calls|services|requests)|(?:entirely|fully|purely|completely) (?:local|offline)\b|works offline|summari[sz]es? \w+ (?:contents? )?locally|documents? \w+ locally)`), taint.Sends, "MIS-NETWORK"},
	{[]string{"read-only", "modif", "change", "side effect", "written", "writ", "only reads"}, regexp.MustCompile(`(?i)\b(?:read-only\b|does not (?:modify|change|write|alter) any|doesn't (?:modify|change|write)|makes no changes|no side effects|never (?:writes|modifies|deletes)|without modifying|nothing is written|only reads files)`), taint.Deletes, "MIS-WRITES"},
}

// denied is what makes the opposite of a promise.
var denied = regexp.MustCompile(`(?i)^\W{0,8}(?:false|no\b|❌)`)

// claims reads what a document for agents promises.
func (x *examination) claims(p *text.Piece) {
	if p.Place != finding.Instruction {
		return
	}
	lower := strings.ToLower(p.Text)
	for _, c := range promises {
		if !c.likely(lower) {
			continue
		}
		if m := c.re.FindStringIndex(p.Text); m != nil && !denied.MatchString(p.Text[m[1]:min(len(p.Text), m[1]+16)]) {
			x.about.claims = append(x.about.claims, claim{c.denies, c.rule, p.Finding(c.rule, m[0], p.Text[m[0]:m[1]], "")})
		}
	}
}

// security is what a unit about attack and defence says of itself.
var security = regexp.MustCompile(`(?i)\b(?:security|secure|penetration|pentest\w*|red[- ]team\w*|vulnerabilit\w+|threat\w*|malware|exploit\w*|forensic\w*|incident response|attack\w*|owasp|hardening|audit\w*|reverse engineer\w*|binary analysis|detection|siem|soc)\b`)

// front reads what a skill says it is and may use.
func (x *examination) front(p *text.Piece, f text.Front) {
	if p.Place != finding.Instruction || len(f.Keys) == 0 {
		return
	}
	x.about.security = x.about.security || security.MatchString(f.Get("description")+" "+strings.ReplaceAll(f.Get("name"), "-", " "))
	if x.about.file == "" {
		x.about.front, x.about.file = f, p.File
		x.report.Name = f.Get("name")
	}
	for _, key := range []string{"allowed-tools", "tools", "permissions", "allowed_tools"} {
		for _, v := range f.Keys[key] {
			if v == "*" || v == "all" || v == "Bash(*)" && key != "tools" {
				x.tell(finding.Finding{Rule: "CFG-TOOLS-ALL", File: p.File, Line: f.Line[key], Place: p.Place, Text: key + ": " + v})
			}
		}
	}
	about := text.Piece{File: p.File, Text: f.Text, Line: 2, Place: p.Place}
	x.prose(&about)
	for key, line := range f.Line {
		if key == "hooks" {
			x.tell(finding.Finding{Rule: "CFG-HOOK", File: p.File, Line: line, Place: p.Place, Text: key})
			x.piece(&text.Piece{File: p.File, Text: f.Text, Line: 2, Lang: "yaml", Place: finding.Code})
		}
	}
}

// purposes are words in a description that make an act no surprise.
var purposes = []struct {
	act      taint.Act
	rule     string
	mentions *regexp.Regexp
	silent   bool // only of requests that nobody is meant to notice
}{
	{taint.Sends | taint.Network, "MIS-TOOL-SENDS", regexp.MustCompile(`(?i)\b(?:send|post|upload|submit|e?mail|notif|webhook|telemetry|analytics|track|report|api\b|http|remote|publish|sync|share|forward|ping|log)`), true},
	{taint.Executes, "MIS-TOOL-EXEC", regexp.MustCompile(`(?i)run|exec|command|shell|script|process|build|compil|test|lint|install|deploy|launch|start|invoke|program|git|docker|ping|convert|format|render|evaluat|calculat|code|expression|command|diagnos|check|scan|tool|plugin|load|import|modul|open|browse|query|manage|terminal|task|job|function|generat|macro|system|restart|monitor|status|network|host|kubernetes|cluster|media|audio|video|image`), false},
	{taint.ReadsSecret, "MIS-TOOL-SECRET", regexp.MustCompile(`(?i)credential|\bkeys?\b|ssh|secret|token|\bauth|password|certificat|wallet|cookie|environment`), false},
	{taint.Persists, "MIS-TOOL-PERSIST", regexp.MustCompile(`(?i)cron|schedul|startup|persist|servic|hook|profile|install|settings|shell|autostart|boot`), false},
	{taint.Deletes, "MIS-TOOL-DELETES", regexp.MustCompile(`(?i)delet|remov|clean|clear|purg|drop|unlink|mov|archiv|temp|cache|reset|rotat|overwrit|uninstall|manage|prune|discard|replace|destroy|wip|convert|download|generat|build`), false},
	{taint.Writes, "MIS-TOOL-WRITES", regexp.MustCompile(`(?i)writ|sav|stor|\blog|creat|updat|edit|\bfil|export|cach|record|generat|modif|download|config|regist|append|persist|\bset|\badd\b|insert|process|build|conver|init|install|render|draw|plot|note|memor|document|report|upload|copy|mov|renam|extract|archiv|compress|backup|sync|manag|track|captur|output|remember|state|deploy|schedul|execut|run|apply|restor|setup|index|ingest|produc|compil|clone|commit|publish|task|todo|queue|entr`), false},
	{taint.Watches, "MIS-TOOL-SECRET", regexp.MustCompile(`(?i)clipboard|screen|camera|keyboard|record|capture|listen|browser|audio|microphone|paste`), false},
}

// mismatch compares a tool's description with what its function does.
func (x *examination) mismatch(p *text.Piece, t code.Tool) {
	if p.Place == finding.Test {
		return
	}
	words := t.About + " " + strings.ReplaceAll(t.Name, "_", " ")
	for _, c := range purposes {
		if t.Acts.Has(c.act) && !c.mentions.MatchString(words) && (!c.silent || t.Silent) {
			x.tell(p.Finding(c.rule, t.Offset, t.Name+": "+t.About, ""))
		}
	}
}

// bypass are parameters by which a caller switches off what protects.
var bypass = regexp.MustCompile(`(?i)^(?:override_?safety|(?:skip|bypass|disable|ignore|override|no)_?(?:validation|security|safety|auth\w*|filter\w*|checks?|restrictions?|permissions?|policy|verification|approval|confirmation|guardrails?)|trust_?mode|unrestricted(?:_mode)?|jailbreak\w*|admin_?override|god_?mode|emergency_?(?:override|access|mode)|system_?prompt_?override|sudo_?mode|force_admin|elevate(?:_privileges)?|context_?injection)$`)

// cryptography are modules of which one is needed to encrypt.
var cryptography = []string{"cryptography", "Crypto", "Cryptodome", "nacl", "crypto", "node:crypto", "libsodium-wrappers", "tweetnacl", "openpgp", "gnupg", "pgpy", "age", "pyAesCrypt", "subprocess", "child_process", "fernet", "aes", "boto3", "hvac", "google", "azure", "crypto-js", "bcrypt", "jose", "rsa", "simplecrypt", "pyage"}

// switches finds tools whose callers can switch off what protects, and tools that promise to encrypt and cannot.
func (x *examination) switches(p *text.Piece, t code.Tool, needs map[string]bool) {
	for _, param := range t.Params {
		if bypass.MatchString(param) {
			x.tell(p.Finding("COD-BYPASS-PARAM", t.Offset, t.Name+"("+param+")", "the caller switches off what protects"))
		}
	}
	if t.Empty && assures.MatchString(t.About+" "+strings.ReplaceAll(t.Name, "_", " ")) {
		x.tell(p.Finding("MIS-TOOL-EMPTY", t.Offset, t.Name+": "+t.About, "it says yes whatever it is given"))
	}
	if encrypts.MatchString(t.About) && !slices.ContainsFunc(cryptography, func(m string) bool { return needs[m] }) && (needs["base64"] || needs["hashlib"]) {
		x.tell(p.Finding("MIS-TOOL-CIPHER", t.Offset, t.Name+": "+t.About, "nothing in the program can encrypt"))
	}
}

// assures is what somebody relies on.
var assures = regexp.MustCompile(`(?i)\b(?:verif|validat|authenticat|authoriz|check|scan|sanitiz|encrypt|secur)\w*`)

var encrypts = regexp.MustCompile(`(?i)\bencrypts?\b|\bencryption\b`)

// docs compares what a program's own texts promise with what it does.
func (x *examination) docs(p *text.Piece, r code.Result) {
	for _, d := range r.Docs {
		for _, c := range promises {
			if m := c.re.FindStringIndex(d.Text); m != nil && r.Acts.Has(c.denies) && p.Place != finding.Test {
				x.tell(p.Finding(c.rule, d.Offset, d.Text, "and the program does"))
			}
		}
	}
}

var (
	resource   = regexp.MustCompile(`\.(?:resource|tool)\(`)
	literalKey = regexp.MustCompile(`(?i)\b(?:password|passwd|api[ _-]?key|access[ _-]?token|secret(?:[ _-]?key)?|refresh[ _-]?token|connection string|credential\w*)["']?\s*[:=]\s*["']?([^\s"'\\{}<>$]{6,})`)
)

// gives finds servers that hand out credentials which stand in them.
func (x *examination) gives(p *text.Piece) {
	if p.Place != finding.Code || !resource.MatchString(p.Text) {
		return
	}
	for _, m := range literalKey.FindAllStringSubmatchIndex(p.Text, 20) {
		value := p.Text[m[2]:m[3]]
		if strings.ContainsAny(value, "0123456789") && !strings.ContainsAny(value, "()[]") && !strings.Contains(strings.ToLower(value), "environ") {
			x.tell(p.Finding("SEC-RESOURCE", m[0], p.Text[m[0]:m[2]]+value[:2]+"…", ""))
			return
		}
	}
}

// startFile looks at files of Python that are run without being called.
func (x *examination) startFile(p *text.Piece, base string) {
	switch {
	case strings.HasSuffix(base, ".pth") && regexp.MustCompile(`(?m)^import[ \t]`).MatchString(p.Text), base == "sitecustomize.py", base == "usercustomize.py":
		rule := "DEP-START-FILE"
		if regexp.MustCompile(`exec\(|eval\(|urlopen|base64|subprocess|os\.system|socket|__import__`).MatchString(p.Text) && strings.HasSuffix(base, ".pth") {
			rule = "DEP-START-CODE"
		}
		x.tell(p.Finding(rule, 0, p.Text, ""))
	case base == "setup.py":
		if at := strings.Index(p.Text, "cmdclass"); at >= 0 && strings.Contains(p.Text, "def run(") && regexp.MustCompile(`os\.system|subprocess|exec\(|eval\(|urlopen|requests\.|socket`).MatchString(p.Text) {
			x.tell(p.Finding("DEP-INSTALL-CODE", at, p.Text[at:min(len(p.Text), at+80)], ""))
		}
		if m := regexp.MustCompile(`\bname\s*=\s*["']([\w.-]+)["']`).FindStringSubmatchIndex(p.Text); m != nil {
			if f, ok := nameFault("pypi", p.Text[m[2]:m[3]]); ok {
				x.tell(p.Finding("DEP-SELF-TYPOSQUAT", m[0], p.Text[m[0]:m[1]], f))
			}
		}
	}
}

// finish compares what only the whole unit shows. It ends early with its context.
func (x *examination) finish(known map[string]string) {
	for _, c := range x.about.claims {
		if x.about.acts.Has(c.denies) {
			x.did(c.at, c.denies)
		}
	}
	x.linked()
	x.declared()
	x.shadows()
	x.bytecode()
	for name, was := range known {
		if now, ok := x.report.Tools[name]; ok && now != was {
			x.tell(finding.Finding{Rule: "MCP-CHANGED", File: x.unit.Root, Place: finding.Tool, Detail: "the tool " + name + " is described otherwise than before"})
		}
	}
}

func (x *examination) did(f finding.Finding, a taint.Act) {
	for bit := taint.Act(1); bit <= taint.Watches; bit <<= 1 {
		if w, ok := x.about.where[bit]; ok && a.Has(bit) {
			f.Detail = "see " + w.File
			x.tell(f)
			return
		}
	}
}

// rights are what a skill has to declare for an act, where it declares anything.
var rights = []struct {
	act   taint.Act
	rule  string
	words []string
}{
	{taint.Network | taint.Sends, "MIS-NETWORK", []string{"network", "web", "http", "internet", "*", "all", "fetch", "api"}},
	{taint.Executes, "MIS-TOOL-EXEC", []string{"bash", "shell", "exec", "command", "process", "*", "all", "python", "script"}},
	{taint.Writes | taint.Deletes, "MIS-WRITES", []string{"write", "edit", "file", "*", "all", "bash", "delete"}},
}

// declared compares a skill's list of permissions with what its programs do.
func (x *examination) declared() {
	line, has := x.about.front.Line["permissions"]
	if !has {
		return
	}
	list := strings.ToLower(strings.Join(x.about.front.Keys["permissions"], " "))
	for _, r := range rights {
		if !x.about.acts.Has(r.act) || slices.ContainsFunc(r.words, func(w string) bool { return strings.Contains(strings.ReplaceAll(list, "read:files", ""), w) }) {
			continue
		}
		x.did(finding.Finding{Rule: r.rule, File: x.about.file, Line: line, Place: finding.Instruction, Text: "permissions: " + list}, r.act)
	}
}

// shadows finds tools of one name that are described differently in one unit.
func (x *examination) shadows() {
	for name, list := range x.tools {
		for _, t := range list[1:] {
			if t.file != list[0].file && t.about != list[0].about && name != "" {
				x.tell(finding.Finding{Rule: "MCP-SHADOW", File: t.file, Place: finding.Tool, Text: name, Detail: "also in " + list[0].file})
				break
			}
		}
	}
}

var pycName = regexp.MustCompile(`(?:__pycache__/)?([^/]+?)(?:\.cpython-\d+|\.pypy\d*)?(?:\.opt-\d)?\.pyc$`)

// bytecode compares each piece of bytecode with the source beside it.
func (x *examination) bytecode() {
	for name, data := range x.pyc {
		if x.ctx.Err() != nil {
			return
		}
		source := []byte(nil)
		if m := pycName.FindStringSubmatch(name); m != nil {
			dir := strings.TrimSuffix(path.Dir(name), "__pycache__")
			source = x.python[path.Join(dir, m[1]+".py")]
			if strings.Contains(dir, "!") && source == nil {
				source = x.python[strings.TrimSuffix(dir, "/")+m[1]+".py"]
			}
		}
		for _, f := range binary.Bytecode(data, source, len(source)) {
			x.tell(finding.Finding{Rule: f.Rule, File: name, Place: finding.Code, Detail: f.Detail})
		}
		p := text.Piece{File: name, Text: binary.Strings(data), Line: 1, Lang: "strings", Place: finding.Code, Fixed: true}
		x.Rules.Patterns(x.ctx, &p, x.tell)
	}
}
