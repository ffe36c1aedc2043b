// SPDX-License-Identifier: Apache-2.0

package vm

// What a caller says about a run, and what it gets back.

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"
)

// Mode is what the guest's user space is.
type Mode string

const (
	// Busybox is a guest with busybox and the run's files, nothing else: the quickest.
	Busybox Mode = "busybox"
	// Root is the host's own root, read-only, under an overlay that is thrown away.
	Root Mode = "root"
	// Systemd is Root booted with systemd as the first process; the job is a unit.
	Systemd Mode = "systemd"
)

// Exit codes that are not the job's own.
const (
	// CodeTimeout says that the run was ended because its time was up.
	CodeTimeout = 124
	// CodeDied says that the guest ended without reporting a status: panic, out of memory, no root.
	CodeDied = 125
)

// NoBPF is a list of security modules without bpf, for Config.LSM: the fmod_ret fallback's case.
const NoBPF = "landlock,lockdown,yama,apparmor"

// Config describes one run. Only Command is required.
type Config struct {
	Kernel  string        // series of kernels.txt; the default is 6.12
	Mode    Mode          // the default is Busybox
	Command string        // for /bin/sh, run in /job as root
	Files   []File        // copied into the guest
	Env     []string      // NAME=value for the command
	LSM     string        // list for lsm=; empty leaves the kernel's own
	Append  string        // further words for the kernel command line
	Modules []string      // further kernel modules, loaded at boot
	Memory  int           // MB; the default is 1024, 2048 with a root
	CPUs    int           // the default is 2
	Timeout time.Duration // the default is two minutes, five with systemd
	Out     string        // host folder that receives what the job leaves in /out
	OutSize int64         // most bytes that can come back; the default is 256 MB
	Ext4    string        // guest path at which a fresh ext4 is mounted
	ICount  bool          // the guest's clock counts instructions; one CPU
	KVM     bool          // hardware virtualisation in place of emulation
	Layers  []string      // host folders laid over the root, the last on top
	Tree    string        // root to share in the modes Root and Systemd; the default is the host's
	Cache   string        // the default is DefaultCache
	Console io.Writer     // receives the console while the guest runs
	Log     io.Writer     // receives the harness's own lines
}

// File is copied from the host. To is relative to /job unless it is absolute.
type File struct {
	From, To string
}

// Result says how a run ended.
type Result struct {
	Code    int           // the job's exit code, CodeTimeout or CodeDied
	Console string        // everything the guest wrote, without carriage returns
	Kernel  string        // the guest's kernel release; empty if the job was not reached
	LSM     string        // the guest's active security modules
	Up      time.Duration // the guest's uptime when the job began
	Elapsed time.Duration // from QEMU's start to its end
	Busy    time.Duration // of the host's processors, QEMU's alone
}

func (c Config) complete() (Config, error) {
	if strings.TrimSpace(c.Command) == "" {
		return c, errors.New("no command to run")
	}
	if c.Kernel == "" {
		c.Kernel = "6.12"
	}
	if c.Mode == "" {
		c.Mode = Busybox
	}
	full := c.Mode == Root || c.Mode == Systemd
	if !full && c.Mode != Busybox {
		return c, fmt.Errorf("mode %q: not one of %s, %s, %s", c.Mode, Busybox, Root, Systemd)
	}
	if c.Memory == 0 {
		c.Memory = 1024
		if full {
			c.Memory = 2048
		}
	}
	if c.CPUs == 0 {
		c.CPUs = 2
	}
	if c.ICount {
		c.CPUs = 1
	}
	if c.Timeout == 0 {
		c.Timeout = 2 * time.Minute
		if c.Mode == Systemd {
			c.Timeout = 5 * time.Minute
		}
	}
	if c.OutSize == 0 {
		c.OutSize = 256 << 20
	}
	if c.Console == nil {
		c.Console = io.Discard
	}
	if c.Log == nil {
		c.Log = io.Discard
	}
	if len(c.Layers) > 0 && !full {
		return c, fmt.Errorf("mode %s has no root to lay a layer over", c.Mode)
	}
	if c.Cache != "" {
		return c, nil
	}
	var err error
	c.Cache, err = DefaultCache()
	return c, err
}

func (c Config) logf(format string, args ...any) {
	fmt.Fprintf(c.Log, "vm: "+format+"\n", args...)
}

// jobTree is the archive of this run: the command, its files, and what the guest's scripts must know.
func (c Config) jobTree(k *kernel) (tree, error) {
	t := tree{}
	t.dir("job")
	t.file("vm.env", 0o644, []byte(c.guestEnv(k)))
	var script strings.Builder
	for _, pair := range c.Env {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Errorf("environment %q: no =", pair)
		}
		fmt.Fprintf(&script, "export %s=%s\n", name, quote(value))
	}
	script.WriteString(c.Command + "\n")
	t.file("job/cmd", 0o755, []byte(script.String()))
	for _, f := range c.Files {
		info, err := os.Stat(f.From)
		if err != nil {
			return nil, fmt.Errorf("copying into the guest: %w", err)
		}
		to := f.To
		if to == "" {
			to = path.Base(f.From)
		}
		if !path.IsAbs(to) {
			to = path.Join("/job", to)
		}
		if err := addPath(t, strings.TrimPrefix(path.Clean(to), "/"), f.From, info); err != nil {
			return nil, fmt.Errorf("copying into the guest: %w", err)
		}
	}
	return t, nil
}

func addPath(t tree, to, from string, info os.FileInfo) error {
	if !info.IsDir() {
		t.copy(to, from, uint32(info.Mode().Perm()))
		return nil
	}
	t.dir(to)
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(from, e.Name())
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		if err := addPath(t, path.Join(to, e.Name()), name, info); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) guestEnv(k *kernel) string {
	var env strings.Builder
	for _, pair := range [][2]string{
		{"MODE", string(c.Mode)}, {"EXT4", c.Ext4}, {"KERNEL", k.version}, {"LAYERS", strings.Join(layerTags(c.Layers), " ")},
		{"MODULES", path.Join(k.dir, "lib/modules", k.version)},
	} {
		fmt.Fprintf(&env, "%s=%s\n", pair[0], quote(pair[1]))
	}
	if c.Out != "" {
		env.WriteString("WANT_OUT=1\n")
	}
	return env.String()
}

// quote makes a word that a shell reads back unchanged.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
