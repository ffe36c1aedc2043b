// SPDX-License-Identifier: Apache-2.0

// This file writes a policy out, for people and for programs: what holds after preset and site's files were merged.

package site

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/enforce"
)

// classes are those of which roles have defaults, in the order in which they are told.
var classes = []enforce.Class{enforce.ClassExec, enforce.ClassFile, enforce.ClassNet, enforce.ClassUnix, enforce.ClassConnector, enforce.ClassSkill, enforce.ClassTool}

// Describe is a merged policy, role by role and rule by rule, each with its place.
func Describe(p *enforce.Policy) string {
	var b strings.Builder
	fmt.Fprintf(&b, "base %s\n", p.Base)
	for i := range p.Roles {
		r := &p.Roles[i]
		fmt.Fprintf(&b, "\nrole %s  %s", r.Name, p.Mode(r.Name))
		for _, part := range []struct {
			what  string
			names []string
		}{{"users", r.Users}, {"groups", r.Groups}, {"extends", r.Extends}} {
			if len(part.names) > 0 {
				fmt.Fprintf(&b, "  %s: %s", part.what, strings.Join(part.names, ", "))
			}
		}
		b.WriteString("\n  defaults:")
		for _, c := range classes {
			fmt.Fprintf(&b, " %s=%s", c, p.Default(r.Name, c))
		}
		b.WriteByte('\n')
	}
	for i := range p.Rules {
		describeRule(&b, &p.Rules[i])
	}
	return b.String()
}

func describeRule(b *strings.Builder, r *enforce.Rule) {
	ops, held := opsOf(r)
	fmt.Fprintf(b, "\n%-5s %s  (%s)\n", r.Action, r.ID, r.Place)
	if r.Reason != "" {
		fmt.Fprintf(b, "      %s\n", r.Reason)
	}
	fmt.Fprintf(b, "      on %s: %s\n", strings.Join(ops, ", "), strings.Join(r.Match, "  "))
	if len(r.Except) > 0 {
		fmt.Fprintf(b, "      except %s\n", strings.Join(r.Except, "  "))
	}
	for _, part := range []struct {
		what  string
		names []string
	}{{"roles", r.Roles}, {"when tainted", r.When}, {"principal", nonEmpty(r.Principal)}, {"taints", nonEmpty(r.Taint)}} {
		if len(part.names) > 0 {
			fmt.Fprintf(b, "      %s: %s\n", part.what, strings.Join(part.names, ", "))
		}
	}
	if !held {
		b.WriteString("      nothing in this build holds it yet\n")
	}
}

// opsOf are the names of a rule's operations, and whether this build holds one of them.
func opsOf(r *enforce.Rule) (names []string, held bool) {
	for _, op := range r.On {
		names = append(names, op.String())
		held = held || enforce.Held(op)
	}
	return names, held
}

// DescribeJSON is Describe with an object a line: of kind role, then of kind rule.
func DescribeJSON(p *enforce.Policy) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	write := func(o map[string]any) {
		if err := enc.Encode(o); err != nil {
			panic("site: texts and lists of texts have no JSON: " + err.Error())
		}
	}
	for i := range p.Roles {
		r := &p.Roles[i]
		defaults := map[string]string{}
		for _, c := range classes {
			defaults[string(c)] = p.Default(r.Name, c).String()
		}
		write(map[string]any{
			"kind": "role", "name": r.Name, "mode": p.Mode(r.Name).String(), "users": list(r.Users), "groups": list(r.Groups), "extends": list(r.Extends),
			"defaults": defaults, "file": r.File, "line": r.Line,
		})
	}
	for i := range p.Rules {
		r := &p.Rules[i]
		ops, held := opsOf(r)
		write(map[string]any{
			"kind": "rule", "id": r.ID, "action": r.Action.String(), "on": list(ops), "match": list(r.Match), "except": list(r.Except), "roles": list(r.Roles),
			"when": list(r.When), "principal": r.Principal, "taint": r.Taint, "reason": r.Reason, "respond": list(r.Respond), "severity": r.Severity, "tags": list(r.Tags),
			"held": held, "file": r.File, "line": r.Line,
		})
	}
	return b.String()
}

// list is a list of JSON, which is none where there is nothing.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func nonEmpty(s string) []string {
	return slices.DeleteFunc([]string{s}, func(s string) bool { return s == "" })
}
