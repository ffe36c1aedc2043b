// SPDX-License-Identifier: Apache-2.0

package vm

// The base archive: busybox, the kernel's modules in load order and the guest's scripts. It is the
// same for every run on one kernel, so it is cached under a key of all that goes into it.

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed guest
var guestFiles embed.FS

// Modules a guest cannot do without, and those that a test may want; what a kernel does not have of
// the latter is left out. Either kind may be built in.
var (
	neededModules = []string{"virtio_pci", "virtio_blk", "overlay"}
	wantedModules = []string{"ext4", "loop", "virtiofs", "virtio_console", "fuse", "tun", "veth", "tcp_diag", "vsock_loopback",
		"vfat", "nls_cp437", "nls_ascii", "binfmt_misc"}
)

// openBase returns the base archive for a kernel, building it where the cache has none.
func openBase(ctx context.Context, cache string, k *kernel, further []string) (string, error) {
	busybox, err := findBusybox()
	if err != nil {
		return "", err
	}
	modules := slices.Concat(neededModules, wantedModules, further)
	key, err := baseKey(k, busybox, modules)
	if err != nil {
		return "", err
	}
	name := filepath.Join(cache, k.version, "base-"+key+".cpio")
	if exists(name) {
		return name, nil
	}
	err = locked(cache, func() error {
		t, err := baseTree(ctx, k, busybox, modules)
		if err != nil {
			return err
		}
		return writeWith(name, t.pack)
	})
	if err != nil {
		return "", fmt.Errorf("building the base archive: %w", err)
	}
	return name, nil
}

// findBusybox returns a static busybox: the guest has no libc.
func findBusybox() (string, error) {
	name, err := exec.LookPath("busybox")
	if err != nil {
		return "", fmt.Errorf("finding busybox (package busybox-static): %w", err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	if bytes.Contains(data[:min(len(data), 4096)], []byte("/ld-linux")) {
		return "", fmt.Errorf("%s is not static: install busybox-static", name)
	}
	return name, nil
}

func baseKey(k *kernel, busybox string, modules []string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, k.version, modules)
	for _, name := range guestNames() {
		data, err := guestFiles.ReadFile(name)
		if err != nil {
			return "", err
		}
		h.Write(data)
	}
	f, err := os.Open(busybox)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

func guestNames() []string {
	entries, err := guestFiles.ReadDir("guest")
	if err != nil {
		panic(err) // the folder is embedded
	}
	var names []string
	for _, e := range entries {
		names = append(names, path.Join("guest", e.Name()))
	}
	return names
}

func baseTree(ctx context.Context, k *kernel, busybox string, modules []string) (tree, error) {
	t := tree{}
	for _, dir := range []string{"sbin", "proc", "sys", "dev", "tmp", "etc", "root", "run", "mnt", "out", "job", "newroot", "home/alice"} {
		t.dir(dir)
	}
	t.copy("bin/busybox", busybox, 0o755)
	t.file("etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\nalice:x:4200:4200::/home/alice:/bin/sh\n"))
	t.file("etc/group", 0o644, []byte("root:x:0:\nalice:x:4200:\n"))
	for _, name := range guestNames() {
		data, err := guestFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		to := path.Join("vm", path.Base(name))
		if path.Base(name) == "init" {
			to = "init"
		}
		t.file(to, 0o755, data)
	}
	return t, addModules(ctx, t, k, modules)
}

// addModules puts the modules and all they depend on into the tree, and their names in load
// order into etc/mods: busybox insmod resolves no dependency.
func addModules(ctx context.Context, t tree, k *kernel, modules []string) error {
	var order []string
	for _, name := range modules {
		out, err := tool(ctx, "", "modprobe", "-S", k.version, "-d", k.dir, "--show-depends", name)
		if err != nil {
			if !slices.Contains(wantedModules, name) {
				return err
			}
			continue
		}
		for line := range strings.Lines(out) {
			fields := strings.Fields(line)
			if len(fields) < 2 || fields[0] != "insmod" || slices.Contains(order, fields[1]) {
				continue
			}
			order = append(order, fields[1])
		}
	}
	var mods strings.Builder
	for _, file := range order {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name := path.Base(file)
		if packed, ok := strings.CutSuffix(name, ".xz"); ok {
			name = packed
			if data, err = decompress(data); err != nil {
				return errors.Join(fmt.Errorf("unpacking %s", file), err)
			}
		}
		t.file(path.Join("lib/modules", name), 0o644, data)
		fmt.Fprintln(&mods, name)
	}
	t.file("etc/mods", 0o644, []byte(mods.String()))
	return nil
}
