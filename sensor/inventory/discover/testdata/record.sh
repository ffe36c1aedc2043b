#!/bin/bash
# Has real agents write their own configuration, so that the goldens beside this file are of what is found on workstations and
# not of what we think is. It needs root and the cache of packaging/provision.sh (agents); every program runs in an empty network
# namespace, with a home of its own at /home/alice. What they write lands in recorded/AGENT-VERSION.
#
#   record.sh [AGENT...]     claude codex gemini copilot opencode mcpb
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${REEVE_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/reeve-vm}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# inside HOME PROGRAM-LAYER COMMAND: a shell whose /home/alice is HOME, in which the layer's own home is /agent
inside() {
	unshare -mn bash -euc '
		mount --make-rprivate /
		mkdir -p "$3/root"
		mount -t tmpfs none /home
		mount -t tmpfs none /opt
		mkdir -p /home/alice /opt/agent /opt/market
		mount --bind "$1" /home/alice
		mount --bind "$2" /opt/agent
		mount --bind "$4" /opt/market
		cd /home/alice && mkdir -p notes proj && cd proj
		export HOME=/home/alice PATH=/opt/agent/.local/bin:/usr/bin:/bin TERM=dumb
		unset XDG_CACHE_HOME
		set +e
		eval "$5"
		exit 0
	' inside "$1" "$2" "$work" "$here/market" "$3"
}

# record NAME VERSION KEEP COMMANDS: runs the commands, and keeps those of the home's files that match an expression
record() {
	local name=$1 version=$2 keep=$3 home=$work/$1
	mkdir -p "$home"
	inside "$home" "$cache/agents/$name-$version/home/alice" "$4"
	rm -rf "$here/recorded/$name-$version"
	(cd "$home" && find . -type f -o -type l | grep -E "$keep" | sed 's|^\./||' | sort) > "$work/list"
	mkdir -p "$here/recorded/$name-$version"
	tar -C "$home" -c -T "$work/list" | tar -C "$here/recorded/$name-$version" -x --no-same-owner
}

claude() {
	record claude 2.1.330 '^\./(\.claude\.json$|proj/|\.claude/settings|\.claude/plugins/)' '
		export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1
		ln -s /opt/agent/.local/share/claude/versions/2.1.330 /opt/claude
		claude() { timeout 60 /opt/claude "$@"; }
		claude mcp add --scope user files -- npx -y @modelcontextprotocol/server-filesystem@2026.1.14 /home/alice/notes
		claude mcp add --scope user --transport http tickets https://mcp.corp.example/mcp --header "Authorization: Bearer sk-test-aaaaaaaaaaaaaaaaaaaaaaaa"
		claude mcp add --scope user --transport sse feed https://feed.example/sse
		claude mcp add --scope local db -e DSN=postgres://u:hunter2@db/x -e REGION=eu -- uvx db-mcp==1.4.0 --ro
		claude mcp add --scope project docs -- node ./tools/docs-server.js --port 0
		claude mcp add-json --scope project remote "{\"type\":\"http\",\"url\":\"http://10.0.0.5:8080/mcp\",\"headersHelper\":\"/usr/local/bin/mint-token\"}"
		claude plugin marketplace add /opt/market
		claude plugin install deploy@corp-tools
	'
}

codex() {
	record codex 0.169.0 '^\./(\.codex/config\.toml$|\.codex/plugins/)' '
		codex() { timeout 60 /opt/agent/.local/lib/node_modules/@openai/codex/node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex "$@"; }
		codex mcp add db --env DSN=postgres://u:hunter2@db/x -- uvx db-mcp==1.4.0 --ro
		codex mcp add tickets --url https://mcp.corp.example/mcp --bearer-token-env-var TICKETS_TOKEN
		codex mcp add files -- npx -y @modelcontextprotocol/server-filesystem /home/alice/notes
		codex plugin marketplace add /opt/market
		codex plugin add deploy@corp-tools
	'
}

gemini() {
	record gemini 0.61.0 '^\./(\.gemini/settings\.json$|\.gemini/extensions/|proj/\.gemini/)' '
		gemini() { timeout 90 /opt/agent/.local/bin/node /opt/agent/.local/lib/node_modules/@google/gemini-cli/bundle/gemini.js "$@"; }
		gemini mcp add -s user files npx -y @modelcontextprotocol/server-filesystem@2026.1.14 /home/alice/notes
		gemini mcp add -s user -t http -H "Authorization: Bearer sk-test-aaaaaaaaaaaaaaaaaaaaaaaa" tickets https://mcp.corp.example/mcp
		gemini mcp add -s user -t sse feed https://feed.example/sse
		gemini mcp add -s project -e DSN=postgres://u:hunter2@db/x --trust db uvx db-mcp --ro
		yes | gemini extensions install /opt/market/extensions/lookup --consent
	'
}

copilot() {
	record copilot 1.0.102 '^\./(\.copilot/(mcp-config|settings|config)\.json$|\.copilot/(installed-plugins|plugins)/|proj/)' '
		copilot() { timeout 90 /opt/agent/.local/lib/node_modules/@github/copilot-linux-x64/copilot "$@"; }
		copilot mcp add files -- npx -y @modelcontextprotocol/server-filesystem@2026.1.14 /home/alice/notes
		copilot mcp add db --env DSN=postgres://u:hunter2@db/x --tools query -- uvx db-mcp --ro
		copilot mcp add --transport http tickets https://mcp.corp.example/mcp --header "Authorization: Bearer sk-test-aaaaaaaaaaaaaaaaaaaaaaaa"
		copilot mcp add --transport sse feed https://feed.example/sse
		copilot mcp disable feed
		copilot plugin marketplace add /opt/market
		copilot plugin install deploy@corp-tools
	'
}

opencode() {
	record opencode 1.18.33 '^\./(\.config/opencode/opencode\.jsonc?$|proj/.*opencode)' '
		opencode() { timeout 90 /opt/agent/.local/lib/node_modules/opencode-linux-x64/bin/opencode "$@" < /dev/null; }
		git init -q .
		opencode mcp add files -- npx -y @modelcontextprotocol/server-filesystem@2026.1.14 /home/alice/notes
		opencode mcp add db --env DSN=postgres://u:hunter2@db/x -- uvx db-mcp --ro
		opencode mcp add tickets --url https://mcp.corp.example/mcp --header "Authorization=Bearer sk-test-aaaaaaaaaaaaaaaaaaaaaaaa"
	'
}

# An extension of Claude Desktop as its own tool packs and signs it.
mcpb() {
	npm install --prefix "$work/mcpb" --ignore-scripts --no-audit --no-fund --silent @anthropic-ai/mcpb@2.1.2
	rm -rf "$here/recorded/mcpb-2.1.2" && mkdir -p "$here/recorded/mcpb-2.1.2"
	local tool=$work/mcpb/node_modules/.bin/mcpb
	"$tool" pack "$here/market/extensions/notes" "$here/recorded/mcpb-2.1.2/notes.mcpb"
	cp "$here/recorded/mcpb-2.1.2/notes.mcpb" "$here/recorded/mcpb-2.1.2/notes-signed.mcpb"
	(cd "$work" && "$tool" sign --self-signed "$here/recorded/mcpb-2.1.2/notes-signed.mcpb")
	node "$here/choices/record.mjs" "$work/mcpb/node_modules/@anthropic-ai/mcpb/dist/shared/config.js" "$here/choices/cases.json" \
		2> /dev/null > "$here/choices/mcpb-2.1.2.json"
}

[ $# -gt 0 ] || set -- claude codex gemini copilot opencode mcpb
for agent in "$@"; do
	"$agent"
done
