// SPDX-License-Identifier: Apache-2.0

// Contain is the plugin that does something about the session that a rule is about: respond = ["contain:freeze"]. It has no
// right of its own to do it: it asks the host, which lets it do what the rule named and goes the way that people go.
package main

import (
	"context"
	"fmt"

	"github.com/reeve-sensor/reeve/plugins/api"
)

// version is set when a release is built.
var version = "dev"

func main() { api.Main(contain()) }

// actions are what a rule may ask for. Deny is the session's own switch; the others are as `reeve session` has them.
var actions = []struct{ name, about string }{
	{"kill", "every process of the session ends"},
	{"freeze", "every task of the session stops where it is"},
	{"isolate", "the session is refused all networks and the sockets of others"},
	{"deny", "the session is refused everything that policy can refuse"},
	{"thaw", "the session goes on"},
}

func contain() api.Plugin {
	p := api.Plugin{Name: "contain", Version: version, About: "ends, stops or cuts off the session that a rule is about"}
	for _, a := range actions {
		p.Actions = append(p.Actions, api.Action{Name: a.name, About: a.about, Do: do(a.name)})
	}
	return p
}

func do(action string) func(context.Context, api.Event, api.Session) error {
	return func(ctx context.Context, e api.Event, s api.Session) error {
		_, err := s.Act(ctx, action, fmt.Sprintf("rule %s: %s", e.Rule, e.Message))
		return err
	}
}
