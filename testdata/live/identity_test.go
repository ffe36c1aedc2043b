// SPDX-License-Identifier: Apache-2.0

package live

// A file keeps its host name, whatever a session does to its own view. Each case has a control outside.

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestNameIsTheHosts(t *testing.T) {
	for name, c := range map[string]struct {
		before []act
		open   string
		errno  unix.Errno
	}{
		"plain":              {nil, "/data/secret/key", unix.EACCES},
		"proc-self-root":     {nil, "/proc/self/root/data/secret/key", unix.EACCES},
		"proc-self-cwd":      {[]act{{Do: "chdir", Path: "/data/free"}}, "/proc/self/cwd/../secret/key", unix.EACCES},
		"relative":           {[]act{{Do: "chdir", Path: "/data/secret/deep"}}, "../key", unix.EACCES},
		"chroot":             {[]act{{Do: "chroot", Path: "/data/secret"}}, "/key", unix.EACCES},
		"bind":               {[]act{unshareMounts, {Do: "mkdir", Path: "/data/alias"}, {Do: "bind", Path: "/data/secret", To: "/data/alias"}}, "/data/alias/key", unix.EACCES},
		"bind-then-chroot":   {[]act{unshareMounts, {Do: "mkdir", Path: "/data/alias"}, {Do: "bind", Path: "/data", To: "/data/alias"}, {Do: "chroot", Path: "/data/alias"}}, "/secret/key", unix.EACCES},
		"symlink":            {[]act{{Do: "symlink", Path: "/data/secret", To: "/data/free/link"}}, "/data/free/link/key", unix.EACCES},
		"long-way-round":     {nil, "/data/" + strings.Repeat("free/../", 400) + "secret/key", unix.EACCES},
		"own-tmpfs-over-it":  {[]act{unshareMounts, {Do: "tmpfs", Path: "/data/secret"}, {Do: "write", Path: "/data/secret/key", To: "mine"}}, "/data/secret/key", 0},
		"an-open-descriptor": {[]act{{Do: "keep", Path: "/data/secret"}}, "/proc/self/fd/KEPT/key", unix.EACCES},
	} {
		t.Run(name, func(t *testing.T) {
			files(t)
			os.Remove("/data/free/link")
			policy(t, secretPolicy)
			for _, p := range []*process{session(t), start(t)} {
				want := c.errno
				if p.adopted == false {
					want = 0
				}
				path := c.open
				for _, a := range c.before {
					r := p.do(a)
					if r.Errno != 0 {
						t.Fatalf("%s %s: %v", a.Do, a.Path, r.Errno)
					}
					path = strings.Replace(path, "KEPT", itoa(r.Status), 1)
				}
				p.want(act{Do: "open", Path: path}, want)
				os.Remove("/data/free/link")
			}
		})
	}
}

var unshareMounts = act{Do: "unshare", Flags: unix.CLONE_NEWNS}
