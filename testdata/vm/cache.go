// SPDX-License-Identifier: Apache-2.0

package vm

// Everything that is slow to make and the same for every run lies in one cache folder outside the
// source tree: packages, unpacked kernels, base archives. Several runs may fill it at once.

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// DefaultCache is $REEVE_VM_CACHE, or reeve-vm in the user's cache folder.
func DefaultCache() (string, error) {
	if dir := os.Getenv("REEVE_VM_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("choosing the cache folder: %w", err)
	}
	return filepath.Join(dir, "reeve-vm"), nil
}

// locked runs do while no other process fills the same cache.
func locked(cache string, do func() error) error {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return fmt.Errorf("making the cache: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(cache, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("locking the cache: %w", err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("locking the cache: %w", err)
	}
	return do()
}

// writeWhole writes a file under another name and renames it, so that an interrupted run leaves no
// half file that the next one would trust.
func writeWhole(name string, data []byte) error {
	return writeWith(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

func writeWith(name string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := fill(f); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func sumFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
