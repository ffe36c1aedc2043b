// SPDX-License-Identifier: Apache-2.0

package live

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

const secretPolicy = `
[[rule]]
id = "secret"
on = ["file.read", "file.write"]
match = ["/data/secret/**"]
except = ["/data/secret/open.txt"]
action = "deny"
reason = "test"

[[rule]]
id = "readonly"
on = ["file.write"]
match = ["/data/readonly/**"]
action = "deny"
reason = "test"
`

// files makes a small tree below /data, and takes away by what an earlier test was told to go on.
func files(t *testing.T) {
	t.Helper()
	for _, signal := range []string{"ready", "go"} {
		must(t, os.RemoveAll(filepath.Join("/data", signal)))
	}
	for _, f := range []string{"secret/key", "secret/open.txt", "secret/deep/er/key", "readonly/file", "free/file"} {
		path := filepath.Join("/data", f)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte("x"), 0o644))
	}
}

func TestOpenIsJudged(t *testing.T) {
	files(t)
	policy(t, secretPolicy)
	in, out := session(t), start(t)
	for _, c := range []struct {
		path  string
		flags int
		errno unix.Errno
	}{
		{"/data/secret/key", unix.O_RDONLY, unix.EACCES},
		{"/data/secret/key", unix.O_WRONLY, unix.EACCES},
		{"/data/secret/deep/er/key", unix.O_RDWR, unix.EACCES},
		{"/data/secret", unix.O_RDONLY | unix.O_DIRECTORY, unix.EACCES},
		{"/data/secret/open.txt", unix.O_RDONLY, 0},
		{"/data/free/file", unix.O_RDWR, 0},
		{"/data/readonly/file", unix.O_RDONLY, 0},
		{"/data/readonly/file", unix.O_RDWR, unix.EACCES},
		{"/data/readonly/file", unix.O_RDONLY | unix.O_TRUNC, unix.EACCES},
		{"/data/readonly/new", unix.O_WRONLY | unix.O_CREAT, unix.EACCES},
		{"/data/readonly/../secret/./key", unix.O_RDONLY, unix.EACCES},
		{"/proc/self/root/data/secret/key", unix.O_RDONLY, unix.EACCES},
	} {
		in.want(act{Do: "open", Path: c.path, Flags: c.flags}, c.errno)
		in.want(act{Do: "thread", Path: c.path, Flags: c.flags}, c.errno)
		out.want(act{Do: "open", Path: c.path, Flags: c.flags}, 0)
	}
}
