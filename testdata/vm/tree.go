// SPDX-License-Identifier: Apache-2.0

package vm

// A host without systemd, such as a container image, has no system to lend. Then a Debian tree is
// made once in the cache and shared in its place.

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

var treePackages = []string{
	"systemd", "systemd-sysv", "udev", "kmod", "dbus", "dbus-user-session", "libpam-systemd",
	"iproute2", "procps", "sudo", "ca-certificates", "python3", "git", "gcc", "libc6-dev",
}

// openTree returns the Debian tree in the cache, making it with debootstrap where there is none.
func openTree(ctx context.Context, cache string, log func(string, ...any)) (string, error) {
	dir := filepath.Join(cache, "tree-bookworm")
	err := locked(cache, func() error {
		if exists(dir) {
			return nil
		}
		uri, err := archiveURI(ctx)
		if err != nil {
			return err
		}
		half := dir + ".new"
		if err := os.RemoveAll(half); err != nil {
			return err
		}
		log("making a Debian tree, once: some minutes")
		if _, err := tool(ctx, "", "debootstrap", "--variant=minbase",
			"--include="+strings.Join(treePackages, ","), "bookworm", half, uri); err != nil {
			return err
		}
		return os.Rename(half, dir)
	})
	if err != nil {
		return "", fmt.Errorf("making a Debian tree: %w", err)
	}
	return dir, nil
}
