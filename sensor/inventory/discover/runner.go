// SPDX-License-Identifier: Apache-2.0

// This file reads from a command line what it will run: a package that a runner fetches, a script that an interpreter is
// given, or a program. The command lines are those of configurations; nothing is asked of any registry.

package discover

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// run is what a command line runs.
type run struct {
	pack    *inventory.Package
	file    string // program or script, as the line has it
	program bool   // file is the program itself
	loose   string // why neither says what will run
	shell   bool
}

// runner is one program that fetches and runs packages.
type runner struct {
	words    []string // the program, and words that must follow it
	registry string
	from     []string // options that name the package in place of the first argument
	valued   []string // other options that take an argument
}

var npmValued = []string{"-c", "--call", "--registry", "--prefix", "-w", "--workspace", "--node-options", "--userconfig", "--cache"}
var uvValued = []string{"--with", "--python", "-p", "--index-url", "--index", "--default-index", "--extra-index-url", "--directory", "--project", "--env-file", "-c", "--constraint", "--with-editable", "--refresh-package", "--exclude-newer"}
var ociValued = []string{"-e", "--env", "--env-file", "-v", "--volume", "--mount", "--name", "--network", "--net", "-p", "--publish", "-w", "--workdir", "-u", "--user",
	"--entrypoint", "-l", "--label", "--add-host", "--cpus", "-m", "--memory", "--platform", "--pull", "--restart", "--gpus", "--device", "--cap-add",
	"--cap-drop", "--security-opt", "--tmpfs", "--ulimit", "--dns", "-h", "--hostname", "--pid", "--ipc", "--userns", "--shm-size", "--log-driver", "--ip", "--volumes-from"}

// runners is the table of them. The first that fits counts.
var runners = []runner{
	{[]string{"npx"}, "npm", []string{"-p", "--package"}, npmValued},
	{[]string{"bunx"}, "npm", []string{"-p", "--package"}, npmValued},
	{[]string{"pnpx"}, "npm", []string{"--package"}, npmValued},
	{[]string{"npm", "exec"}, "npm", []string{"-p", "--package"}, npmValued},
	{[]string{"npm", "x"}, "npm", []string{"-p", "--package"}, npmValued},
	{[]string{"pnpm", "dlx"}, "npm", []string{"--package"}, npmValued},
	{[]string{"yarn", "dlx"}, "npm", []string{"-p", "--package"}, npmValued},
	{[]string{"bun", "x"}, "npm", []string{"-p", "--package"}, npmValued},
	{[]string{"uvx"}, "pypi", []string{"--from"}, uvValued},
	{[]string{"uv", "tool", "run"}, "pypi", []string{"--from"}, uvValued},
	{[]string{"uv", "x"}, "pypi", []string{"--from"}, uvValued},
	{[]string{"pipx", "run"}, "pypi", []string{"--spec"}, []string{"--python", "--index-url", "--pip-args", "--suffix"}},
	{[]string{"docker", "run"}, "oci", nil, ociValued},
	{[]string{"podman", "run"}, "oci", nil, ociValued},
	{[]string{"docker", "container", "run"}, "oci", nil, ociValued},
	{[]string{"nerdctl", "run"}, "oci", nil, ociValued},
	{[]string{"go", "run"}, "go", nil, []string{"-exec", "-C", "-ldflags", "-tags"}},
	{[]string{"deno", "run"}, "jsr", nil, []string{"-c", "--config", "--import-map", "--env-file"}},
}

// interpreters run a script that is their argument. The value lists options that take an argument of their own.
var interpreters = map[string][]string{
	"node": {"-r", "--require", "--import", "--loader", "-C", "--conditions", "--env-file", "--experimental-loader"}, "nodejs": {"-r", "--require"},
	"tsx": {"--tsconfig"}, "ts-node": {"-P", "--project", "-r"}, "bun": nil, "deno": nil, "ruby": {"-r", "-I"}, "perl": {"-I", "-M"}, "php": {"-d", "-c"}, "java": {"-cp", "-classpath"},
	"python": {"-W", "-X"}, "python3": {"-W", "-X"}, "uv": uvValued, "pwsh": nil,
}

var shells = []string{"sh", "bash", "zsh", "dash", "fish", "ksh", "cmd", "cmd.exe", "powershell", "pwsh"}

var pythonVersion = regexp.MustCompile(`^python3?(\.\d+)*$`)

// runs reads a command line. What it cannot tell it says.
func runs(argv []string) run {
	r := read(argv)
	if r.pack == nil && r.file == "" && r.loose == "" {
		r.loose = "nothing tells what it runs"
	}
	return r
}

func read(argv []string) run {
	argv = unwrapped(argv)
	if len(argv) == 0 {
		return run{loose: "it has no command"}
	}
	name := path.Base(argv[0])
	for i := range runners {
		if n := len(runners[i].words); len(argv) >= n && name == runners[i].words[0] && slices.Equal(argv[1:n], runners[i].words[1:]) {
			return runners[i].run(argv[n:])
		}
	}
	if slices.Contains(shells, name) {
		return shellRuns(argv)
	}
	if pythonVersion.MatchString(name) {
		name = "python"
	}
	if valued, ok := interpreters[name]; ok {
		return script(name, argv[1:], valued)
	}
	return run{file: argv[0], program: true}
}

// unwrapped takes env and its assignments off.
func unwrapped(argv []string) []string {
	for len(argv) > 0 && path.Base(argv[0]) == "env" {
		argv = argv[1:]
		for len(argv) > 0 && (strings.HasPrefix(argv[0], "-") || strings.Contains(argv[0], "=")) {
			argv = argv[1:]
		}
	}
	return argv
}

func shellRuns(argv []string) run {
	for i, arg := range argv[1:] {
		if strings.HasPrefix(arg, "-") || strings.HasPrefix(arg, "/") && len(arg) == 2 {
			if strings.HasSuffix(arg, "c") || strings.EqualFold(arg, "/c") || strings.EqualFold(arg, "-command") {
				return run{shell: true, loose: "a shell runs what its text says"}
			}
			continue
		}
		return run{file: argv[i+1], shell: true}
	}
	return run{shell: true, loose: "a shell without a script"}
}

func script(name string, args, valued []string) run {
	folder := ""
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if !strings.HasPrefix(arg, "-") {
			if arg == "run" && (name == "uv" || name == "deno" || name == "bun") {
				continue
			}
			if name == "uv" && pythonVersion.MatchString(arg) {
				return script("python", args[i+1:], interpreters["python"])
			}
			if folder != "" && !path.IsAbs(arg) {
				arg = path.Join(folder, arg)
			}
			return run{file: arg}
		}
		switch {
		case (arg == "-m" || arg == "--module") && name != "node" && i+1 < len(args):
			return run{loose: "module " + args[i+1] + " of whatever is installed"}
		case arg == "-c" || arg == "-e" || arg == "--eval" || arg == "-p" && name != "uv":
			return run{loose: "an interpreter runs what its text says"}
		case (arg == "--directory" || arg == "--project") && i+1 < len(args):
			folder = args[i+1]
			i++
		case slices.Contains(valued, arg):
			i++
		case arg == "-jar" && i+1 < len(args):
			return run{file: args[i+1]}
		}
	}
	return run{loose: "an interpreter without a script"}
}

// run reads the arguments of a runner.
func (r *runner) run(args []string) run {
	spec, first := "", ""
	for i := 0; i < len(args) && first == ""; i++ {
		arg := args[i]
		option, value, has := strings.Cut(arg, "=")
		switch {
		case arg == "--":
		case !strings.HasPrefix(arg, "-"):
			first = arg
		case slices.Contains(r.from, option):
			if !has && i+1 < len(args) {
				i++
				value = args[i]
			}
			spec = value
		case slices.Contains(r.valued, option) && !has:
			i++
		}
	}
	if spec == "" {
		spec = first
	}
	if spec == "" {
		return run{loose: "its runner is given no package"}
	}
	if local(spec) && r.registry != "oci" {
		return run{file: spec}
	}
	p := packageOf(r.registry, spec)
	p.Name, p.Version = event.Redact(clean(p.Name)), event.Redact(clean(p.Version))
	out := run{pack: p}
	if !p.Exact {
		out.loose = "the version of " + p.String() + " is not pinned"
	}
	return out
}

func local(spec string) bool {
	return strings.HasPrefix(spec, "./") || strings.HasPrefix(spec, "../") || strings.HasPrefix(spec, "/") || strings.HasPrefix(spec, "~/") || spec == "." ||
		strings.HasPrefix(spec, "file:")
}

var (
	exactVersion = regexp.MustCompile(`^v?\d+(\.\d+)+([.-]?[0-9A-Za-z]+)*(\+[0-9A-Za-z.-]+)?$`)
	semver       = regexp.MustCompile(`^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
	commit       = regexp.MustCompile(`^[0-9a-f]{40,64}$`)
	pypiSpec     = regexp.MustCompile(`^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?(?:(===?|@|[<>~!]=?)(.*))?$`)
)

// packageOf reads how a registry's packages are named.
func packageOf(registry, spec string) *inventory.Package {
	if from, at, ok := gitSpec(spec); ok {
		masked, _ := maskURL(from)
		return &inventory.Package{Registry: "git", Name: masked, Version: at, Exact: commit.MatchString(at)}
	}
	if strings.Contains(spec, "://") {
		masked, _ := maskURL(spec)
		return &inventory.Package{Registry: "url", Name: masked}
	}
	switch registry {
	case "oci":
		return image(spec)
	case "pypi":
		m := pypiSpec.FindStringSubmatch(spec)
		if m == nil {
			return &inventory.Package{Registry: registry, Name: spec}
		}
		version := m[3]
		if m[2] != "" && m[2] != "==" && m[2] != "===" && m[2] != "@" {
			version = m[2] + version
		}
		return &inventory.Package{Registry: registry, Name: m[1], Version: version, Exact: exactVersion.MatchString(version)}
	case "jsr":
		if from, rest, ok := strings.Cut(spec, ":"); ok && (from == "npm" || from == "jsr") {
			registry, spec = from, strings.TrimPrefix(rest, "/")
		}
	}
	name, version := spec, ""
	if at := strings.LastIndexByte(spec, '@'); at > 0 {
		name, version = spec[:at], spec[at+1:]
	}
	return &inventory.Package{Registry: registry, Name: name, Version: version, Exact: semver.MatchString(version)}
}

// gitSpec takes apart github:owner/name#ref, owner/name#ref of npm, and git+https://host/x@ref of Python.
func gitSpec(spec string) (from, at string, ok bool) {
	for _, host := range []string{"github:", "gitlab:", "bitbucket:", "gist:"} {
		if strings.HasPrefix(spec, host) {
			from, at, _ = strings.Cut(spec, "#")
			return from, at, true
		}
	}
	if !strings.HasPrefix(spec, "git+") && !strings.HasPrefix(spec, "git:") && !strings.HasSuffix(spec, ".git") && !strings.Contains(spec, ".git@") && !strings.Contains(spec, ".git#") {
		return "", "", false
	}
	if from, at, ok = strings.Cut(spec, "#"); ok {
		return from, at, true
	}
	slash := strings.LastIndexByte(spec, '/')
	if i := strings.LastIndexByte(spec, '@'); i > slash {
		return spec[:i], spec[i+1:], true
	}
	return spec, "", true
}

// image reads the name of a container's image. A tag can be moved, a digest cannot.
func image(spec string) *inventory.Package {
	p := &inventory.Package{Registry: "oci"}
	spec, p.Digest, _ = strings.Cut(spec, "@")
	p.Exact = strings.HasPrefix(p.Digest, "sha256:") && len(p.Digest) == len("sha256:")+64
	if colon := strings.LastIndexByte(spec, ':'); colon > strings.LastIndexByte(spec, '/') {
		spec, p.Version = spec[:colon], spec[colon+1:]
	}
	p.Name = spec
	return p
}
