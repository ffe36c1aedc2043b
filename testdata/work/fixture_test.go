// SPDX-License-Identifier: Apache-2.0

package work

// What the work works on, made once in each machine. Sizes are such that an emulated processor needs some seconds for a piece.

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/stage"
)

// then is when everything was written.
var then = time.Unix(1_600_000_000, 0)

func furnish(t *testing.T, p *stage.Person) {
	t.Helper()
	must(t, p.Write(map[string]string{".ssh/id_ed25519": secret + "\n", "fixture/npm/package.json": `{"name":"app","version":"1.0.0","private":true}` + "\n"}))
	makeTree(t, filepath.Join(p.Home, "fixture/tree"))
	makeRepository(t, filepath.Join(p.Home, "fixture/large.git"))
	for _, name := range []string{"left-1.0.0", "left-2.0.0", "right-1.0.0"} {
		must(t, os.WriteFile(filepath.Join(p.Home, "fixture/npm", name+".tgz"), pack(t, name), 0o644))
	}
	makeModule(t, filepath.Join(p.Home, "fixture/module"))
	must(t, p.Own())
	settle(t, filepath.Join(p.Home, "fixture"))
}

// write makes a file with its folders.
func write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, []byte(text), mode))
	must(t, os.Chmod(name, mode))
}

// settle gives everything its time, what is deepest first: a new time of a file is none of its folder's.
func settle(t *testing.T, root string) {
	t.Helper()
	out, err := exec.Command("find", root, "-depth", "-exec", "touch", "-h", "-d", "@"+fmt.Sprint(then.Unix()), "{}", "+").CombinedOutput()
	if err != nil {
		t.Fatalf("touch: %v\n%s", err, out)
	}
}

// makeTree is a small project with names, modes and links of every kind.
func makeTree(t *testing.T, root string) {
	t.Helper()
	for i := range 600 {
		write(t, fmt.Sprintf("%s/src/p%d/f%d.txt", root, i%12, i), strings.Repeat(fmt.Sprintf("line %d\n", i), 1+i%50), []os.FileMode{0o644, 0o600, 0o755, 0o444}[i%4])
	}
	for _, name := range []string{"docs/a b.md", "docs/ü—ß.md", "docs/-dash", "docs/new\nline", "docs/.hidden", "docs/.env.example", ".git-not/hooks/pre-commit", "bin/tool", "x/y/z/deep"} {
		write(t, filepath.Join(root, name), name, 0o644)
	}
	write(t, root+"/large", strings.Repeat("0123456789abcdef", 1<<16), 0o644)
	must(t, os.MkdirAll(root+"/empty/folder", 0o700))
	must(t, os.Symlink("../src/p1", root+"/docs/link"))
	must(t, os.Symlink("nowhere", root+"/docs/dangling"))
	must(t, os.Link(root+"/bin/tool", root+"/bin/tool-again"))
	must(t, os.Chmod(root+"/empty", 0o2750))
	must(t, os.Chmod(root+"/bin/tool", 0o755))
	must(t, exec.Command("mkfifo", root+"/fifo").Run())
}

// makeRepository has a branch "main" of 3000 files and a branch "moved" in which half of them are changed, moved or gone.
func makeRepository(t *testing.T, root string) {
	t.Helper()
	var script bytes.Buffer
	commit := func(branch, from, message string, content func(i int) (name, text string)) {
		fmt.Fprintf(&script, "commit refs/heads/%s\ncommitter A <a@example.org> %d +0000\ndata %d\n%s\n%s", branch, then.Unix(), len(message), message, from)
		for i := range 3000 {
			if name, text := content(i); name != "" {
				mode := []string{"100644", "100755"}[i%2]
				fmt.Fprintf(&script, "M %s inline %s\ndata %d\n%s\n", mode, name, len(text), text)
			}
		}
		fmt.Fprint(&script, "M 120000 inline link\ndata 7\ndir1/f1\n\n")
	}
	commit("main", "", "Begin", func(i int) (string, string) { return fmt.Sprintf("dir%d/f%d", i%60, i), fmt.Sprintf("file %d\n", i) })
	commit("moved", "from refs/heads/main\ndeleteall\n", "Move", func(i int) (string, string) {
		switch dir := i % 60; {
		case dir < 30:
			return fmt.Sprintf("dir%d/f%d", dir, i), fmt.Sprintf("file %d\n", i)
		case dir < 40:
			return fmt.Sprintf("moved/dir%d/f%d", dir, i), fmt.Sprintf("file %d\n", i)
		case dir < 50:
			return fmt.Sprintf("dir%d/f%d", dir, i), fmt.Sprintf("changed %d\n", i)
		}
		return "", ""
	})
	must(t, exec.Command("git", "init", "-q", "--bare", "-b", "main", root).Run())
	load := exec.Command("git", "-C", root, "fast-import", "--quiet")
	load.Stdin = &script
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("git fast-import: %v\n%s", err, out)
	}
}

// pack is a package as npm publishes it, with a program and folders to move.
func pack(t *testing.T, name string) []byte {
	t.Helper()
	base, version, _ := strings.Cut(name, "-")
	var buffer bytes.Buffer
	compressed := gzip.NewWriter(&buffer)
	archive := tar.NewWriter(compressed)
	add := func(file, text string, mode int64) {
		must(t, archive.WriteHeader(&tar.Header{Name: "package/" + file, Mode: mode, Size: int64(len(text)), ModTime: then}))
		_, err := io.WriteString(archive, text)
		must(t, err)
	}
	add("package.json", fmt.Sprintf("{\"name\":%q,\"version\":%q,\"bin\":{%q:\"bin/run.sh\"}}\n", base, version, base), 0o644)
	add("bin/run.sh", "#!/bin/sh\necho "+name+"\n", 0o755)
	for i := range 150 {
		add(fmt.Sprintf("lib/%d/f%d.js", i%10, i), fmt.Sprintf("module.exports = %d // %s\n", i, version), 0o644)
	}
	must(t, archive.Close())
	must(t, compressed.Close())
	return buffer.Bytes()
}

// makeModule is a Go program of some packages that needs no other module.
func makeModule(t *testing.T, root string) {
	t.Helper()
	imports, calls := "", ""
	for i := range 8 {
		write(t, fmt.Sprintf("%s/p%d/p.go", root, i), fmt.Sprintf("package p%d\n\nimport \"fmt\"\n\nfunc F(n int) string { return fmt.Sprintf(\"v%%d\", n*%d) }\n", i, i+1), 0o644)
		imports += fmt.Sprintf("\t\"example.org/work/p%d\"\n", i)
		calls += fmt.Sprintf("\tfmt.Println(strings.ToUpper(p%d.F(%d)))\n", i, i)
	}
	write(t, root+"/go.mod", "module example.org/work\n\ngo 1.24\n", 0o644)
	write(t, root+"/main.go", "package main\n\nimport (\n\t\"fmt\"\n\t\"strings\"\n\n"+imports+")\n\nfunc main() {\n"+calls+"}\n", 0o644)
}
