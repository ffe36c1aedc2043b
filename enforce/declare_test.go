// SPDX-License-Identifier: Apache-2.0

package enforce

import (
	"fmt"
	"strings"
	"testing"
)

func TestDeclaredIsWhatItIsAndNotWhatItIsCalled(t *testing.T) {
	one, two := strings.Repeat("1", 64), strings.Repeat("2", 64)
	p, err := Parse(map[string]string{"a.toml": `version = 1
[[connector]]
name = "loose"
command = ["npx", "-y", "@x/y@1.2.3"]
[[connector]]
name = "bound"
command = ["/opt/srv"]
sha256 = "` + one + `"
[[connector]]
name = "remote"
url = "https://mcp.corp.example/mcp"
[[skill]]
name = "tidy"
sha256 = "` + one + `"
[[skill]]
name = "sold"
publisher = "corp"
`}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		command  string
		url, sum string
		want     string
	}{
		"exact":              {"npx -y @x/y@1.2.3", "", "", "loose"},
		"any content":        {"npx -y @x/y@1.2.3", "", two, "loose"},
		"another version":    {"npx -y @x/y@1.2.4", "", "", Undeclared},
		"one more argument":  {"npx -y @x/y@1.2.3 --all", "", "", Undeclared},
		"its content":        {"/opt/srv", "", one, "bound"},
		"another content":    {"/opt/srv", "", two, Undeclared},
		"no content":         {"/opt/srv", "", "", Undeclared},
		"url":                {"", "https://mcp.corp.example/mcp", "", "remote"},
		"another url":        {"", "https://mcp.corp.example/mcp2", "", Undeclared},
		"nothing":            {"", "", "", Undeclared},
		"a command, its url": {"x", "https://mcp.corp.example/mcp", "", "remote"},
	} {
		if got := p.ConnectorOf(strings.Fields(tc.command), tc.url, tc.sum); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	for command, want := range map[string]string{"/opt/srv": "bound", "npx -y @x/y@1.2.3": "loose", "/opt/srv x": Undeclared, "": Undeclared} {
		if got := p.ConnectorBy(strings.Fields(command)); got != want {
			t.Errorf("by the command %q: %s, want %s", command, got, want)
		}
	}
	for sum, want := range map[string]string{one: "tidy", two: Undeclared, "": Undeclared} {
		if got := p.SkillOf(sum); got != want {
			t.Errorf("%.4s: %s, want %s", sum, got, want)
		}
	}
}

// A skill's programs are never known by content: what is allowed to them alone is allowed to nobody, and the policy is told so.
func TestSkillMayDoNoMoreThanTheAgent(t *testing.T) {
	p, err := Parse(map[string]string{"a.toml": `version = 1
base = "none"
[[skill]]
name = "tidy"
sha256 = "` + strings.Repeat("1", 64) + `"
[[role]]
name = "default"
defaults = { file = "deny" }
[[rule]]
id = "more"
principal = "skill:tidy"
on = ["file.read"]
match = ["/data/**"]
action = "allow"
`}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !p.Unpinned("skill:tidy") || p.Unpinned("agent") {
		t.Error("a skill counts as known by its content")
	}
	if told := fmt.Sprint(Check(p, CheckOptions{})); !strings.Contains(told, "as any skill may do no more than the agent") {
		t.Errorf("nothing is said of it: %s", told)
	}
	im, err := Compile(p, nil, 1, Options{})
	if err != nil {
		t.Fatal(err)
	}
	number, _ := im.PrincipalIndex("skill:tidy")
	for who, want := range map[uint32]Action{number: Allow, number | Unpinned: Deny} {
		if v := im.Oracle().Decide(Subject{Principal: who}, OpFileRead, ViewHost, []byte("/data/x")); v.Action != want {
			t.Errorf("%d: %s, want %s", who, v.Action, want)
		}
	}
	if a := Explain(p, Query{Principal: "skill:tidy", Unpinned: true, Op: OpFileRead, Object: "/data/x"}); a.Action != Deny {
		t.Errorf("explained as %s", a.Action)
	}
}
