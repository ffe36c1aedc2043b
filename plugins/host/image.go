// SPDX-License-Identifier: Apache-2.0

// This file makes sure that what is executed is what was hashed: the program is copied into sealed memory, the copy is
// hashed, and the copy is executed. What happens to the file meanwhile does not matter, in whatever order.

package host

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// imageMax bounds a plugin's program.
const imageMax = 256 << 20

// ErrChecksum says that a plugin's program is not the pinned one.
var ErrChecksum = errors.New("is not what is pinned")

// find names a plugin's program.
func find(folders []string, s *Spec) (string, error) {
	if s.Path != "" {
		return s.Path, nil
	}
	for _, folder := range folders {
		name := filepath.Join(folder, s.Name)
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
			return name, nil
		}
	}
	return "", fmt.Errorf("no program %s in %v", s.Name, folders)
}

// image reads a program into sealed memory. pin is the wanted sum, or "" for a file that nobody but its owner can have
// written. Close the file.
func image(name, pin string) (*os.File, string, error) {
	in, err := os.Open(name)
	if err != nil {
		return nil, "", fmt.Errorf("opening a plugin: %w", err)
	}
	defer in.Close()
	if pin == "" {
		if err := trusted(in, filepath.Dir(name)); err != nil {
			return nil, "", fmt.Errorf("%s has no sha256, and %w", name, err)
		}
	}
	out, sum, err := seal(filepath.Base(name), in)
	if err != nil {
		return nil, "", fmt.Errorf("reading %s: %w", name, err)
	}
	if pin != "" && pin != sum {
		return nil, sum, errors.Join(out.Close(), fmt.Errorf("%s: sha256 %s %w, %s", name, sum, ErrChecksum, pin))
	}
	return out, sum, nil
}

// trusted refuses what others than root and this user could have put there.
func trusted(f *os.File, folder string) error {
	dir, err := os.Stat(folder)
	if err != nil {
		return err
	}
	file, err := f.Stat()
	if err != nil {
		return err
	}
	for _, info := range []fs.FileInfo{file, dir} {
		owner := info.Sys().(*syscall.Stat_t).Uid
		if owner != 0 && int(owner) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
			return fmt.Errorf("others may write %s", info.Name())
		}
	}
	if !file.Mode().IsRegular() {
		return errors.New("is no file")
	}
	return nil
}

// seal copies a program to memory that nobody can change, and hashes the copy.
func seal(name string, in io.Reader) (*os.File, string, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // kernel: MFD_EXEC is known from 6.3
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, "", fmt.Errorf("making memory to execute from (sysctl vm.memfd_noexec?): %w", err)
	}
	out := os.NewFile(uintptr(fd), name)
	n, err := io.Copy(out, io.LimitReader(in, imageMax+1))
	if err == nil && n > imageMax {
		err = fmt.Errorf("larger than %d MB", imageMax>>20)
	}
	if err == nil {
		_, err = unix.FcntlInt(out.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	}
	if err != nil {
		return nil, "", errors.Join(err, out.Close())
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(out, 0, n)); err != nil {
		return nil, "", errors.Join(err, out.Close())
	}
	return out, hex.EncodeToString(h.Sum(nil)), nil
}
