// SPDX-License-Identifier: Apache-2.0

// Package depend judges what is installed or run from a registry: is its version pinned, is its name one that only looks
// like a popular one, where is it from. The lists of popular names are shipped; nothing is asked of any registry.
package depend

import (
	_ "embed"
	"regexp"
	"strings"
)

//go:embed popular.txt
var popularText string

// popular is the names of each registry.
var popular = func() map[string]map[string]bool {
	m := map[string]map[string]bool{}
	registry := ""
	for line := range strings.SplitSeq(popularText, "\n") {
		switch {
		case strings.HasPrefix(line, "#") || line == "":
		case strings.HasPrefix(line, "["):
			registry = strings.Trim(line, "[]")
			m[registry] = map[string]bool{}
		default:
			for w := range strings.FieldsSeq(line) {
				m[registry][w] = true
			}
		}
	}
	return m
}()

// Fault is what is wrong with a dependency.
type Fault struct {
	Rule   string
	Name   string
	Detail string
}

// Line judges a command that installs or runs packages.
func Line(line string) []Fault {
	w := strings.Fields(line)
	if len(w) < 2 {
		return nil
	}
	var faults []Fault
	switch w[0] {
	case "npx", "bunx", "pnpx":
		return run("npm", skipOptions(w[1:], "-p", "--package", "-c"))
	case "uvx":
		return run("pypi", skipOptions(w[1:], "--from", "--with", "--python", "-p"))
	case "npm", "pnpm", "yarn", "bun":
		if w[1] == "exec" || w[1] == "dlx" || w[1] == "x" {
			return run("npm", skipOptions(w[2:]))
		}
		if w[1] == "install" || w[1] == "i" || w[1] == "add" {
			faults = installs("npm", w[2:])
		}
	case "pip", "pip3", "pipx":
		if w[1] == "install" || w[1] == "run" {
			faults = installs("pypi", w[2:])
		}
	case "uv":
		if len(w) > 2 && (w[1] == "add" || w[1] == "pip" && w[2] == "install" || w[1] == "tool" && (w[2] == "install" || w[2] == "run")) {
			faults = installs("pypi", w[2:])
		}
	}
	return append(faults, sources(line)...)
}

func skipOptions(w []string, withValue ...string) []string {
	for len(w) > 0 && strings.HasPrefix(w[0], "-") {
		skip := 1
		for _, o := range withValue {
			if w[0] == o {
				skip = 2
			}
		}
		if len(w) >= 2 && (w[0] == "--from" || w[0] == "-p" || w[0] == "--package") {
			return w[1:2]
		}
		w = w[min(skip, len(w)):]
	}
	return w
}

// run judges a program that is fetched and run at once.
func run(registry string, w []string) []Fault {
	if len(w) == 0 {
		return nil
	}
	name, version := split(registry, w[0])
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "/") || strings.ContainsAny(name, "$…<{") || name == "" {
		return nil
	}
	var faults []Fault
	if strings.Contains(w[0], "git+") || strings.Contains(w[0], "github:") || strings.Contains(w[0], "http") {
		return []Fault{{"DEP-SOURCE", w[0], "run from a repository and not from a release"}}
	}
	if f, ok := Name(registry, name); ok {
		faults = append(faults, f)
	}
	if !exact(version) {
		faults = append(faults, Fault{"DEP-UNPINNED-RUN", name, "whatever the registry has at that moment is run"})
	}
	return faults
}

func installs(registry string, w []string) []Fault {
	var faults []Fault
	for i, p := range w {
		if strings.HasPrefix(p, "-") || i > 0 && (w[i-1] == "-r" || w[i-1] == "-i" || w[i-1] == "--index-url" || w[i-1] == "--extra-index-url" || w[i-1] == "-c" || w[i-1] == "-e" || w[i-1] == "-t") || strings.ContainsAny(p, "$…<>|;&{/.") && !strings.HasPrefix(p, "@") {
			continue
		}
		name, _ := split(registry, p)
		if f, ok := Name(registry, name); ok {
			faults = append(faults, f)
		}
	}
	return faults
}

var (
	index   = regexp.MustCompile(`--(?:(?:extra-)?index-url|registry|trusted-host)[ =]\s*(\S+)`)
	fromURL = regexp.MustCompile(`install\s.*\b(https?://\S+\.(?:tar\.gz|tgz|whl|zip)|git\+https?://\S+)`)
)

// publicIndexes are the hosts that the world installs from.
var publicIndexes = map[string]bool{
	"pypi.org": true, "files.pythonhosted.org": true, "registry.npmjs.org": true, "download.pytorch.org": true, "pypi.nvidia.com": true,
}

// hostOf is the host of an address, or of a bare name; a user in front of it is none (RFC 3986, section 3.2).
func hostOf(address string) string {
	address = strings.Trim(address, "\"'")
	if _, rest, ok := strings.Cut(address, "://"); ok {
		address = rest
	}
	if i := strings.IndexAny(address, "/?#\\"); i >= 0 {
		address = address[:i]
	}
	host, _, _ := strings.Cut(address[strings.LastIndexByte(address, '@')+1:], ":")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// sources judges where packages are from. Every index that is named counts: one of them may be anybody's.
func sources(line string) []Fault {
	for _, m := range index.FindAllStringSubmatch(line, -1) {
		if !publicIndexes[hostOf(m[1])] {
			return []Fault{{"DEP-INDEX", m[1], "packages from another registry"}}
		}
	}
	if m := fromURL.FindStringSubmatch(line); m != nil && !strings.Contains(m[1], "@") {
		return []Fault{{"DEP-SOURCE", m[1], "a package from an address, whatever is there at that moment"}}
	}
	return nil
}

// split divides a package from its version.
func split(registry, s string) (name, version string) {
	if registry == "npm" {
		at := strings.LastIndexByte(s, '@')
		if at > 0 {
			return s[:at], s[at+1:]
		}
		return s, ""
	}
	if i := strings.IndexAny(s, "=<>~!@[ ;"); i >= 0 {
		return s[:i], strings.TrimLeft(s[i:], "=@")
	}
	return s, ""
}

var version = regexp.MustCompile(`^v?\d+(?:\.\d+)+`)

func exact(v string) bool { return version.MatchString(v) }

// Name says whether a name is one that only looks like a popular one.
func Name(registry, name string) (Fault, bool) {
	name = strings.ToLower(strings.TrimSpace(name))
	known := popular[registry]
	plain := strings.ReplaceAll(name, "_", "-")
	if len(name) < 4 || known[name] || known[plain] {
		return Fault{}, false
	}
	if twin, ok := lookalike(known, plain); ok {
		return Fault{"DEP-TYPOSQUAT", name, "looks like " + twin}, true
	}
	return Fault{}, false
}

// swaps are letters that are taken for others.
var swaps = strings.NewReplacer("0", "o", "1", "l", "i", "l", "rn", "m", "vv", "w", "5", "s", "-", "", "_", "", ".", "")

// lookalike finds a popular name at one slip of the finger, or that reads the same.
func lookalike(known map[string]bool, name string) (string, bool) {
	folded := swaps.Replace(name)
	best := ""
	for k := range known {
		if len(k) < 5 || k[0] != name[0] && k[0] != '@' && name[0] != '@' || len(k)-len(name) > 2 || len(name)-len(k) > 2 {
			continue
		}
		if swaps.Replace(k) == folded && (k != strings.ReplaceAll(name, "-", "")) && strings.ReplaceAll(k, "-", "") != strings.ReplaceAll(name, "-", "") || oneSlip(k, name) {
			if best == "" || k < best {
				best = k
			}
		}
	}
	return best, best != ""
}

// oneSlip says that two names differ by one letter left out, doubled, exchanged with its neighbour or hit beside.
func oneSlip(a, b string) bool {
	if len(a) < 5 || len(b) < 5 {
		return false
	}
	if len(a) == len(b) {
		at := -1
		for i := range len(a) {
			if a[i] != b[i] {
				if at >= 0 {
					return at == i-1 && a[at] == b[i] && a[i] == b[at] && a[i+1:] == b[i+1:]
				}
				at = i
			}
		}
		return at > 0 && len(a) >= 7 && !digit(a[at]) && !digit(b[at])
	}
	if len(a) < len(b) {
		a, b = b, a
	}
	if len(a) != len(b)+1 || len(b) < 5 {
		return false
	}
	for i := range len(a) {
		if a[:i]+a[i+1:] == b {
			return i > 0 && !digit(a[i]) && a[i] != '-' && !(i == len(a)-1 && a[i] == 's')
		}
	}
	return false
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
