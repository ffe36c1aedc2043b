// SPDX-License-Identifier: Apache-2.0

// This file writes a policy out for people: what holds after preset and site's files were merged.

package site

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/enforce"
)

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
		for _, c := range []enforce.Class{enforce.ClassExec, enforce.ClassFile, enforce.ClassNet, enforce.ClassUnix, enforce.ClassConnector, enforce.ClassSkill, enforce.ClassTool} {
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
	var ops []string
	held := false
	for _, op := range r.On {
		ops = append(ops, op.String())
		held = held || enforce.Held(op)
	}
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

func nonEmpty(s string) []string {
	return slices.DeleteFunc([]string{s}, func(s string) bool { return s == "" })
}
