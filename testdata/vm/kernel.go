// SPDX-License-Identifier: Apache-2.0

package vm

// Which kernel a series means, and its files on disk: packages kept with their checksums, unpacked
// once, the ELF image taken out once.

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

//go:embed kernels.txt
var pinnedKernels string

const flavour = "-cloud-amd64"

// pin is a row of kernels.txt.
type pin struct{ series, version, suite string }

// kernel is an unpacked kernel in the cache.
type kernel struct {
	version string
	dir     string // the unpacked packages
	image   string // the ELF kernel
}

// Series lists the kernel series of kernels.txt, oldest first.
func Series() []string {
	var names []string
	for _, p := range pins() {
		names = append(names, p.series)
	}
	return names
}

func pins() []pin {
	var all []pin
	for line := range strings.Lines(pinnedKernels) {
		fields := strings.Fields(line)
		if len(fields) == 3 && !strings.HasPrefix(line, "#") {
			all = append(all, pin{fields[0], fields[1], fields[2]})
		}
	}
	return all
}

func pinFor(series string) (pin, error) {
	for _, p := range pins() {
		if p.series == series {
			return p, nil
		}
	}
	return pin{}, fmt.Errorf("kernel %q: not one of %s", series, strings.Join(Series(), ", "))
}

// openKernel returns the kernel of a series, fetching and unpacking what is not yet in the cache.
func openKernel(ctx context.Context, cache, series string, log func(string, ...any)) (*kernel, error) {
	p, err := pinFor(series)
	if err != nil {
		return nil, err
	}
	var k *kernel
	err = locked(cache, func() error {
		version := cached(cache, p)
		if version == "" {
			if version, err = fetchKernel(ctx, cache, p, log); err != nil {
				return fmt.Errorf("fetching kernel %s: %w", series, err)
			}
		}
		if version != p.version {
			log("kernel %s has left the archive, using %s: a new kernel, so update kernels.txt and the budgets", p.version, version)
		}
		k, err = unpackKernel(ctx, cache, version)
		return err
	})
	return k, err
}

// fetchKernel downloads the pinned kernel, or the newest of its series where the archive no longer
// has it, and returns the version.
func fetchKernel(ctx context.Context, cache string, p pin, log func(string, ...any)) (string, error) {
	a, err := openApt(ctx, cache, p.suite, log)
	if err != nil {
		return "", err
	}
	err = downloadKernel(ctx, a, cache, p.version, log)
	if err == nil {
		return p.version, nil
	}
	names, listErr := a.names(ctx, "linux-image-"+p.series+".")
	if listErr != nil {
		return "", errors.Join(err, listErr)
	}
	version := newest(names)
	if version == "" || version == p.version {
		return "", err
	}
	if !exists(filepath.Join(cache, version, "SHA256SUMS")) {
		if err := downloadKernel(ctx, a, cache, version, log); err != nil {
			return "", err
		}
	}
	return version, writeWhole(replacement(cache, p), []byte(version))
}

// replacement is the file that keeps which kernel stands in for a pinned one that has gone.
func replacement(cache string, p pin) string { return filepath.Join(cache, "instead-of-"+p.version) }

// cached returns the version of a series that the cache holds, "" where it holds none.
func cached(cache string, p pin) string {
	if exists(filepath.Join(cache, p.version, "SHA256SUMS")) {
		return p.version
	}
	version, err := os.ReadFile(replacement(cache, p))
	if err != nil || !exists(filepath.Join(cache, string(version), "SHA256SUMS")) {
		return ""
	}
	return string(version)
}

// downloadKernel fetches the packages of a version. In newer releases the image package is empty and
// depends on three others that hold the files.
func downloadKernel(ctx context.Context, a *apt, cache, version string, log func(string, ...any)) error {
	known, err := a.has(ctx, "linux-image-"+version)
	if err == nil && !known {
		if err = a.update(ctx); err == nil {
			known, err = a.has(ctx, "linux-image-"+version)
		}
	}
	if err != nil {
		return err
	}
	if !known {
		return fmt.Errorf("kernel %s is in no suite that apt has here; those of Debian 12 are in bookworm-security", version)
	}
	packages := []string{"linux-image-" + version}
	if split, err := a.has(ctx, "linux-binary-"+version); err != nil {
		return err
	} else if split {
		packages = []string{"linux-base-" + version, "linux-binary-" + version, "linux-modules-" + version}
	}
	dir := filepath.Join(cache, version)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	log("downloading %s", strings.Join(packages, " "))
	if err := a.download(ctx, dir, packages); err != nil {
		return err
	}
	return writeSums(dir)
}

func writeSums(dir string) error {
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(debs) == 0 {
		return errors.Join(err, errors.New("apt-get download left no package"))
	}
	var sums strings.Builder
	for _, deb := range debs {
		sum, err := sumFile(deb)
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%s  %s\n", sum, filepath.Base(deb))
	}
	return writeWhole(filepath.Join(dir, "SHA256SUMS"), []byte(sums.String()))
}

func unpackKernel(ctx context.Context, cache, version string) (*kernel, error) {
	home := filepath.Join(cache, version)
	k := &kernel{version: version, dir: filepath.Join(home, "tree"), image: filepath.Join(home, "vmlinux")}
	if exists(k.image) {
		return k, nil
	}
	if err := checkSums(home); err != nil {
		return nil, err
	}
	debs, _ := filepath.Glob(filepath.Join(home, "*.deb"))
	for _, deb := range debs {
		if _, err := tool(ctx, "", "dpkg", "-x", deb, k.dir); err != nil {
			return nil, err
		}
	}
	// Newer packages hold usr/lib only; depmod and modprobe look in lib.
	if !exists(filepath.Join(k.dir, "lib")) {
		if err := os.Symlink("usr/lib", filepath.Join(k.dir, "lib")); err != nil {
			return nil, err
		}
	}
	if _, err := tool(ctx, "", "depmod", "-b", k.dir, version); err != nil {
		return nil, err
	}
	bzImage, err := findImage(k.dir)
	if err != nil {
		return nil, err
	}
	return k, extractVmlinux(bzImage, k.image)
}

func checkSums(dir string) error {
	f, err := os.Open(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		return err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		want, name, _ := strings.Cut(lines.Text(), "  ")
		got, err := sumFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("%s in the cache is damaged: remove %s", name, dir)
		}
	}
	return nil
}

func findImage(dir string) (string, error) {
	var found string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasPrefix(d.Name(), "vmlinuz") {
			found = name
			return fs.SkipAll
		}
		return err
	})
	if err == nil && found == "" {
		err = fmt.Errorf("%s holds no kernel image", dir)
	}
	return found, err
}

// newest returns the version of the newest cloud kernel among package names, or "".
func newest(packages []string) string {
	var versions []string
	for _, name := range packages {
		if version, ok := strings.CutPrefix(name, "linux-image-"); ok && strings.HasSuffix(name, flavour) {
			versions = append(versions, version)
		}
	}
	if len(versions) == 0 {
		return ""
	}
	return slices.MaxFunc(versions, compareVersions)
}

// compareVersions orders kernel versions by their numbers, in the order in which they stand.
func compareVersions(a, b string) int {
	return slices.Compare(numbersIn(a), numbersIn(b))
}

func numbersIn(s string) []int {
	var all []int
	for _, field := range strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.Atoi(field); err == nil {
			all = append(all, n)
		}
	}
	return all
}
