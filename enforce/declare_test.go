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

// A publisher is whoever was verified: by name where the policy trusts each root, by name and root where it says which.
func TestConnectorOfAPublisher(t *testing.T) {
	one, two := strings.Repeat("1", 64), strings.Repeat("2", 64)
	p, err := Parse(map[string]string{"a.toml": `version = 1
[[connector]]
name = "any-acme"
publisher = "Acme Ltd"
[[connector]]
name = "our-acme"
publisher = "Acme Ltd sha256:` + one + `"
[[connector]]
name = "strict"
publisher = "Other sha256:` + one + `"
[[connector]]
name = "remote"
url = "https://mcp.corp.example/mcp"
`}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ publisher, root, want string }{
		{"Acme Ltd", one, "our-acme"}, {"Acme Ltd", two, "any-acme"}, {"Other", one, "strict"}, {"Other", two, Undeclared},
		{"acme ltd", one, Undeclared}, {"Acme Ltd", "", Undeclared}, {"", one, Undeclared}, {"", "", Undeclared},
		{"Acme Ltd sha256:" + one, two, Undeclared},
	} {
		if got := p.ConnectorFrom(tc.publisher, tc.root); got != tc.want {
			t.Errorf("%+v: %s", tc, got)
		}
	}
	if !p.Unpinned("connector:any-acme") || p.ConnectorOf(nil, "", one) != Undeclared || p.ConnectorBy(nil) != Undeclared {
		t.Error("a publisher counts as content")
	}
	if problems := Check(p, CheckOptions{}); len(problems) != 0 {
		t.Errorf("%v", problems)
	}
}

func TestDeclaredPublisherIsChecked(t *testing.T) {
	for text, want := range map[string]string{
		"[[connector]]\nname = \"x\"\npublisher = \"A\"\ncommand = [\"/x\"]":                             "only one of them",
		"[[connector]]\nname = \"x\"\npublisher = \"A\"\nurl = \"https://x.example\"":                    "only one of them",
		"[[connector]]\nname = \"x\"\npublisher = \"A\"\nsha256 = \"" + strings.Repeat("1", 64) + "\"":   "every release",
		"[[connector]]\nname = \"x\"\npublisher = \"A sha256:12\"":                                       "is no SHA-256",
		"[[connector]]\nname = \"x\"\npublisher = \"A sha256:\"":                                         "is no name of a publisher",
		"[[connector]]\nname = \"x\"\npublisher = \" sha256:" + strings.Repeat("1", 64) + "\"":           "is no name of a publisher",
		"[[connector]]\nname = \"x\"\npublisher = \" A\"":                                                "is no name of a publisher",
		"[[connector]]\nname = \"x\"\npublisher = \"A\"\n[[connector]]\nname = \"y\"\npublisher = \"A\"": "is what connector \"x\" is",
		"[[skill]]\nname = \"x\"\npublisher = \"A\"":                                                     "skills have no signatures",
		"[[skill]]\nname = \"x\"\nsha256 = \"" + strings.Repeat("1", 64) + "\"\npublisher = \"A\"":       "skills have no signatures",
	} {
		p, err := Parse(map[string]string{"a.toml": "version = 1\nbase = \"none\"\n" + text}, Options{})
		told := fmt.Sprint(err)
		if err == nil {
			told = fmt.Sprint(Check(p, CheckOptions{}))
		}
		if !strings.Contains(told, want) {
			t.Errorf("%s\n%s", text, told)
		}
	}
}
