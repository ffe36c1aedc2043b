// SPDX-License-Identifier: Apache-2.0

// This file is the commands that are told for what they are, whatever they are given.

package shell

import (
	"regexp"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/taint"
)

// hazard is one shape of a command line.
type hazard struct {
	names  string // of programs, between spaces; empty for all
	line   *regexp.Regexp
	rule   string
	detail string
}

var hazards = []hazard{
	{"rm", regexp.MustCompile(`\s-\w*[rR]\w*.*\s(?:/|/\*|~/?|~/\*|\$HOME/?|/(?:etc|usr|var|home|bin|boot|lib)/?\*?)(?:\s|$)|--no-preserve-root`), "SH-DESTROY", "removes a home or a system"},
	{"rm", regexp.MustCompile(`\s-\w*[rR]\w*.*\s(?:~|\$HOME|/home/\w+|/Users/\w+)/(?:Documents|Desktop|Downloads|Pictures|Music|Videos|[Pp]rojects?|[Ww]ork|src)\b/?\*?(?:\s|$)`), "SH-DESTROY", "removes a folder of the user's"},
	{"psql mysql mariadb sqlite3 mongosh mongo redis-cli", regexp.MustCompile(`(?i)\bdrop\s+(?:database|schema|table)\b|\bdropDatabase\b|\bflushall\b|\btruncate\s+table`), "SH-DROP", "empties a data base"},
	{"dd", regexp.MustCompile(`of=/dev/(?:sd|nvme|hd|vd|disk|mem)`), "SH-DESTROY", "writes over a disk"},
	{"mkfs mkfs.ext4 mkfs.xfs mkfs.btrfs wipefs", regexp.MustCompile(`/dev/`), "SH-DESTROY", "makes a disk empty"},
	{"shred srm", regexp.MustCompile(`/dev/(?:sd|nvme)|~|\$HOME|/home`), "SH-DESTROY", "destroys data beyond recovery"},
	{"chmod", regexp.MustCompile(`-R\s+(?:777|000|a\+rwx)\s+(?:/|~/?|\$HOME/?)(?:\s|$)`), "SH-DESTROY", "takes all protection from a home or a system"},
	{"chmod", regexp.MustCompile(`(?:^|\s)(?:[ugo]*\+s|[2467][0-7]{3})\s`), "SH-PRIVILEGE", "a program that runs with its owner's rights"},
	{"chmod", regexp.MustCompile(`(?:\s[2467][0-7]{3}|\+s)\s+\S*/(?:ba|z|da|k)?sh\b`), "SH-ROOT-SHELL", "a shell that gives everybody the rights of root"},
	{"git", regexp.MustCompile(`\bconfig\b.*(?:core\.(?:hooksPath|sshCommand|pager|fsmonitor)|alias\.\w+\s+!)`), "SH-GIT-HOOK", "has git run something else"},
	{"chown", regexp.MustCompile(`root.*(?:/tmp|\.sh\b)`), "SH-PRIVILEGE", "gives a program to root"},
	{"usermod useradd adduser gpasswd", regexp.MustCompile(`(?:-a?G|--groups|-a)\s*\S*(?:sudo|wheel|admin|root)|-o?u\s*0|-o\s+-u\s*0`), "SH-PRIVILEGE", "puts somebody among the administrators"},
	{"usermod gpasswd adduser", regexp.MustCompile(`\bdocker\b`), "SH-DOCKER-GROUP", "whoever may use docker is root"},
	{"setcap", regexp.MustCompile(`cap_`), "SH-PRIVILEGE", "gives a program rights of root"},
	{"visudo echo tee", regexp.MustCompile(`NOPASSWD`), "SH-PRIVILEGE", "root without a password"},
	{"insmod modprobe", regexp.MustCompile(`\.ko\b|/tmp`), "SH-EVASION", "loads code into the kernel"},
	{"history", regexp.MustCompile(`\s-c`), "SH-EVASION", "clears the shell's history"},
	{"rm shred truncate unlink cp ln", regexp.MustCompile(`_history\b|/var/log/(?:auth|syslog|secure|wtmp|btmp|lastlog|messages)`), "SH-EVASION", "removes traces"},
	{"journalctl", regexp.MustCompile(`--vacuum|--rotate.*--vacuum`), "SH-LOGS", "shortens the journal"},
	{"iptables nft ufw firewall-cmd", regexp.MustCompile(`\s(?:-F|--flush|flush ruleset|disable|stop)\b|-P\s+INPUT\s+ACCEPT`), "SH-EVASION", "takes the firewall down"},
	{"setenforce", regexp.MustCompile(`\s0|permissive`), "SH-EVASION", "takes SELinux down"},
	{"systemctl service launchctl", regexp.MustCompile(`\b(?:stop|disable|mask|unload)\b.*(?:auditd|rsyslog|apparmor|falcon|clamav|crowdstrike|osquery|wazuh|defender|sentinel|reeve|firewalld|ufw)`), "SH-EVASION", "stops what watches"},
	{"xattr", regexp.MustCompile(`-\w*[cd]\w*\s+(?:com\.apple\.quarantine|\S)`), "SH-QUARANTINE", "takes the mark off that a file is from the network"},
	{"spctl", regexp.MustCompile(`--(?:master|global)-disable`), "SH-EVASION", "takes Gatekeeper down"},
	{"set-mppreference add-mppreference", regexp.MustCompile(`(?i)Disable|Exclusion`), "SH-EVASION", "takes Defender down"},
	{"systemctl", regexp.MustCompile(`\benable\b.*(?:--now|\.service|\.timer)`), "SH-SERVICE", "a service that starts with the system"},
	{"launchctl", regexp.MustCompile(`\b(?:load|bootstrap)\b`), "SH-SERVICE", "a service that starts with the session"},
	{"schtasks", regexp.MustCompile(`(?i)/create`), "SH-PERSIST", "has the system run something at times"},
	{"reg", regexp.MustCompile(`(?i)add.*CurrentVersion\\Run`), "SH-PERSIST", "starts with every session"},
	{"at batch", regexp.MustCompile(`now|tomorrow|\d\d:\d\d`), "SH-PERSIST", "runs later"},
	{"claude codex gemini cursor-agent copilot aider goose opencode", regexp.MustCompile(`--dangerously-\S+|--yolo\b|--allow-all-tools|--full-auto|--yes-always|--approval-mode[= ]yolo|--permission-mode[= ]bypassPermissions`), "CFG-BYPASS", "an agent that asks nobody"},
	{"docker podman", regexp.MustCompile(`--privileged|docker\.sock:|--pid[= ]host|--cap-add[= ](?:ALL|SYS_ADMIN)`), "CFG-CONTAINER", "a container that holds little"},
	{"docker podman", regexp.MustCompile(`(?:-v|--volume)[ =]*/:/|source=/,`), "CFG-CONTAINER-HOST", "the host's whole file system is in the container"},
	{"chromium google-chrome chrome chromium-browser", regexp.MustCompile(`--disable-web-security`), "CFG-BROWSER", "a browser without its protection"},
	{"", regexp.MustCompile(`stratum\+(?:tcp|ssl)://`), "SH-MINER", "digs for somebody"},
	{"ssh", regexp.MustCompile(`\s-\w*R\w*\s*\d+:`), "SH-TUNNEL", "lets somebody in by a tunnel"},
	{"ngrok cloudflared", regexp.MustCompile(`\b(?:tcp|tunnel)\b`), "SH-TUNNEL", "lets somebody in by a tunnel"},
	{"mkfifo", regexp.MustCompile(`/tmp/`), "SH-FIFO", "a pipe in a public folder"},
	{"node nodejs", regexp.MustCompile(`--inspect(?:-brk)?=(?:0\.0\.0\.0|\[?::)`), "SH-LISTEN", "a debugger for everybody on the network"},
	{"stress stress-ng", regexp.MustCompile(`--`), "SH-LOAD", "uses up the machine"},
}

func (a *analyser) hazards(i *invocation) {
	line := i.line
	for n := range hazards {
		h := &hazards[n]
		if (h.names == "" || strings.Contains(" "+h.names+" ", " "+i.name+" ")) && h.line.MatchString(line) {
			a.find(h.rule, i.stmt, h.detail)
		}
	}
	if miners[i.name] {
		a.find("SH-MINER", i.stmt, "digs for somebody")
	}
	if removers[i.name] {
		a.out.Acts |= taint.Deletes
	}
	a.packages(i)
}

// packages asks about what is installed or run from a registry.
func (a *analyser) packages(i *invocation) {
	if i.name == "pip" || i.name == "pip3" || i.name == "npm" || i.name == "npx" || i.name == "uvx" || i.name == "uv" || i.name == "pipx" || i.name == "yarn" || i.name == "pnpm" || i.name == "bunx" || i.name == "gem" {
		a.out.Acts |= taint.Network
		a.out.Installs = append(a.out.Installs, Install{Line: i.line, Offset: a.base + min(int(i.stmt.Pos().Offset()), len(a.src))})
	}
}
