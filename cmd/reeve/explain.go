// SPDX-License-Identifier: Apache-2.0

// This file answers what a policy says of one object. It needs no daemon.

package main

import (
	"context"
	"fmt"
	"os/user"
	"strings"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/enforce"
)

// list is a flag that may be given again.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(s string) error {
	*l = append(*l, s)
	return nil
}

func policyExplain(_ context.Context, e *env, args []string) error {
	f := e.flags("policy explain")
	var paths, taints list
	f.Var(&paths, "policy", "the policy's `FILE` or folder, or preset:NAME; else the configured one")
	role := f.String("role", "", "for this `ROLE`")
	person := f.String("user", "", "for this `USER`: their home, and their role unless --role names one")
	principal := f.String("principal", "", "for this `PRINCIPAL`: agent, written, connector:NAME, skill:NAME")
	unpinned := f.Bool("unpinned", false, "with --principal: what it runs is not known by its content, as of every connector that is declared without sha256")
	f.Var(&taints, "taint", "in a session with this `TAINT`")
	opName := f.String("op", "", "the `OPERATION`, as file.read")
	by := f.String("by", "", "with --op net.addr: the `NAME` that led to the address")
	asJSON := f.Bool("json", false, "one object")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if err := count("policy explain", rest, 1, 1, "one object"); err != nil {
		return err
	}
	op, ok := enforce.ParseOp(*opName)
	if !ok {
		var known []string
		for _, o := range enforce.Ops() {
			known = append(known, o.String())
		}
		return site.Hint(fmt.Errorf("policy explain: --op %q is no operation", *opName), "one of "+strings.Join(known, ", "))
	}
	if *by != "" && op != enforce.OpNetAddr {
		return site.Hint(fmt.Errorf("policy explain: --by %s: only an address is reached by a name", *by), "--op net.addr")
	}
	p, c, err := e.mustLoad(paths)
	if err != nil {
		return err
	}
	q := enforce.Query{Role: *role, Principal: *principal, Unpinned: *unpinned || p.Unpinned(*principal), Taints: taints, Op: op, Object: rest[0], By: *by, Homes: c.Options().Homes}
	if *person != "" {
		if err := asUser(p, &q, *person); err != nil {
			return err
		}
	}
	if err := q.Check(p); err != nil {
		return err
	}
	a := enforce.Explain(p, q)
	if *asJSON {
		return writeJSON(e.stdout, answerJSON(a, q))
	}
	fmt.Fprint(e.stdout, safeLines(a.String()))
	return nil
}

// asUser asks for a user: their home is a home, and their role is asked for where none was named.
func asUser(p *enforce.Policy, q *enforce.Query, name string) error {
	u, err := user.Lookup(name)
	if err != nil && q.Role != "" {
		return nil // the role was named; a user of another machine may be, too
	}
	if err != nil {
		return site.Hint(fmt.Errorf("no user %q", name), "getent passwd "+name, "--role names a role directly")
	}
	q.Homes = append(q.Homes, u.HomeDir)
	if q.Role != "" {
		return nil
	}
	q.Role, err = roleOf(p, u)
	return err
}

func roleOf(p *enforce.Policy, u *user.User) (string, error) {
	ids, err := u.GroupIds()
	if err != nil {
		return "", fmt.Errorf("groups of %s: %w", u.Username, err)
	}
	var groups []string
	for _, id := range ids {
		if g, err := user.LookupGroupId(id); err == nil {
			groups = append(groups, g.Name)
		}
	}
	return p.RoleOf(u.Username, groups), nil
}

// safeLines makes each line harmless.
func safeLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = safe(lines[i])
	}
	return strings.Join(lines, "\n")
}

func answerJSON(a enforce.Answer, q enforce.Query) map[string]any {
	o := map[string]any{
		"action": a.Action.String(), "rule": "default", "role": a.Role, "op": a.Op.String(), "object": q.Object,
		"applied": a.Applied, "held": a.Held, "default": a.Default,
	}
	if a.Rule != nil {
		o["rule"], o["place"], o["reason"], o["glob"] = a.Rule.ID, a.Rule.Place.String(), a.Rule.Reason, a.Glob
	}
	if a.Next != nil {
		o["next"] = a.Next.ID
	}
	if a.Agents {
		o["principal_unpinned"] = true
	}
	o["next_action"] = a.NextActs.String()
	return o
}
