// SPDX-License-Identifier: Apache-2.0

// This file takes secrets of known shapes out of texts before anything is kept or sent. It is a net, not a proof: what has
// no shape passes.

package event

import (
	"regexp"
	"slices"
	"strings"
)

// secret is one shape. Every match has one of the hints, so most texts are passed over without a regular expression.
// Group 1 of the pattern, where there is one, is what is replaced.
type secret struct {
	kind    string
	hints   []string // lower case
	pattern *regexp.Regexp
}

var secrets = []secret{
	{"private-key", []string{"private key"}, regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----.*?(-----END [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----|\z)`)},
	{"anthropic", []string{"sk-ant-"}, regexp.MustCompile(`\bsk-ant-[A-Za-z0-9_-]{16,}`)},
	{"openai", []string{"sk-"}, regexp.MustCompile(`\bsk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,}`)},
	{"aws-key-id", []string{"akia", "asia", "abia", "acca"}, regexp.MustCompile(`\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b`)},
	{"aws-secret", []string{"secret_access_key", "secretaccesskey", "session_token"}, regexp.MustCompile(`(?i)(?:secret_?access_?key|session_token)["']?\s*[=: ]\s*["']?([A-Za-z0-9/+=]{20,})`)},
	{"github", []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"}, regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})`)},
	{"gitlab", []string{"glpat-", "gldt-", "glrt-", "glcbt-", "glptt-"}, regexp.MustCompile(`\bgl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_.-]{16,}`)},
	{"slack", []string{"xox", "xapp-", "hooks.slack.com"}, regexp.MustCompile(`\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/[A-Za-z0-9/_]{10,}`)},
	{"google", []string{"aiza", "ya29."}, regexp.MustCompile(`\bAIza[A-Za-z0-9_-]{35}|\bya29\.[A-Za-z0-9_-]{20,}`)},
	{"npm", []string{"npm_"}, regexp.MustCompile(`\bnpm_[A-Za-z0-9]{30,}`)},
	{"stripe", []string{"sk_live_", "rk_live_", "sk_test_"}, regexp.MustCompile(`\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}`)},
	{"jwt", []string{"eyj"}, regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`)},
	{"authorization", []string{"authorization"}, regexp.MustCompile(`(?i)\b(?:proxy-)?authorization["']?\s*[:=]\s*["']?((?:(?:bearer|basic|token|digest|negotiate)\s+)?[^\s"',;]+)`)},
	{"bearer", []string{"bearer "}, regexp.MustCompile(`(?i)\bbearer\s+([A-Za-z0-9._~+/=-]{16,})`)},
	{"header", []string{"api-key", "-token:", "-token :"}, regexp.MustCompile(`(?i)\bx-(?:api-key|auth-token|access-token|[a-z-]*token)\s*:\s*([^\s"']+)`)},
	{"url-userinfo", []string{"://"}, regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://([^\s/@"'?#:]*:[^\s/@"'?#]+)@`)},
	{"password", []string{"passw", "pwd", "secret", "token", "api_key", "apikey", "api-key"}, regexp.MustCompile(`(?i)(?:password|passwd|passphrase|passwort|\bpwd|secret|token|api[_-]?key)["']?\s*[=:]\s*(?:"([^"]+)"|'([^']+)'|([^\s"'&;|,)]+))`)},
	{"password", []string{"--pass", "--token", "--secret", "--api-key", "sshpass", "--user", "-u "}, regexp.MustCompile(`(?i)(?:--(?:password|passwd|pass|token|secret|api-key)\s+|\bsshpass\s+-p\s*|(?:--user|-u)\s+["']?[^\s:"']+:)([^\s"']+)`)},
}

func (s *secret) hinted(lower string) bool {
	for _, h := range s.hints {
		if strings.Contains(lower, h) {
			return true
		}
	}
	return false
}

const (
	redactBegin = "‹redacted:"
	redactEnd   = "›"
)

// replace puts the mark in the place of the match's first group that took part, or of the whole match.
func (s *secret) replace(text string) string {
	var b strings.Builder
	last := 0
	for _, m := range s.pattern.FindAllStringSubmatchIndex(text, -1) {
		from, to := m[0], m[1]
		if s.kind != "private-key" {
			for g := 2; g+1 < len(m); g += 2 {
				if m[g] >= 0 {
					from, to = m[g], m[g+1]
					break
				}
			}
		}
		if strings.Contains(text[from:to], redactBegin) || strings.HasPrefix(text[from:to], "$") {
			continue // done already, or the name of a variable
		}
		b.WriteString(text[last:from] + redactBegin + s.kind + redactEnd)
		last = to
	}
	return b.String() + text[last:]
}

// Redact replaces secrets of known shapes in text.
func Redact(text string) string {
	if len(text) < 8 {
		return text
	}
	lower := strings.ToLower(text)
	for i := range secrets {
		if secrets[i].hinted(lower) {
			text = secrets[i].replace(text)
		}
	}
	return text
}

// secretFlags are options whose next argument is a secret whatever its shape.
var secretFlags = []string{"--password", "--passwd", "--pass", "--token", "--secret", "--api-key", "--passphrase"}

// redactArgs redacts each argument, and those that follow an option for secrets.
func redactArgs(argv []string) {
	for i, arg := range argv {
		if i > 0 && isSecretFlag(argv[i-1]) && !strings.HasPrefix(arg, "-") && arg != "" {
			argv[i] = redactBegin + "password" + redactEnd
			continue
		}
		argv[i] = Redact(arg)
	}
}

// RedactArgs is a copy of a command line without secrets, and whether there were any.
func RedactArgs(argv []string) (clean []string, found bool) {
	clean = slices.Clone(argv)
	redactArgs(clean)
	return clean, !slices.Equal(clean, argv)
}

func isSecretFlag(arg string) bool {
	for _, f := range secretFlags {
		if strings.EqualFold(arg, f) {
			return true
		}
	}
	return false
}

// Redact takes secrets out of every text of the event that a session can choose. Attribute it first: rules are named by
// what was really there.
func (e *Event) Redact() {
	e.Object = Redact(e.Object)
	e.Command = Redact(e.Command)
	e.Path = Redact(e.Path)
	e.Interpreter = Redact(e.Interpreter)
	e.Cwd = Redact(e.Cwd)
	redactArgs(e.Argv)
	if s := e.Socket; s != nil {
		e.Socket = &Socket{s.Family, Redact(s.Local), Redact(s.Remote), s.State}
	}
	if e.Flow != nil {
		e.Flow = e.Flow.redacted()
	}
	if d := e.Derivation; d != nil {
		clean := *d
		clean.Reader = Redact(d.Reader)
		e.Derivation = &clean
	}
	if e.Said != nil {
		e.Reason = Redact(e.Reason)
		e.Said.Message, e.Said.Reason = Redact(e.Said.Message), e.Reason
	}
}
