// SPDX-License-Identifier: Apache-2.0

// This file is the host's files as fs.FS.

package disk

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Root is the host's files from /. Links are followed, as whoever reads settings does.
type Root struct {
	Avoid []string // folders that are not entered
}

// ErrAvoided is that of file systems that may not answer.
var ErrAvoided = errors.New("on a file system that may not answer, which is not looked at")

// remote are kinds of file systems that wait for somebody else.
var remote = []string{"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "autofs", "virtiofs"}

// Remote lists the mounts that may not answer, but for those in which one of the homes lies: there is no way round them.
func Remote(homes []string) ([]string, error) {
	mounts, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		waits := slices.Contains(remote, m.FSType) || m.FSType == "fuse" || m.FSType == "fuseblk" || strings.HasPrefix(m.FSType, "fuse.")
		return !waits, false
	})
	var out []string
	for _, m := range mounts {
		if !slices.ContainsFunc(homes, func(home string) bool { return within(home, m.Mountpoint) }) {
			out = append(out, m.Mountpoint)
		}
	}
	return out, err
}

// within reports whether a path is a folder or in it.
func within(name, dir string) bool {
	return name == dir || dir == "/" || strings.HasPrefix(name, dir+"/")
}

func (r Root) name(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	full := path.Join("/", name)
	for _, dir := range r.Avoid {
		if within(full, dir) {
			return "", &fs.PathError{Op: op, Path: full, Err: ErrAvoided}
		}
	}
	return full, nil
}

// Near is an error for a name where somebody may not answer. Nothing is asked for it.
func (r Root) Near(name string) error {
	_, err := r.name("open", name)
	return err
}

// Open opens for reading, and waits for no other end of a pipe.
func (r Root) Open(name string) (fs.File, error) {
	full, err := r.name("open", name)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(full, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Stat follows links.
func (r Root) Stat(name string) (fs.FileInfo, error) {
	full, err := r.name("stat", name)
	if err != nil {
		return nil, err
	}
	return os.Stat(full)
}

// Lstat does not.
func (r Root) Lstat(name string) (fs.FileInfo, error) {
	full, err := r.name("lstat", name)
	if err != nil {
		return nil, err
	}
	return os.Lstat(full)
}

// ReadLink gives where a link leads.
func (r Root) ReadLink(name string) (string, error) {
	full, err := r.name("readlink", name)
	if err != nil {
		return "", err
	}
	return os.Readlink(full)
}
