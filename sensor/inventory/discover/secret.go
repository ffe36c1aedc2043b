// SPDX-License-Identifier: Apache-2.0

// This file keeps credentials where they are: of an environment or of headers the names are taken, of a URL what is no
// secret. It decides what is one by its name and by its shape.

package discover

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/formats"
)

// secretName are names of credentials, of variables and of headers.
var secretName = regexp.MustCompile(`(?i)(token|secret|passw|passphrase|api[_-]?key|access[_-]?key|private[_-]?key|_key$|^key$|credential|auth|cookie|session|bearer|dsn|connection[_-]?string|database_url|_pat$|^pat$|signature)`)

// loaders are variables by which programs load code. Their values are no credentials, and belong to what an item is.
var loaders = []string{"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "NODE_OPTIONS", "NODE_PATH", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "BASH_ENV", "ENV",
	"PERL5OPT", "PERL5LIB", "RUBYOPT", "RUBYLIB", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "DOTNET_STARTUP_HOOKS", "GIT_SSH_COMMAND", "PATH",
	"NPM_CONFIG_REGISTRY", "npm_config_registry", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"}

// reference is a value that names where it is to be found, and is none itself.
var reference = regexp.MustCompile(`^\s*(?i:(bearer|basic|token)\s+)?(\$\{[^}]*\}|\$[A-Za-z_]\w*|\{(env|file):[^}]*\}|%[A-Za-z_]\w*%)\s*$`)

// settle takes names from a table of variables or headers.
func credentials(it *inventory.Item, kind string, table *formats.Node) {
	for _, name := range table.Keys() {
		value := table.Get(name).String()
		name = clean(name)
		it.Identity.Settings = append(it.Identity.Settings, inventory.Part{Name: kind + " " + name, Value: loaded(kind, name, value)})
		if kind == "env" && slices.Contains(loaders, name) {
			it.Facts.Environment = append(it.Facts.Environment, name)
			continue
		}
		if !secretName.MatchString(name) && event.Redact(value) == value && !hasUserinfo(value) {
			continue
		}
		it.Secrets = append(it.Secrets, name)
		if value != "" && !reference.MatchString(value) {
			it.Literal = append(it.Literal, name)
		}
	}
}

// loaded is the value of a variable that loads code, without secrets; of all others "".
func loaded(kind, name, value string) string {
	if kind != "env" || !slices.Contains(loaders, name) {
		return ""
	}
	if strings.Contains(value, "://") {
		value, _ = maskURL(value)
	}
	return bounded(event.Redact(value))
}

// named takes names of variables that hold credentials.
func named(it *inventory.Item, kind string, names []string) {
	for _, n := range names {
		n = clean(n)
		it.Identity.Settings = append(it.Identity.Settings, inventory.Part{Name: kind + " " + n})
		it.Secrets = append(it.Secrets, n)
	}
}

func hasUserinfo(value string) bool {
	u, err := url.Parse(value)
	return err == nil && u.User != nil
}

// mask stands for what is left out.
const mask = "‹redacted›"

// opaque is a part of a path that is long and random enough to be a key.
var opaque = regexp.MustCompile(`^[A-Za-z0-9_~=-]{24,}$`)

// maskURL takes out of a URL what may be a secret: whom it is for, values of its query, long random parts of its path.
// It tells whether there was any.
func maskURL(text string) (masked string, secret bool) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil {
		return mask, true
	}
	if u.User != nil {
		u.User, secret = nil, true
	}
	u.Fragment, u.RawFragment = "", ""
	parts := strings.Split(u.Path, "/")
	for i, p := range parts {
		if opaque.MatchString(p) && strings.ContainsAny(p, "0123456789") && strings.ContainsAny(strings.ToLower(p), "abcdefghijklmnopqrstuvwxyz") {
			parts[i], secret = mask, true
		}
	}
	query := ""
	if u.RawQuery != "" {
		query, secret = maskQuery(u.RawQuery, secret)
	}
	u.RawQuery, u.ForceQuery, u.Path, u.RawPath = "", false, strings.Join(parts, "/"), ""
	masked = u.Redacted()
	if unescaped, err := url.PathUnescape(masked); err == nil && strings.Contains(unescaped, mask) {
		masked = unescaped
	}
	again := event.Redact(masked + query)
	return bounded(again), secret || again != masked+query
}

func maskQuery(raw string, secret bool) (string, bool) {
	var out []string
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name, _ := url.QueryUnescape(name); value != "" && !reference.MatchString(value) && (secretName.MatchString(name) || opaque.MatchString(value)) {
			pair, secret = name+"="+mask, true
		}
		out = append(out, pair)
	}
	return "?" + strings.Join(out, "&"), secret
}

// textMax bounds a text that is kept of a file.
const textMax = 2_000

func bounded(s string) string {
	if len(s) > textMax {
		return strings.ToValidUTF8(s[:textMax], "") + "…"
	}
	return s
}

// loopback reports whether a URL leads to this machine.
func loopback(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.Unmap().IsLoopback()
}

// hostOf is the host of a URL, or "".
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
