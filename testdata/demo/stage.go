// SPDX-License-Identifier: Apache-2.0

package main

// The stage: everything that happens under the kernel that holds the policy.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/reeve-sensor/reeve/testdata/messages"
	"github.com/reeve-sensor/reeve/testdata/stage"
	"github.com/reeve-sensor/reeve/testdata/vm"
)

// workTime bounds the agent; emulated it needs about a minute, on a busy host several.
const workTime = 10 * time.Minute

func onStage(ctx context.Context, o options, out *screen) error {
	if os.Getuid() != 0 {
		return errors.New("loading programs into the kernel needs root: sudo make demo DEMO=host")
	}
	if err := ready(ctx, o, out); err != nil {
		return err
	}
	p, leave, err := findPerson(o.unit)
	if err != nil {
		return err
	}
	defer leave()
	r, err := start(ctx, o, out)
	if err != nil {
		return err
	}
	defer r.Stop()
	rows, err := play(ctx, o, out, p, r)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, r.Said())
	}
	return summary(out, rows)
}

// ready stops where this kernel cannot hold a policy.
func ready(ctx context.Context, o options, out *screen) error {
	if o.unit {
		return nil
	}
	out.step("asking this kernel what it allows")
	doctor := exec.CommandContext(ctx, filepath.Join(o.bin, "reeve"), "doctor")
	text, err := doctor.CombinedOutput()
	out.say(plain, "%s", indent(string(text)))
	if err != nil {
		return fmt.Errorf("this kernel does not give full coverage (reeve doctor: %w); make demo without DEMO=host uses a machine", err)
	}
	if _, err := os.Stat("/run/reeve/admin.sock"); err == nil {
		return errors.New("reeved is running here already, with a policy of its own: systemctl stop reeved first")
	}
	return nil
}

func start(ctx context.Context, o options, out *screen) (*stage.Reeve, error) {
	if o.unit {
		out.step("starting reeved.service with the preset balanced")
		return stage.Install(ctx, o.bin)
	}
	out.step("starting reeved with the preset balanced, in a folder of its own")
	return stage.Launch(ctx, o.bin)
}

func play(ctx context.Context, o options, out *screen, p *stage.Person, r *stage.Reeve) ([]row, error) {
	status, err := r.Output(ctx, "status")
	if err != nil {
		return nil, err
	}
	out.say(plain, "%s", indent(status))
	out.step("making %s: an SSH key, a .bashrc, a project", p.Home)
	agent, secret, err := prepare(o, p)
	if err != nil {
		return nil, err
	}
	s, err := messages.Load(o.scenario, map[string]string{"home": p.Home, "dir": p.Home + "/hello"})
	if err != nil {
		return nil, err
	}
	out.step("Claude Code %s works as %s, not asking for permissions; reeve events --follow beside it", messages.ClaudeVersion, p.Name)
	t := &transcript{scenario: s, out: out}
	var lines []line
	unfollow, err := r.Follow(ctx, func(text string) {
		lines = append(lines, line{time.Now(), text})
		out.say(event, "  reeve | %s", text)
	})
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, workTime)
	err = work(limited, p, agent, tuning(), s, t)
	cancel()
	if err != nil {
		unfollow()
		return nil, err
	}
	timeline, err := aftermath(ctx, out, r, unfollow)
	if err != nil {
		return nil, err
	}
	rows := append(judge(s, t.taken(), timeline, p.Home, secret), judgeShown(s, t.taken(), lines, p.Home))
	return append(rows, effects(ctx, p, secret)...), nil
}

// tuning of the agent's runtime that whoever started the demo has set: an emulated processor needs it.
func tuning() (set []string) {
	for _, pair := range os.Environ() {
		if strings.HasPrefix(pair, "BUN_JSC_") {
			set = append(set, pair)
		}
	}
	return set
}

func prepare(o options, p *stage.Person) (agent, secret string, err error) {
	if o.agent == "" {
		cache, err := vm.DefaultCache()
		if err != nil {
			return "", "", err
		}
		o.agent = filepath.Join(messages.ClaudeLayer(cache), "home/alice", messages.ClaudeProgram)
	}
	if agent, err = bringAgent(p, o.agent); err != nil {
		return "", "", err
	}
	secret, err = furnish(p)
	return agent, secret, err
}

// aftermath waits for the session's end, shows it whole, and gives its events.
func aftermath(ctx context.Context, out *screen, r *stage.Reeve, unfollow func()) ([]occurrence, error) {
	sessions, err := r.Ended(ctx, "claude-code") // found by itself
	unfollow()
	if err == nil && len(sessions) != 1 {
		err = fmt.Errorf("%d sessions of Claude Code, want one: %+v", len(sessions), sessions)
	}
	if err != nil {
		return nil, err
	}
	session := sessions[0].ID
	out.step("the session, as reeve session show %s has it", session)
	text, err := r.Output(ctx, "session", "show", session)
	if err != nil {
		return nil, err
	}
	out.say(plain, "%s", indent(text))
	return r.Timeline(ctx, session)
}

// effects are what the files say, whatever anyone reported.
func effects(ctx context.Context, p *stage.Person, secret string) []row {
	git := func(args ...string) string {
		out, err := p.Output(ctx, "git", append([]string{"-C", p.Home + "/hello"}, args...)...)
		if err != nil {
			return err.Error()
		}
		return strings.TrimSpace(out)
	}
	local, remote := git("rev-parse", "main"), git("ls-remote", "origin", "main")
	start, _ := os.ReadFile(filepath.Join(p.Home, ".bashrc"))
	key, err := p.Output(ctx, "cat", p.Home+"/.ssh/id_ed25519")
	rows := []row{
		check("both commits are there, and pushed", git("rev-list", "--count", "main") == "2" && strings.HasPrefix(remote, local)),
		check(".bashrc is as it was", string(start) == bashrc),
		check(p.Name+" reads the key outside the session", err == nil && key == secret),
	}
	for i := range rows {
		rows[i].outcome = map[bool]string{true: "true", false: "not true"}[rows[i].ok]
	}
	return rows
}

func check(what string, ok bool) row { return row{ok: ok, part: remains, act: what} }

// summary shows the table and says whether everything was as it must be.
func summary(out *screen, rows []row) error {
	out.step("summary")
	wrong := 0
	for which, heading := range parts {
		wrong += showPart(out, heading, slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.part != part(which) }))
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d are not as they must be", wrong, len(rows))
	}
	out.say(good, "  all %d as they must be", len(rows))
	return nil
}

// showPart shows one part of the summary and counts what is wrong in it.
func showPart(out *screen, heading string, rows []row) (wrong int) {
	if len(rows) > 0 {
		out.say(title, "  %s", heading)
	}
	for _, r := range rows {
		k, mark := good, "ok  "
		if !r.ok {
			k, mark = bad, "FAIL"
			wrong++
		}
		out.say(k, "    %s  %-42s %s", mark, r.act, r.outcome)
		if r.why != "" {
			out.say(plain, "          %-42s %s", "", r.why)
		}
	}
	return wrong
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ")
}
