// SPDX-License-Identifier: Apache-2.0

// This file is what can be done with policies: read, compare and, by way of the daemon, put into force.

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor/api"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// presetPrefix names a built-in preset where a path is expected.
const presetPrefix = "preset:"

// load reads the policy at paths, or the configured one, and tells everything that is wrong with it.
func (e *env) load(paths []string) (*enforce.Policy, site.Config, enforce.Problems, error) {
	c, err := site.ReadConfig(e.config)
	if err != nil {
		return nil, c, nil, err
	}
	agents, err := inventory.Load(c.Agents)
	if err != nil {
		return nil, c, nil, err
	}
	c = askPlugins(c)
	if len(paths) == 1 && strings.HasPrefix(paths[0], presetPrefix) {
		name := strings.TrimPrefix(paths[0], presetPrefix)
		if !slices.Contains(enforce.Presets(), name) {
			return nil, c, nil, site.Hint(fmt.Errorf("no preset %q", name), "presets: "+strings.Join(enforce.Presets(), ", "))
		}
		p, ps := c.Parse(map[string]string{"preset": fmt.Sprintf("version = 1\nbase = %q\n", name)}, agents)
		return p, c, ps, nil
	}
	if len(paths) == 0 {
		paths = c.Files()
	}
	p, ps := c.Load(paths, agents)
	return p, c, ps, nil
}

// mustLoad is load for commands that can do nothing with a faulty policy.
func (e *env) mustLoad(paths []string) (*enforce.Policy, site.Config, error) {
	p, c, ps, err := e.load(paths)
	if err != nil {
		return nil, c, err
	}
	if p == nil {
		return nil, c, ps.Errors()
	}
	return p, c, nil
}

func policyCheck(_ context.Context, e *env, args []string) error {
	f := e.flags("policy check")
	asJSON := f.Bool("json", false, "one object a line for each problem")
	paths, err := parse(f, args)
	if err != nil {
		return err
	}
	p, _, ps, err := e.load(paths)
	if err != nil {
		return err
	}
	for _, q := range ps {
		if err := printProblem(e, q, *asJSON); err != nil {
			return err
		}
	}
	if p == nil {
		if !*asJSON {
			fmt.Fprintf(e.stderr, "reeve: %s\n", plural(len(ps.Errors()), "fault"))
		}
		return &exit{code: exitNo}
	}
	if !*asJSON {
		fmt.Fprintf(e.stdout, "%s base %s, %s, %s\n", e.paint.green("ok:"), p.Base, plural(len(p.Rules), "rule"), plural(len(p.Roles), "role"))
	}
	return nil
}

// plural counts things.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func printProblem(e *env, q *enforce.Problem, asJSON bool) error {
	level := "error"
	if q.Warning {
		level = "warning"
	}
	if asJSON {
		return writeJSON(e.stdout, map[string]any{
			"level": level, "file": q.File, "line": q.Line, "rule": q.Rule, "key": q.Key, "reason": q.Reason, "hint": q.Hint,
		})
	}
	word := e.paint.red(level)
	if q.Warning {
		word = e.paint.amber(level)
	}
	fmt.Fprintf(e.stdout, "%s: %s\n", word, safe(q.Error()))
	if q.Hint != "" {
		fmt.Fprintf(e.stdout, "  %s %s\n", e.paint.dim("hint:"), safe(q.Hint))
	}
	return nil
}

func policyShow(ctx context.Context, e *env, args []string) error {
	f := e.flags("policy show")
	running := f.Bool("running", false, "the policy that the daemon has in force")
	asJSON := f.Bool("json", false, "one object a line: the policy, its roles, its rules")
	paths, err := parse(f, args)
	if err != nil {
		return err
	}
	if *running {
		return showRunning(ctx, e, *asJSON)
	}
	p, _, err := e.mustLoad(paths)
	if err != nil {
		return err
	}
	if *asJSON {
		if err := writeJSON(e.stdout, map[string]any{"kind": "policy", "base": p.Base, "rules": len(p.Rules), "roles": len(p.Roles)}); err != nil {
			return err
		}
		fmt.Fprint(e.stdout, site.DescribeJSON(p))
		return nil
	}
	fmt.Fprint(e.stdout, site.Describe(p))
	return nil
}

func showRunning(ctx context.Context, e *env, asJSON bool) error {
	c, err := e.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	reply, err := c.PolicyShow(ctx, &pb.PolicyShowRequest{Json: asJSON})
	if err != nil {
		return told(err)
	}
	if asJSON {
		head := map[string]any{"kind": "policy"}
		maps.Copy(head, policyJSON(reply.Policy))
		if err := writeJSON(e.stdout, head); err != nil {
			return err
		}
		fmt.Fprint(e.stdout, reply.Text)
		return nil
	}
	fmt.Fprintf(e.stdout, "generation %d, applied %s\n", reply.Policy.Generation, since(reply.Policy.AppliedMs, time.Now()))
	fmt.Fprint(e.stdout, reply.Text)
	return nil
}

func policyDiff(_ context.Context, e *env, args []string) error {
	f := e.flags("policy diff")
	asJSON := f.Bool("json", false, "one object a line for each change")
	paths, err := parse(f, args)
	if err != nil {
		return err
	}
	if err := count("policy diff", paths, 1, 2, "one or two policies"); err != nil {
		return err
	}
	var before []string
	if len(paths) == 2 {
		before = paths[:1]
	}
	old, _, err := e.mustLoad(before)
	if err != nil {
		return err
	}
	next, _, err := e.mustLoad(paths[len(paths)-1:])
	if err != nil {
		return err
	}
	d := enforce.Diff(old, next)
	for _, c := range d.Changes {
		if *asJSON {
			err = writeJSON(e.stdout, map[string]any{"what": c.What, "name": c.Name, "old": c.Old, "new": c.New})
		} else {
			_, err = fmt.Fprintln(e.stdout, e.change(c))
		}
		if err != nil {
			return fmt.Errorf("writing: %w", err)
		}
	}
	if len(d.Changes) == 0 && !*asJSON {
		fmt.Fprintln(e.stdout, "no difference")
	}
	return nil
}

func (e *env) change(c enforce.Change) string {
	text := safe(c.String())
	switch text[:1] {
	case "+":
		return e.paint.green(text)
	case "-":
		return e.paint.red(text)
	}
	return e.paint.amber(text)
}

// confirmMost is how long a policy may wait to be confirmed.
const confirmMost = 24 * time.Hour

func policyApply(ctx context.Context, e *env, args []string) error {
	f := e.flags("policy apply")
	within := f.Duration("confirm-within", 0, "take the policy back after this `TIME` unless it is confirmed")
	confirm := f.Bool("confirm", false, "keep the policy that waits to be confirmed")
	asJSON := f.Bool("json", false, "one object a line: each problem, then what became of it")
	paths, err := parse(f, args)
	if err != nil {
		return err
	}
	if *within != 0 && (*within < time.Second || *within > confirmMost) {
		return site.Hint(fmt.Errorf("policy apply: --confirm-within %s: not between 1s and 24h", *within), "as in --confirm-within 60s; without it the policy stays")
	}
	files, err := readFiles(paths)
	if err != nil {
		return err
	}
	c, err := e.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if *confirm {
		return confirmPolicy(ctx, e, c, *asJSON)
	}
	reply, err := c.PolicyApply(ctx, &pb.PolicyApplyRequest{Files: files, ConfirmWithinS: uint32(within.Seconds())})
	if err != nil {
		return told(err)
	}
	if *asJSON {
		return appliedJSON(e, reply, *within)
	}
	return printApplied(e, reply, *within)
}

func confirmPolicy(ctx context.Context, e *env, c *api.Client, asJSON bool) error {
	reply, err := c.PolicyConfirm(ctx, &pb.PolicyConfirmRequest{})
	switch {
	case err != nil:
		return told(err)
	case asJSON:
		return e.answer(map[string]any{"confirmed": reply.Confirmed}, reply.Confirmed)
	case !reply.Confirmed:
		return &exit{exitNo, errors.New("no policy waits to be confirmed")}
	}
	return nil
}

func appliedJSON(e *env, r *pb.PolicyApplyReply, within time.Duration) error {
	for _, q := range r.Problems {
		level := "error"
		if q.Warning {
			level = "warning"
		}
		if err := writeJSON(e.stdout, map[string]any{"level": level, "reason": q.Text, "hint": q.Hint}); err != nil {
			return err
		}
	}
	return e.answer(map[string]any{"applied": r.Applied, "confirm_within_s": within.Seconds(), "policy": policyJSON(r.Policy)}, r.Applied)
}

func printApplied(e *env, r *pb.PolicyApplyReply, within time.Duration) error {
	for _, q := range r.Problems {
		word := "error"
		if q.Warning {
			word = "warning"
		}
		fmt.Fprintf(e.stderr, "reeve: %s: %s\n", word, safe(q.Text))
		if q.Hint != "" {
			fmt.Fprintf(e.stderr, "  hint: %s\n", safe(q.Hint))
		}
	}
	if !r.Applied {
		return &exit{exitNo, fmt.Errorf("not applied; generation %d stays in force", r.Policy.GetGeneration())}
	}
	fmt.Fprintf(e.stdout, "generation %d in force: base %s, %s, %s\n", r.Policy.Generation, r.Policy.Base,
		plural(int(r.Policy.Rules), "rule"), plural(int(r.Policy.Roles), "role"))
	if within > 0 {
		fmt.Fprintf(e.stdout, "it is taken back in %s unless `reeve policy apply --confirm`\n", within)
	}
	return nil
}

// readFiles reads policies to send: the daemon may not see what the caller sees.
func readFiles(paths []string) ([]*pb.PolicyFile, error) {
	var out []*pb.PolicyFile
	for _, p := range paths {
		names, err := enforce.Files(p)
		if err != nil {
			return nil, fmt.Errorf("reading a policy: %w", err)
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("%s: no *.toml in it", p)
		}
		for _, name := range names {
			raw, err := os.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("reading a policy: %w", err)
			}
			full, err := filepath.Abs(name)
			if err != nil {
				return nil, fmt.Errorf("naming %s: %w", name, err)
			}
			out = append(out, &pb.PolicyFile{Name: full, Text: string(raw)})
		}
	}
	return out, nil
}
