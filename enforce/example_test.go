// SPDX-License-Identifier: Apache-2.0

// The package comment's policy, as a test: what the page says is what the code does.

package enforce_test

import (
	"fmt"

	"github.com/reeve-sensor/reeve/enforce"
)

func Example() {
	policy, err := enforce.Parse(map[string]string{"site.toml": `
version = 1
base    = "balanced"
homes   = ["/data/homes/*"]

[sets]
secrets = ["~/.ssh/**", "**/.env"]

[[role]]
name     = "engineering"
groups   = ["engineering"]
extends  = ["default"]
mode     = "enforce"
defaults = { exec = "allow", file = "allow", foreign = "audit" }

[[rule]]
id     = "secrets"
on     = ["file.read", "file.write"]
match  = ["@secrets"]
except = ["~/.ssh/*.pub"]
action = "deny"
reason = "credentials are not for agents"
`}, enforce.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	role := policy.RoleOf("alice", []string{"users", "engineering"})
	for _, object := range []string{"/data/homes/alice/src/app/.env", "/home/bob/.ssh/id.pub", "/home/bob/notes"} {
		answer := enforce.Explain(policy, enforce.Query{Role: role, Op: enforce.OpFileRead, Object: object})
		fmt.Println(answer.Line(), object)
		if answer.Rule != nil {
			fmt.Println(answer.Rule)
		}
	}

	image, err := enforce.Compile(policy, nil, 1, enforce.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	index, _ := image.RoleIndex(role)
	agent, _ := image.PrincipalIndex("agent")
	verdict := image.Oracle().Decide(enforce.Subject{Role: index, Principal: agent}, enforce.OpFileRead, enforce.ViewHost,
		[]byte("/data/homes/alice/src/app/.env"))
	fmt.Println("the table says", verdict.Action)
	// Output:
	// deny secrets /data/homes/alice/src/app/.env
	// secrets (site.toml:16): credentials are not for agents
	// allow default /home/bob/.ssh/id.pub
	// allow default /home/bob/notes
	// the table says deny
}
