// SPDX-License-Identifier: Apache-2.0

package unpack

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
)

// unpacked is what came of one file.
type unpacked struct {
	files map[string]string
	rules []string
	err   error
}

func unpackOne(t testing.TB, name string, data []byte, lim Limits) unpacked {
	t.Helper()
	return unpackTree(t, fstest.MapFS{"unit/" + name: {Data: data, Mode: 0o644}}, "unit", lim)
}

func unpackTree(t testing.TB, fsys fs.FS, root string, lim Limits) unpacked {
	t.Helper()
	u := unpacked{files: map[string]string{}}
	w := Walker{
		Limits: lim,
		Visit:  func(f File) { u.files[f.Name] = string(f.Data) },
		Tell: func(f finding.Finding) {
			if !slices.Contains(u.rules, f.Rule) {
				u.rules = append(u.rules, f.Rule)
			}
		},
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	u.err = w.Walk(ctx, fsys, root)
	slices.Sort(u.rules)
	return u
}

func zipOf(t testing.TB, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		m, err := w.CreateHeader(&zip.FileHeader{Name: members[i], Method: zip.Deflate})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Write([]byte(members[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t testing.TB, headers ...*tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		body := []byte("body of " + h.Name)
		if h.Typeflag != tar.TypeReg {
			body = nil
		}
		h.Size, h.Mode = int64(len(body)), h.Mode|0o644
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipOf(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func xzOf(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstdOf(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(data, nil)
}

func TestEveryFormatIsOpenedAndNests(t *testing.T) {
	inner := tarOf(t, &tar.Header{Name: "deep.txt", Typeflag: tar.TypeReg})
	for name, tc := range map[string]struct {
		file string
		data []byte
		want string
	}{
		"zip":                      {"a.zip", zipOf(t, "SKILL.md", "hello"), "a.zip!SKILL.md"},
		"zip-under-another-name":   {"a.txt", zipOf(t, "SKILL.md", "hello"), "a.txt!SKILL.md"},
		"zip-behind-an-image":      {"a.png", append([]byte("\x89PNG\r\n\x1a\n0000"), zipOf(t, "SKILL.md", "hello")...), "a.png!SKILL.md"},
		"tar":                      {"a.tar", inner, "a.tar!deep.txt"},
		"tgz":                      {"a.tgz", gzipOf(inner), "a.tgz!a.tar!deep.txt"},
		"xz":                       {"a.tar.xz", xzOf(t, inner), "a.tar.xz!a.tar!deep.txt"},
		"xz-of-two-streams":        {"a.xz", append(xzOf(t, []byte("one")), xzOf(t, []byte("two"))...), "a.xz!a"},
		"zstd":                     {"a.tar.zst", zstdOf(t, inner), "a.tar.zst!a.tar!deep.txt"},
		"tar-in-zip-in-gzip":       {"a.gz", gzipOf(zipOf(t, "b.tar", string(inner))), "a.gz!a!b.tar!deep.txt"},
		"docx-is-a-zip":            {"a.docx", zipOf(t, "word/document.xml", "<w:t>x</w:t>"), "a.docx!word/document.xml"},
		"zip-that-is-not-deflated": {"a.zip", stored(t), "a.zip!x"},
	} {
		t.Run(name, func(t *testing.T) {
			u := unpackOne(t, tc.file, tc.data, Defaults())
			if _, ok := u.files[tc.want]; !ok {
				t.Errorf("no %s among %v; told %v", tc.want, keys(u.files), u.rules)
			}
		})
	}
	if u := unpackOne(t, "a.xz", append(xzOf(t, []byte("one")), xzOf(t, []byte("two"))...), Defaults()); u.files["a.xz!a"] != "onetwo" {
		t.Errorf("two streams of xz gave %q", u.files["a.xz!a"])
	}
}

func stored(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	m, err := w.CreateHeader(&zip.FileHeader{Name: "x", Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	m.Write([]byte("stored"))
	w.Close()
	return b.Bytes()
}

func keys(m map[string]string) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

func TestNamesThatLeadAstrayAreTold(t *testing.T) {
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"slip":               {zipOf(t, "../../.bashrc", "x"), RuleSlip},
		"slip-in-the-middle": {zipOf(t, "a/../../b", "x"), RuleSlip},
		"absolute":           {zipOf(t, "/etc/cron.d/x", "x"), RuleSlip},
		"backslash-slip":     {zipOf(t, `..\..\.profile`, "x"), RuleSlip},
		"drive":              {zipOf(t, `C:/Users/x`, "x"), RuleSlip},
		"duplicate":          {zipOf(t, "index.js", "good", "index.js", "bad"), RuleDuplicate},
		"duplicate-by-case":  {zipOf(t, "SKILL.md", "good", "skill.MD", "bad"), RuleDuplicate},
		"overlong":           {zipOf(t, strings.Repeat("n", 300), "x"), RuleName},
		"deep":               {zipOf(t, strings.Repeat("a/", 60)+"x", "x"), RuleName},
		"unseen":             {zipOf(t, "SKILL\u200b.md", "x"), RuleName},
		"tar-link":           {tarOf(t, &tar.Header{Name: "x", Typeflag: tar.TypeSymlink, Linkname: "../../etc"}), RuleLink},
		"tar-absolute-link":  {tarOf(t, &tar.Header{Name: "x", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}), RuleLink},
		"tar-hard-link":      {tarOf(t, &tar.Header{Name: "x", Typeflag: tar.TypeLink, Linkname: "../x"}), RuleLink},
		"tar-device":         {tarOf(t, &tar.Header{Name: "x", Typeflag: tar.TypeChar}), RuleSpecial},
		"tar-setuid":         {tarOf(t, &tar.Header{Name: "x", Typeflag: tar.TypeReg, Mode: 0o4000}), RuleSpecial},
		"encrypted":          {encrypted(t), RuleEncrypted},
		"unlisted":           {unlisted(t), RuleHidden},
		"seven-zip":          {[]byte("7z\xbc\xaf\x27\x1c....."), RuleUnread},
		"broken":             {[]byte("PK\x03\x04 and nothing more"), RuleUnread},
		"broken-xz":          {[]byte("\xfd7zXZ\x00\x00\x04more"), RuleUnread},
		"broken-gzip":        {[]byte("\x1f\x8b\x08\x00more"), RuleUnread},
	} {
		t.Run(name, func(t *testing.T) {
			if u := unpackOne(t, "a.bin", tc.data, Defaults()); !slices.Contains(u.rules, tc.want) {
				t.Errorf("told %v, want %s", u.rules, tc.want)
			}
		})
	}
	plain := zipOf(t, "SKILL.md", "hello", "scripts/", "", "scripts/run.py", "print(1)")
	if u := unpackOne(t, "a.skill", plain, Defaults()); len(u.rules) != 0 {
		t.Errorf("an ordinary archive: told %v", u.rules)
	}
}

func encrypted(t testing.TB) []byte {
	data := zipOf(t, "x", "secret")
	for _, at := range []int{6, bytes.Index(data, []byte("PK\x01\x02")) + 8} {
		data[at] |= 1
	}
	return data
}

// unlisted is an archive whose second member only stands in front, not in the list.
func unlisted(t testing.TB) []byte {
	hidden := zipOf(t, "hidden.sh", "x")
	hidden = hidden[:bytes.Index(hidden, []byte("PK\x01\x02"))]
	return append(hidden, zipOf(t, "SKILL.md", "hello")...)
}

func TestLinksOfAFolder(t *testing.T) {
	dir := t.TempDir()
	for link, target := range map[string]string{"out": "../../etc/passwd", "absolute": "/etc/passwd", "inside": "SKILL.md"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(filepath.Join(dir, "SKILL.md"), []byte("hello"), 0o644)
	var told []string
	w := Walker{Limits: Defaults(), Visit: func(File) {}, Tell: func(f finding.Finding) { told = append(told, f.File) }}
	if err := w.Walk(t.Context(), os.DirFS(dir), "."); err != nil {
		t.Fatal(err)
	}
	slices.Sort(told)
	if want := []string{"absolute", "out"}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

// Bombs are cut off at the limits, and the memory that they cost is bounded.
func TestHostileArchivesStayWithinTheirLimits(t *testing.T) {
	zeros := make([]byte, 48<<20)
	lim := Limits{Files: 500, Depth: 3, File: 8 << 20, Total: 24 << 20, Ratio: 100, Name: 512, Part: 255, Steps: 40}
	nested := []byte("end")
	for range 12 {
		nested = gzipOf(nested)
	}
	var many []string
	for range 2000 {
		many = append(many, "x"+strings.Repeat("y", len(many)/50), "1")
	}
	var wide []string
	for i := range 60 {
		wide = append(wide, strings.Repeat("w", i+1), string(zeros[:900<<10]))
	}
	quine := zipOf(t, "a.zip", string(zipOf(t, "b.zip", string(zipOf(t, "c.zip", string(zipOf(t, "d.zip", string(zipOf(t, "e", "e")))))))))
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"gzip-bomb":         {gzipOf(zeros), RuleBomb},
		"zip-bomb":          {zipOf(t, "zeros", string(zeros)), RuleBomb},
		"xz-bomb":           {xzOf(t, zeros), RuleBomb},
		"zstd-bomb":         {zstdOf(t, zeros), RuleBomb},
		"gzips-in-gzips":    {nested, RuleBomb},
		"zips-in-zips":      {quine, RuleBomb},
		"many-members":      {zipOf(t, many...), RuleBomb},
		"many-large":        {zipOf(t, wide...), RuleUnread},
		"xz-asks-for-4-GiB": {hugeDictionary(t), RuleUnread},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			begin := time.Now()
			u := unpackOne(t, "a", tc.data, lim)
			runtime.ReadMemStats(&after)
			if u.err != nil {
				t.Fatal(u.err)
			}
			if !slices.Contains(u.rules, tc.want) {
				t.Errorf("told %v, want %s", u.rules, tc.want)
			}
			// Everything ever allocated, and not the peak: no collector can flatter it. ReadAll grows by copying.
			if cost := after.TotalAlloc - before.TotalAlloc; cost > 512<<20 {
				t.Errorf("allocated %d MiB", cost>>20)
			}
			if took := time.Since(begin); took > 30*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// hugeDictionary is a small xz whose block asks for the largest dictionary.
func hugeDictionary(t testing.TB) []byte {
	data := xzOf(t, []byte("small"))
	at := bytes.Index(data, []byte{lzma2ID, 1})
	data[at+2] = 40
	return data
}

func TestWhatCannotBeReadIsTold(t *testing.T) {
	u := unpackTree(t, failing{fstest.MapFS{"unit/a": {Data: []byte("x")}, "unit/b": {Data: []byte("y")}}}, "unit", Defaults())
	if want := []string{RuleUnread}; !slices.Equal(u.rules, want) || u.files["b"] != "y" {
		t.Errorf("told %v, read %v", u.rules, u.files)
	}
}

// failing refuses to open "a".
type failing struct{ fstest.MapFS }

func (f failing) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, "/a") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("permission denied")}
	}
	return f.MapFS.Open(name)
}

func TestContextEndsAWalk(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := Walker{Limits: Defaults(), Visit: func(File) { t.Error("visited") }, Tell: func(finding.Finding) {}}
	if err := w.Walk(ctx, fstest.MapFS{"unit/a": {Data: []byte("x")}}, "unit"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// FuzzUnpack: no input panics, none costs more than the limits.
func FuzzUnpack(f *testing.F) {
	for _, seed := range [][]byte{
		zipOf(f, "SKILL.md", "hello", "a/../b", "x"), tarOf(f, &tar.Header{Name: "x", Typeflag: tar.TypeReg}),
		gzipOf([]byte("x")), xzOf(f, []byte("hello hello hello")), zstdOf(f, []byte("hello")), encrypted(f), unlisted(f), hugeDictionary(f),
		[]byte("BZh91AY&SY"),
	} {
		f.Add(seed)
	}
	lim := Limits{Files: 50, Depth: 3, File: 1 << 20, Total: 4 << 20, Ratio: 100, Name: 512, Part: 255, Steps: 40}
	f.Fuzz(func(t *testing.T, data []byte) {
		total := int64(0)
		w := Walker{Limits: lim, Visit: func(f File) { total += int64(len(f.Data)) }, Tell: func(finding.Finding) {}}
		if err := w.Walk(t.Context(), fstest.MapFS{"unit/a": {Data: data}}, "unit"); err != nil {
			t.Fatal(err)
		}
		if total > lim.Total {
			t.Errorf("handed out %d bytes", total)
		}
	})
}
