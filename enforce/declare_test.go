// SPDX-License-Identifier: Apache-2.0

package enforce

import (
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
