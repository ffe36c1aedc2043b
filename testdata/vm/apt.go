// SPDX-License-Identifier: Apache-2.0

package vm

// Kernels come as Debian packages through the host's own apt, which checks their signatures. Nothing
// is installed. A suite that the host does not configure gets an apt configuration of its own in the
// cache, so the host's apt state stays as it is.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// hostSuite in kernels.txt means the suites that the host has configured.
const hostSuite = "host"

// apt runs apt's tools with the options of one configuration.
type apt struct {
	options []string
	log     func(format string, args ...any)
}

func openApt(ctx context.Context, cache, suite string, log func(string, ...any)) (*apt, error) {
	if suite == hostSuite {
		return &apt{log: log}, nil
	}
	dir := filepath.Join(cache, "apt-"+suite)
	for _, d := range []string{"etc/apt.conf.d", "etc/preferences.d", "etc/sources.list.d", "lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	uri, err := archiveURI(ctx)
	if err != nil {
		return nil, err
	}
	line := fmt.Sprintf("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n", uri, suite)
	if err := writeWhole(filepath.Join(dir, "etc/sources.list"), []byte(line)); err != nil {
		return nil, err
	}
	return &apt{log: log, options: []string{
		"-o", "Dir::Etc=" + dir + "/etc", "-o", "Dir::Etc::sourcelist=sources.list",
		"-o", "Dir::Etc::sourceparts=sources.list.d", "-o", "Dir::State::lists=" + dir + "/lists",
		"-o", "Dir::Cache=" + dir + "/cache", "-o", "APT::Sandbox::User=root",
	}}, nil
}

// archiveURI is the address of the Debian archive that the host itself uses.
func archiveURI(ctx context.Context) (string, error) {
	out, err := tool(ctx, "", "apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(LABEL)", "Created-By: Packages")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[1] == "Debian" && fields[2] == "Debian" {
			return fields[0], nil
		}
	}
	return "", errors.New("finding the Debian archive: no configured source has origin Debian (run apt-get update)")
}

func (a *apt) update(ctx context.Context) error {
	a.log("updating package lists")
	_, err := tool(ctx, "", "apt-get", slices.Concat(a.options, []string{"update", "-q"})...)
	return err
}

// names lists the packages whose name begins with prefix, none where apt has no lists.
func (a *apt) names(ctx context.Context, prefix string) ([]string, error) {
	out, err := tool(ctx, "", "apt-cache", slices.Concat(a.options, []string{"pkgnames", prefix})...)
	if err != nil {
		return nil, err
	}
	names := strings.Fields(out)
	slices.Sort(names)
	return slices.Compact(names), nil
}

// has says whether the archive has a package of exactly this name.
func (a *apt) has(ctx context.Context, name string) (bool, error) {
	names, err := a.names(ctx, name)
	return slices.Contains(names, name), err
}

// download fetches packages into dir. Lists that are older than the archive name files that have
// gone, so one update is tried before giving up.
func (a *apt) download(ctx context.Context, dir string, packages []string) error {
	args := slices.Concat(a.options, []string{"download", "-q"}, packages)
	_, err := tool(ctx, dir, "apt-get", args...)
	if err == nil {
		return nil
	}
	if err := a.update(ctx); err != nil {
		return err
	}
	_, err = tool(ctx, dir, "apt-get", args...)
	return err
}

// tool runs a program in dir and returns its output; an error carries the last line of its complaint.
func tool(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		complaint := strings.TrimSpace(stderr.String())
		if i := strings.LastIndexByte(complaint, '\n'); i >= 0 {
			complaint = complaint[i+1:]
		}
		return stdout.String(), fmt.Errorf("running %s: %w: %s", name, err, complaint)
	}
	return stdout.String(), nil
}
