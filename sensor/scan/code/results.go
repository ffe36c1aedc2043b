// SPDX-License-Identifier: Apache-2.0

// This file is what comes out of calls.

package code

import (
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/taint"
)

// gives is the label of a call's result.
func (f *flow) gives(c call, m meaning, args []argument) taint.Label {
	if src, ok := f.sources()[c.full]; ok {
		if src == taint.EnvName {
			if len(args) > 0 && f.toks[args[0].from].kind == str {
				return envOf(f.toks[args[0].from].text)
			}
			return 0
		}
		return src
	}
	switch m.role {
	case reads:
		path := c.all
		if len(c.args) > 0 {
			path = c.args[0]
		}
		return taint.Read(path|c.self) | path&taint.Param
	case fetches:
		l := taint.Remote
		if c.all.Has(taint.Metadata) {
			l |= taint.Secret | taint.Metadata
		}
		return l
	case sends:
		return taint.Remote
	case decodes:
		return taint.Decoded | c.all | c.self
	case clean:
		return 0
	case watches:
		return taint.Watched
	case shells, spawns:
		return f.output(c, args)
	}
	if c.full == "fetch" || c.full == "axios" {
		return taint.Remote
	}
	if strings.HasSuffix(c.full, ".accept") || strings.HasSuffix(c.full, ".recv") {
		return taint.Remote
	}
	f.methods(c)
	return c.all | c.self
}

// methods lets a list or a map take what is put into it.
func (f *flow) methods(c call) {
	at := strings.LastIndexByte(c.full, '.')
	if at < 0 {
		return
	}
	switch c.full[at:] {
	case ".append", ".extend", ".add", ".update", ".push", ".insert", ".set", ".concat", ".setdefault", ".unshift":
		head, _, _ := strings.Cut(f.word(c.first), ".")
		if head == "self" || head == "this" {
			parts := strings.Split(c.full[:at], ".")
			f.set(-1, "."+parts[len(parts)-1], c.all)
			return
		}
		f.set(c.fn, head, c.all)
	}
}

// strings are all constants in a stretch, between spaces.
func (f *flow) strings(from, to int) string {
	var b strings.Builder
	for _, t := range f.toks[from:to] {
		if t.kind == str {
			b.WriteByte(' ')
			b.WriteString(t.text)
		}
	}
	return b.String()
}

// output is what a program writes that is run with these words.
func (f *flow) output(c call, args []argument) taint.Label {
	line := ""
	if len(args) > 0 {
		line = f.strings(args[0].from, args[0].to)
	}
	l := c.all & (taint.Secret | taint.EnvAll | taint.Param)
	if paths := f.of(line); paths.Has(taint.SecretPath | taint.SystemPath) {
		l |= taint.Read(paths)
	}
	switch {
	case strings.Contains(line, "curl ") || strings.Contains(line, "wget "):
		l |= taint.Remote
	case strings.Contains(line, "pbpaste") || strings.Contains(line, "xclip") || strings.Contains(line, "xsel"):
		l |= taint.Watched
	case strings.Contains(line, "hostname") || strings.Contains(line, "whoami") || strings.Contains(line, "uname"):
		l |= taint.Host
	case strings.Contains(line, "git "):
		l |= taint.File
	case strings.Contains(line, "find-generic-password") || strings.Contains(line, "find-internet-password"):
		l |= taint.Secret
	case strings.Contains(line, "ps aux") || strings.Contains(line, "netstat") || strings.Contains(line, "ip route") || strings.Contains(line, "arp -") || strings.Contains(line, "ifconfig") || strings.Contains(line, "ip addr"):
		l |= taint.System
	}
	return l
}
