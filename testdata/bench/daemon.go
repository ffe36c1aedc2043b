// SPDX-License-Identifier: Apache-2.0

// The daemon's memory: reeved as it is built, in the test machine, with the policy that it has without one.

package bench

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// readyTime bounds how long reeved may take to be ready; a counting machine is slow.
const readyTime = 5 * time.Minute

// daemonConfig leaves the policy to the default, and nothing behind.
const daemonConfig = "policy = []\nrun = %q\nstate = %q\ngroup = \"root\"\non_daemon_exit = \"release\"\nrequire = \"full\"\n"

// DaemonMemory starts reeved and reads its memory, in kB, when it says that it is ready.
func DaemonMemory(program string) (memory map[string]uint64, err error) {
	folder, err := os.MkdirTemp("", "reeve-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	socket := filepath.Join(folder, "notify")
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	defer ready.Close()
	daemon, err := startDaemon(program, folder, socket)
	if err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, daemon.Process.Signal(unix.SIGTERM), daemon.Wait())
	}()
	if err := waitReady(ready); err != nil {
		return nil, err
	}
	return readMemory(daemon.Process.Pid)
}

func startDaemon(program, folder, socket string) (*exec.Cmd, error) {
	config := filepath.Join(folder, "reeve.toml")
	run, state := filepath.Join(folder, "run"), filepath.Join(folder, "state")
	for _, dir := range []string{run, state} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(config, fmt.Appendf(nil, daemonConfig, run, state), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "--config", config)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+socket)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd, cmd.Start()
}

// waitReady waits for what systemd would wait for.
func waitReady(socket *net.UnixConn) error {
	if err := socket.SetReadDeadline(time.Now().Add(readyTime)); err != nil {
		return err
	}
	message := make([]byte, 256)
	for {
		n, err := socket.Read(message)
		if err != nil {
			return fmt.Errorf("waiting for reeved: %w", err)
		}
		if strings.HasPrefix(string(message[:n]), "READY=1") {
			return nil
		}
	}
}

// memoryLines of /proc/PID/status are held: all that is resident, and what of it is nobody's file.
var memoryLines = []string{"VmRSS", "RssAnon"}

func readMemory(pid int) (map[string]uint64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil, err
	}
	memory := make(map[string]uint64)
	for _, name := range memoryLines {
		_, rest, _ := strings.Cut(string(text), "\n"+name+":")
		words := strings.Fields(rest)
		if len(words) < 2 || words[1] != "kB" {
			return nil, fmt.Errorf("memory of reeved: no %s", name)
		}
		if memory[name], err = strconv.ParseUint(words[0], 10, 64); err != nil {
			return nil, fmt.Errorf("memory of reeved: %s: %w", name, err)
		}
	}
	return memory, nil
}
