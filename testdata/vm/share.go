// SPDX-License-Identifier: Apache-2.0

package vm

// The root of the modes Root and Systemd is a folder of the host, shared over virtiofs. No image is
// built, and a guest has exactly the tools that the host has. What the guest sees cannot be written:
// the server runs in a mount namespace of its own in which the folder is bound read-only.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// serverPaths are where distributions put the server, which is not in PATH. The older one is
// QEMU's own in C, the newer a program in Rust; they take different options.
var serverPaths = []string{"/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd"}

// shareScript binds $1 read-only on $2 and becomes the command that follows. Only the file system of
// $1 itself is bound: neither /proc, /sys, /dev nor another disk of the host is in the guest.
// The server holds a descriptor for each file that the guest knows, and not every root may raise the hard limit.
const shareScript = `set -e
mount --make-rprivate /
mount --bind "$1" "$2"
mount -o remount,bind,ro "$2"
shift 2
ulimit -n "$(ulimit -H -n)"
exec "$@"`

// rootTag names the share that is the guest's root.
const rootTag = "root"

func layerTags(layers []string) []string {
	var tags []string
	for i := range layers {
		tags = append(tags, fmt.Sprintf("layer%d", i))
	}
	return tags
}

type share struct {
	cmd  *exec.Cmd
	done chan error
}

type shares []*share

// Close ends all servers.
func (s shares) Close() {
	for _, one := range s {
		one.Close()
	}
}

// openShares starts a server for the root and one for each layer: an overlay refuses layers of one
// file system of which one contains the other. On an error, what has been started is returned too.
func (r *run) openShares(ctx context.Context) (shares, error) {
	if r.Mode == Busybox {
		return nil, nil
	}
	root, err := shareSource(ctx, r)
	if err != nil {
		return nil, err
	}
	var all shares
	tags := append([]string{rootTag}, layerTags(r.Layers)...)
	for i, source := range append([]string{root}, r.Layers...) {
		s, err := r.openShare(ctx, tags[i], source)
		if err != nil {
			return all, fmt.Errorf("sharing %s: %w", source, err)
		}
		all = append(all, s)
	}
	return all, nil
}

func (r *run) openShare(ctx context.Context, tag, source string) (*share, error) {
	server, err := findServer()
	if err != nil {
		return nil, err
	}
	socket, bind := r.path(tag+".sock"), r.path(tag)
	if err := os.MkdirAll(bind, 0o755); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(socket); err != nil { // an earlier boot's
		return nil, err
	}
	args := []string{"-m", "sh", "-c", shareScript, "sh", source, bind, server, "--socket-path=" + socket}
	if strings.HasPrefix(server, "/usr/lib/qemu/") {
		args = append(args, "-o", "source="+bind, "-o", "cache=always", "-o", "sandbox=chroot", "-o", "xattr")
	} else {
		args = append(args, "--shared-dir="+bind, "--cache=always", "--sandbox=chroot", "--xattr")
	}
	var complaint bytes.Buffer
	cmd := exec.Command("unshare", args...)
	cmd.Stderr = &complaint
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &share{cmd: cmd, done: make(chan error, 1)}
	go func() { s.done <- cmd.Wait() }()
	if err := s.ready(ctx, socket); err != nil {
		s.Close()
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(complaint.String()))
	}
	return s, nil
}

func findServer() (string, error) {
	for _, name := range serverPaths {
		if exists(name) {
			return name, nil
		}
	}
	return "", fmt.Errorf("finding virtiofsd: none of %s", strings.Join(serverPaths, ", "))
}

// ready waits for the server's socket, which appears when it can be connected to.
func (s *share) ready(ctx context.Context, socket string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if exists(socket) {
			return nil
		}
		select {
		case err := <-s.done:
			s.done <- err
			return errors.Join(errors.New("virtiofsd ended"), err)
		case <-ctx.Done():
			return errors.New("virtiofsd made no socket")
		case <-tick.C:
		}
	}
}

// Close ends the server. It has usually ended by itself when QEMU closed the connection.
func (s *share) Close() error {
	s.cmd.Process.Kill()
	<-s.done
	return nil
}

// shareSource is the folder to share: the caller's, the host's root, or, for a host without systemd,
// a Debian tree made once in the cache.
func shareSource(ctx context.Context, r *run) (string, error) {
	if r.Tree != "" {
		return filepath.Abs(r.Tree)
	}
	if r.Mode == Root || exists("/usr/lib/systemd/systemd") {
		return "/", nil
	}
	return openTree(ctx, r.Cache, r.logf)
}
