// SPDX-License-Identifier: Apache-2.0

package site

import (
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

func TestPolicyGovernsByIdentity(t *testing.T) {
	sum := strings.Repeat("1", 64)
	p, err := enforce.Parse(map[string]string{"a.toml": `version = 1
[[role]]
name = "engineering"
users = ["bob"]
[[connector]]
name = "files"
command = ["npx", "-y", "@x/files@1.2.3"]
sha256 = "` + sum + `"
[[rule]]
id = "files-for-engineering"
roles = ["engineering"]
on = ["connector.start"]
match = ["files"]
action = "allow"
reason = "reviewed"
[[connector]]
name = "mail"
command = ["/opt/mail"]
sha256 = "` + sum + `"
[[rule]]
id = "no-mail"
on = ["connector.start"]
match = ["mail"]
action = "deny"
reason = "not here"
[[rule]]
id = "no-goose"
on = ["agent.start"]
match = ["goose"]
action = "deny"
reason = "not here"
`}, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	roles := func(user string) string {
		if user == "bob" {
			return "engineering"
		}
		return "default"
	}
	connector := func(owner, version, content string) inventory.Item {
		return inventory.Item{Kind: inventory.KindConnector, Name: "files", Owner: owner, Approval: inventory.Approval{State: "pending"}, Identity: inventory.Identity{
			Command: []string{"npx", "-y", "@x/files@" + version}, Files: []inventory.Part{{Name: "x", Value: content}}}}
	}
	revoked := connector("bob", "1.2.3", sum)
	revoked.Approval.State = "revoked"
	mail := inventory.Item{Kind: inventory.KindConnector, Approval: inventory.Approval{State: "approved"}, Identity: inventory.Identity{
		Command: []string{"/opt/mail"}, Files: []inventory.Part{{Name: "mail", Value: "2"}}}}
	items := []inventory.Item{
		connector("bob", "1.2.3", sum), connector("alice", "1.2.3", sum), connector("bob", "1.2.4", sum), connector("bob", "1.2.3", "2"), revoked,
		{Kind: inventory.KindAgent, Name: "goose", Approval: inventory.Approval{State: "approved"}},
		{Kind: inventory.KindAgent, Name: "codex", Approval: inventory.Approval{State: "pending"}},
		{Kind: inventory.KindHook, Name: "files", Approval: inventory.Approval{State: "pending"}},
		mail,
	}
	Govern(p, roles, items)
	for i, want := range []string{"allowed files-for-engineering", "pending ", "pending ", "pending ", "revoked ", "denied no-goose", "allowed default", "pending ", "denied no-mail"} {
		if got := items[i].Approval.State + " " + items[i].Approval.Rule; got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
	}
}
