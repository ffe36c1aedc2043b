// SPDX-License-Identifier: Apache-2.0

// This file is what programs do, as far as it matters here.

package shell

import (
	"regexp"
	"slices"
	"strings"
)

func words(s string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(s) {
		m[w] = true
	}
	return m
}

var (
	fetchers     = words("curl wget aria2c http https httpie fetch lynx w3m wget2 iwr invoke-webrequest irm invoke-restmethod lwp-download")
	interpreters = words("sh bash zsh dash ksh ash fish python python2 python3 perl ruby node nodejs deno bun php osascript pwsh powershell lua iex invoke-expression tclsh")
	senders      = words("nc ncat netcat socat telnet mail mailx sendmail msmtp mutt ftp tftp sftp")
	resolvers    = words("dig nslookup host drill ping")
	copiers      = words("scp rsync rclone")
	hostFacts    = words("hostname uname whoami id ifconfig ip lsb_release sw_vers system_profiler hostnamectl arp netstat ss route w who last ps dscl groups")
	wrappers     = words("sudo doas env nohup exec command builtin time nice ionice timeout stdbuf setsid unbuffer then do else caffeinate busybox")
	dumpers      = words("env printenv set export declare")
	keychains    = words("security secret-tool pass gpg keyctl cmdkey")
	clipboards   = words("pbpaste xclip xsel wl-paste")
	screens      = words("screencapture scrot gnome-screenshot import maim grim")
	miners       = words("xmrig minerd cpuminer ethminer t-rex nbminer")
	packers      = words("tar zip 7z 7za gpg openssl split")
	removers     = words("rm shred unlink rmdir wipe srm")
)

// Installers that projects themselves name: they are taken from the network all the same, but from where everybody takes them.
var installers = []string{
	"https://sh.rustup.rs", "https://astral.sh/", "https://get.docker.com", "https://raw.githubusercontent.com/Homebrew/", "https://raw.githubusercontent.com/nvm-sh/",
	"https://get.pnpm.io", "https://bun.sh/", "https://bun.com/", "https://deno.land/", "https://install.python-poetry.org", "https://get.helm.sh", "https://claude.ai/install", "https://ollama.com/",
	"https://deb.nodesource.com", "https://rpm.nodesource.com", "https://get.sdkman.io", "https://fly.io/install", "https://cli.github.com", "https://raw.githubusercontent.com/helm/", "https://get.k3s.io",
	"https://starship.rs", "https://install.determinate.systems", "https://nixos.org/nix", "https://aka.ms/", "https://sdk.cloud.google.com", "https://packages.microsoft.com", "https://raw.githubusercontent.com/anchore/",
	"https://raw.githubusercontent.com/aquasecurity/", "https://foundry.paradigm.xyz", "https://cursor.com/install", "https://mise.run", "https://bootstrap.pypa.io", "https://get.modular.com", "https://moonrepo.dev/install", "https://get.pulumi.com",
	"https://dot.net/v1", "https://pyenv.run", "https://wasmtime.dev", "https://rustwasm.github.io", "https://raw.githubusercontent.com/tj/n", "https://raw.githubusercontent.com/golangci/", "https://raw.githubusercontent.com/ohmyzsh/",
	"https://packages.gitlab.com", "https://dl.k8s.io", "https://raw.githubusercontent.com/kubernetes/", "https://raw.githubusercontent.com/k3d-io", "https://linkerd.run", "https://run.linkerd.io", "https://istio.io", "https://download.docker.com", "https://aws.amazon.com", "https://awscli.amazonaws.com",
}

var address = regexp.MustCompile(`https?://[^\s"'|;()<>]+`)

// knownInstaller reports whether texts name addresses, and none but such: an unknown one beside them is what may be run.
func knownInstaller(texts ...string) bool {
	found := address.FindAllString(strings.Join(texts, "\n"), -1)
	return len(found) > 0 && !slices.ContainsFunc(found, func(a string) bool { return !fromInstaller(a) })
}

// fromInstaller takes a host whole: what goes on behind it, other than with a path, is another host.
func fromInstaller(address string) bool {
	return slices.ContainsFunc(installers, func(known string) bool {
		rest, ok := strings.CutPrefix(address, known)
		host := !strings.Contains(strings.TrimPrefix(known, "https://"), "/")
		return ok && (!host || rest == "" || strings.ContainsRune("/?#", rune(rest[0])))
	})
}
