// SPDX-License-Identifier: Apache-2.0

// This file reads agents' own files: a log or transcript that names the conversation, the manifest that npm installed them
// with. They belong to the watched user, who may have put anything there.

package procfs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// ownMax bounds what is read of a file that belongs to the watched user; of a longer one both ends are.
const ownMax = 64 << 10

// readOwn reads a regular file: no link at the end, no waiting for a pipe.
func readOwn(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("opening: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", name)
	}
	raw, err := io.ReadAll(io.LimitReader(f, ownMax))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if info.Size() <= 2*ownMax {
		rest, err := io.ReadAll(io.LimitReader(f, ownMax))
		return append(raw, rest...), err
	}
	end := make([]byte, ownMax)
	n, err := f.ReadAt(end, info.Size()-ownMax)
	if err != nil && n == 0 {
		return nil, fmt.Errorf("reading the end of %s: %w", name, err)
	}
	// Neither the line that is cut off, nor the one that is cut in two, is a line.
	raw = raw[:bytes.LastIndexByte(raw, '\n')+1]
	_, end, _ = bytes.Cut(end[:n], []byte{'\n'})
	return append(raw, end...), nil
}

// Lines are those of an agent's own file, or none.
func Lines(name string) []string {
	raw, err := readOwn(name)
	if err != nil {
		return nil
	}
	return strings.Split(string(raw), "\n")
}

// release is the part of a version that all platforms share, as far as it is believed.
var release = regexp.MustCompile(`^\d{1,9}\.\d{1,9}\.\d{1,9}(?:-(?:alpha|beta|rc|preview|nightly)[0-9A-Za-z.]{0,32})?`)

// Packaged is the version of the npm package in which a program lies, or "".
func Packaged(program string) string {
	const folder = "/node_modules/"
	at := strings.LastIndex(program, folder)
	if at < 0 {
		return ""
	}
	parts := strings.SplitN(program[at+len(folder):], "/", 3)
	if !strings.HasPrefix(parts[0], "@") || len(parts) < 2 {
		parts = parts[:1]
	} else {
		parts = parts[:2]
	}
	raw, err := readOwn(filepath.Join(program[:at+len(folder)], filepath.Join(parts...), "package.json"))
	if err != nil {
		return ""
	}
	var manifest struct {
		Version string `json:"version"`
	}
	if json.Unmarshal(raw, &manifest) != nil {
		return ""
	}
	return release.FindString(manifest.Version)
}

// Script is the first argument of a command line that names, links followed, a file that is meant; or "".
func Script(cwd string, args []string, meant func(file string) bool) string {
	for _, arg := range args[min(1, len(args)):] {
		if arg == "" || arg[0] == '-' {
			continue
		}
		if !filepath.IsAbs(arg) {
			arg = filepath.Join(cwd, arg)
		}
		if file, err := filepath.EvalSymlinks(arg); err == nil && meant(file) {
			return file
		}
	}
	return ""
}
