// SPDX-License-Identifier: Apache-2.0

// What the presets say to moves: those that work consists of go on, those that take something out of its rules' reach do
// not, and the rule is named. Needless refusals that are known are here too, marked as such.

package enforce_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/enforce"
)

// moves is the table: what is moved, from where to where, then the answers of balanced and of strict where it differs.
const moves = `
# work
folder /home/ana/src/app /home/ana/src/lib                                let
folder /home/ana/work /home/bob/work                                      let
folder /home/ana/src/app/node_modules/.x-abc /home/ana/src/app/node_modules/x let
folder /home/ana/src/app/target/tmp.x /home/ana/src/app/target/release    let
folder /home/ana/.npm/_cacache/tmp/1 /home/ana/.npm/_cacache/content-v2/x let
folder /home/ana/.cache/uv/.tmpX /home/ana/.cache/uv/archive-v0/X         let
folder /home/ana/.rustup/tmp/x /home/ana/.rustup/toolchains/stable        let
folder /tmp/x /home/ana/src/x                                             let | default
folder /tmp/x /tmp/y                                                      let
folder /home/ana/src/app /tmp/app                                         let
folder /home/ana/.cache/x /home/ana/src/x                                  let
folder /home/ana/src/x /home/ana/.cache/x                                  let
file   /home/ana/src/app/.main.go.swp /home/ana/src/app/main.go           let
file   /home/ana/src/app/.env.tmp /home/ana/src/app/.env                  let
file   /home/ana/src/app/.git/index.lock /home/ana/src/app/.git/index     let
file   /home/ana/src/app/x.tmp /home/ana/src/app/.mcp.json                let
file   /home/ana/.claude.json.tmp.1 /home/ana/.claude.json                let
file   /home/ana/.claude/settings.json.tmp /home/ana/.claude/settings.json let
file   /home/ana/.gitconfig.lock /home/ana/.gitconfig                     let
file   /home/ana/.ssh/known_hosts.old /home/ana/.ssh/known_hosts          let
file   /home/ana/.local/share/claude/versions/.x /home/ana/.local/share/claude/versions/2.1.1 let

# into a stricter place: what a folder may bring along counts, of a file its own name, which is judged beside this
folder /home/ana/src/app/dot-git /home/ana/src/app/.git                   git-hooks
folder /home/ana/src/app/github /home/ana/src/app/.github                 project-agent-settings
folder /home/ana/keys /home/ana/.ssh                                      ssh-keys | default
folder /home/ana/keys /home/ana/.ssh/keys                                 ssh-keys
folder /tmp/x /home/ana/.config/autostart                                 autostart | default
folder /home/ana/.config/x /home/ana/.config/y                            let
file   /home/ana/x /home/ana/.ssh/id                                      let
file   /home/ana/src/hook /home/ana/src/app/.git/hooks/pre-commit         let

# out of a rule's reach
folder /home/ana/.ssh /home/ana/x                                         ssh-keys
folder /home/ana/.aws /home/ana/src/aws                                   cloud-credentials
folder /home/ana/.aws/sso /tmp/sso                                        cloud-credentials
folder /home/ana/.config /home/ana/.config.bak                            cloud-credentials
folder /home/ana /home/ana/x                                              ssh-keys
folder /home/ana /mnt/ana                                                 ssh-keys
folder /home /mnt                                                         ssh-keys
folder /etc /etc.old                                                      ssh-keys
folder /home/ana/src/app/.git /home/ana/src/app/git.bak                   git-hooks
folder /home/ana/src/app/.git/hooks /home/ana/src/app/.git/x              git-hooks
folder /home/ana/src/app/.claude /home/ana/src/app/claude                 let | project-claude-settings
folder /home/ana/src/app/.codex /home/ana/src/app/codex                   project-agent-settings
file   /home/ana/.ssh/id /home/ana/id                                     ssh-keys
file   /home/ana/.ssh/id /home/ana/.ssh/id.pub                            ssh-keys
file   /home/ana/.npmrc /home/ana/npmrc                                   service-tokens
file   /home/ana/.bashrc /home/ana/.bashrc.old                            shell-startup
file   /usr/bin/sudo /tmp/sudo                                            let | default
file   /usr/bin/sudo /tmp/x                                               privilege
file   /home/ana/Documents/x /home/ana/src/x                              let | default

# in vain: the rule holds at the new place by another group; an except begins where nothing is that it could except
file   /home/ana/.npmrc /home/ana/.ssh/npmrc                              service-tokens
folder /home/ana/.ssh /home/ana/.aws                                      ssh-access
folder /home/ana/claude /home/ana/.claude                                 let | project-claude-settings
folder /home/ana/codex /home/ana/.codex                                   project-agent-settings
`

// answerOf is what became of a move: let, or who refused it.
func answerOf(im *enforce.Image, s enforce.Subject, folder bool, from, to string) string {
	m := im.Oracle().Move(s, []byte(from), []byte(to), folder)
	if !m.Refused {
		return "let"
	}
	rule, _ := im.AttributeMove(s, m.Lost, []byte(from), []byte(to), folder)
	if m.Lost == 0 {
		rule, _ = im.AttributeMove(s, m.Brought, []byte(to), []byte(from), folder)
	}
	if rule == nil {
		return "default"
	}
	return rule.ID
}

func TestPresetsJudgeMoves(t *testing.T) {
	for line := range strings.Lines(moves) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		want := map[string]string{"balanced": fields[3], "strict": fields[len(fields)-1]}
		for _, name := range []string{"balanced", "strict"} {
			_, im := preset(t, name)
			if got := answerOf(im, enforce.Subject{Principal: 1}, fields[0] == "folder", fields[1], fields[2]); got != want[name] {
				t.Errorf("%s: %s %s %s: %s, want %s", name, fields[0], fields[1], fields[2], got, want[name])
			}
		}
	}
}

// Who moves what marks its readers is marked.
func TestMovesCarryMarks(t *testing.T) {
	_, im := preset(t, "balanced")
	secret, _ := im.TaintIndex("secret")
	for name, tc := range map[string]struct {
		from, to string
		folder   bool
		marked   bool
	}{
		"file-out":             {"/home/ana/src/app/.env", "/home/ana/src/app/env", false, true},
		"file-to-another":      {"/home/ana/src/app/.env", "/home/ana/src/app/.env.local", false, false},
		"file-in":              {"/home/ana/src/app/env", "/home/ana/src/app/.env", false, false},
		"folder-with-one-else": {"/home/ana/src/app", "/home/ana/src/lib", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := im.Oracle().Move(enforce.Subject{Principal: 1}, []byte(tc.from), []byte(tc.to), tc.folder)
			if m.Refused || m.Taints>>secret&1 == 1 != tc.marked {
				t.Errorf("%+v", m)
			}
		})
	}
}

// Folders of a day's work: none of their moves may be refused in vain.
func TestOrdinaryMovesAreLet(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 8))
	roots := []string{"/home/ana/src", "/home/ana/src/app", "/home/bob/work/x/y", "/tmp", "/home/ana/.cache", "/home/ana/.npm/_cacache", "/srv/build", "/home/ana/.claude/projects", "/var/tmp"}
	names := []string{"node_modules", ".next", "dist", "target", ".venv", "a", "src", ".x-abc", "__pycache__", ".cache", "x.bak", "docs", "é"}
	_, im := preset(t, "balanced")
	draw := func() string {
		path := one(r, roots...)
		for range 1 + r.IntN(3) {
			path += "/" + one(r, names...)
		}
		return path
	}
	var refused []string
	const all = 4000
	for range all {
		from, to := draw(), draw()
		if answer := answerOf(im, enforce.Subject{Principal: 1}, true, from, to); answer != "let" {
			refused = append(refused, fmt.Sprintf("%s to %s: %s", from, to, answer))
		}
	}
	if len(refused)*200 > all {
		t.Errorf("%d of %d moves are refused, as %s", len(refused), all, refused[0])
	}
	t.Logf("%d of %d moves refused: %.3q", len(refused), all, refused)
}
