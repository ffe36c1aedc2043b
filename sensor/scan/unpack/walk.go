// SPDX-License-Identifier: Apache-2.0

// This file walks a tree of the file system and everything that is packed in it.

package unpack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
)

// Rules that this package tells. Their titles and weights are data, as all rules' are.
const (
	RuleUnread    = "ARC-UNREAD"    // could not be read, or not whole
	RuleBomb      = "ARC-BOMB"      // costs more than it may
	RuleSlip      = "ARC-SLIP"      // a name that leaves the folder
	RuleLink      = "ARC-LINK"      // a link that leaves the unit
	RuleDuplicate = "ARC-DUPLICATE" // two members, one name
	RuleName      = "ARC-NAME"      // overlong, too deep, or with characters that no name needs
	RuleHidden    = "ARC-HIDDEN"    // content outside of the archive's own list
	RuleEncrypted = "ARC-ENCRYPTED"
	RuleSpecial   = "ARC-SPECIAL" // device, socket, pipe; setuid
)

// File is one file or member, read whole. Data is the callee's until the next one is handed out.
type File struct {
	Name   string // inside the unit; members of archives as "archive!member"
	Data   []byte
	Mode   fs.FileMode
	Member bool // it came out of an archive
}

// Walker unpacks one unit.
type Walker struct {
	Limits Limits
	Visit  func(File)
	Tell   func(finding.Finding)
	Skip   func(name string, dir bool) bool // what belongs to another unit; nil skips nothing

	acc account
}

// Walk hands out every file at or below root. The error is the context's, or that root cannot be read at all.
func (w *Walker) Walk(ctx context.Context, fsys fs.FS, root string) error {
	w.acc = account{lim: w.Limits}
	info, err := fs.Stat(fsys, root)
	if err != nil {
		return fmt.Errorf("reading %s: %w", root, err)
	}
	if !info.IsDir() {
		w.file(ctx, fsys, root, path.Base(root), info.Mode())
		return ctx.Err()
	}
	return fs.WalkDir(fsys, root, func(name string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		inner := strings.TrimPrefix(strings.TrimPrefix(name, root), "/")
		if err != nil {
			w.tell(RuleUnread, inner, err.Error())
			return nil
		}
		if name != root && w.Skip != nil && w.Skip(name, entry.IsDir()) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.IsDir() {
			return nil
		}
		return w.entry(ctx, fsys, name, inner, entry)
	})
}

// entry is one name of the file system that is no folder.
func (w *Walker) entry(ctx context.Context, fsys fs.FS, name, inner string, entry fs.DirEntry) error {
	if w.acc.files >= w.Limits.Files {
		w.tell(RuleUnread, inner, fmt.Sprintf("more than %d files: this one and all after it", w.Limits.Files))
		return fs.SkipAll
	}
	switch mode := entry.Type(); {
	case mode&fs.ModeSymlink != 0:
		w.link(fsys, name, inner)
	case !mode.IsRegular():
		w.tell(RuleSpecial, inner, mode.String())
	default:
		info, err := entry.Info()
		if err != nil {
			w.tell(RuleUnread, inner, err.Error())
			return nil
		}
		w.file(ctx, fsys, name, inner, info.Mode())
	}
	return nil
}

// link judges a symbolic link by its text. What it leads to inside the unit is found at its own name.
func (w *Walker) link(fsys fs.FS, name, inner string) {
	w.acc.files++
	target, err := fs.ReadLink(fsys, name)
	if err != nil {
		w.tell(RuleUnread, inner, err.Error())
		return
	}
	if leaves(path.Dir(inner), target) {
		w.Tell(finding.Finding{Rule: RuleLink, File: inner, Place: finding.Code, Text: target, Detail: "links to " + finding.Visible(target)})
	}
}

// leaves says whether a link's text, or a member's name, leads out of the folder that it is unpacked in.
func leaves(dir, target string) bool {
	if path.IsAbs(target) {
		return true
	}
	whole := path.Join(dir, target)
	return whole == ".." || strings.HasPrefix(whole, "../")
}

func (w *Walker) file(ctx context.Context, fsys fs.FS, name, inner string, mode fs.FileMode) {
	f, err := fsys.Open(name)
	if err != nil {
		w.acc.files++
		w.tell(RuleUnread, inner, err.Error())
		return
	}
	defer f.Close()
	data, err := w.acc.take(f, -1)
	if err != nil {
		w.acc.files++
		w.tell(RuleUnread, inner, err.Error())
		return
	}
	w.hand(ctx, File{Name: inner, Data: data, Mode: mode}, 0)
}

// hand gives one file out, and opens it where it is an archive.
func (w *Walker) hand(ctx context.Context, f File, depth int) {
	w.acc.files++
	if f.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
		w.tell(RuleSpecial, f.Name, "setuid or setgid: "+f.Mode.String())
	}
	open, known := format(f.Name, f.Data)
	if !known {
		w.Visit(f)
		return
	}
	if open == nil {
		w.tell(RuleUnread, f.Name, "a format of archive that is not opened here")
		w.Visit(f)
		return
	}
	if depth >= w.Limits.Depth {
		w.tell(RuleBomb, f.Name, fmt.Sprintf("archives nested deeper than %d", w.Limits.Depth))
		return
	}
	w.Visit(f)
	if err := open(ctx, w, f, depth+1); err != nil {
		w.refuse(f.Name, err)
	}
}

// refuse says why a file or a member was not read.
func (w *Walker) refuse(name string, err error) {
	rule := RuleUnread
	if errors.Is(err, errBomb) {
		rule = RuleBomb
	}
	w.tell(rule, name, err.Error())
}

// member reads one member and gives it out. It says whether there may be more.
func (w *Walker) member(ctx context.Context, m File, r io.Reader, packed int64, depth int) bool {
	if ctx.Err() != nil {
		return false
	}
	if w.acc.files >= w.Limits.Files {
		w.tell(RuleBomb, m.Name, fmt.Sprintf("more than %d files: this member and all after it", w.Limits.Files))
		return false
	}
	data, err := w.acc.take(r, packed)
	if err != nil {
		w.acc.files++
		w.refuse(m.Name, err)
		return !errors.Is(err, errTotal)
	}
	m.Data, m.Member = data, true
	w.hand(ctx, m, depth)
	return true
}

func (w *Walker) tell(rule, name, detail string) {
	w.Tell(finding.Finding{Rule: rule, File: name, Place: finding.Code, Detail: detail})
}

// opener takes one format apart.
type opener func(ctx context.Context, w *Walker, f File, depth int) error

type magic struct {
	bytes string
	at    int
	open  opener
}

// formats are told by their first bytes, since names lie. A nil opener is a format that is known and not opened.
func formats() []magic {
	return []magic{
		{"PK\x03\x04", 0, openZip},
		{"PK\x05\x06", 0, openZip},
		{"ustar", 257, openTar},
		{"\x1f\x8b", 0, openGzip},
		{"\xfd7zXZ\x00", 0, openXz},
		{"\x28\xb5\x2f\xfd", 0, openZstd},
		{"BZh", 0, openBzip2},
		{"7z\xbc\xaf\x27\x1c", 0, nil},
		{"Rar!\x1a\x07", 0, nil},
		{"xar!", 0, nil},
		{"MSCF", 0, nil},
		{"\xed\xab\xee\xdb", 0, nil}, // rpm
		{"!<arch>\n", 0, nil},        // deb, .a
	}
}

// suffixes are names that promise an archive whose first bytes do not show it: a zip may have anything in front.
var suffixes = []string{".zip", ".mcpb", ".dxt", ".skill", ".docx", ".xlsx", ".pptx", ".jar", ".whl", ".vsix", ".xpi", ".crx", ".egg", ".nupkg"}

func format(name string, data []byte) (opener, bool) {
	for _, f := range formats() {
		if len(data) >= f.at+len(f.bytes) && string(data[f.at:f.at+len(f.bytes)]) == f.bytes {
			return f.open, true
		}
	}
	lower := strings.ToLower(name)
	for _, s := range suffixes {
		if strings.HasSuffix(lower, s) {
			return openZip, true
		}
	}
	// A zip that hides behind another format: its list stands at the end.
	if tail := data[max(0, len(data)-66_000):]; bytes.Contains(tail, []byte("PK\x05\x06")) && bytes.Contains(data, []byte("PK\x01\x02")) {
		return openPolyglot, true
	}
	return nil, false
}
