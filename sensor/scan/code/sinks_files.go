// SPDX-License-Identifier: Apache-2.0

// This file judges what is read, written, removed and opened to others.

package code

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/taint"
)

// mode says that a file is opened to be written.
func (f *flow) mode(args []argument) bool {
	for n, a := range args {
		if (n == 1 && a.name == "" || a.name == "mode") && f.toks[a.from].kind == str && strings.ContainsAny(f.toks[a.from].text, "wax+") {
			return true
		}
	}
	return false
}

func (f *flow) judgeRead(c call, _ role, _ []argument) {
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

func (f *flow) judgeWrite(c call, _ role, _ []argument) {
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

func (f *flow) judgeMode(c call, _ role, args []argument) {
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

func (f *flow) traces(c call) {
	if c.all.Has(taint.History) || c.all.Has(taint.SystemPath) {
		f.tell("COD-EVASION", c.first, "removes traces")
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

func (f *flow) judgeRemove(c call, _ role, _ []argument) {
	f.param(c, "COD-DELETE-PARAM", "removes a file that the caller names")
	f.traces(c)
	f.destroys(c)
}

func (f *flow) judgeExtract(c call, _ role, args []argument) {
	if c.kw["filter"].Has(^taint.Label(0)) || f.mentions(args, "filter") {
		return
	}
	f.tell("COD-EXTRACT", c.first, "unpacks without a look at names and sizes")
	f.param(c, "COD-EXTRACT-PARAM", "unpacks what the caller names, without a look at names and sizes")
}
