// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// put makes a file with its folders.
func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestPackaged(t *testing.T) {
	root := filepath.Join(t.TempDir(), "node_modules")
	put(t, root+"/@a/outer/package.json", `{"version":"9.9.9"}`)
	for name, tc := range map[string]struct{ manifest, program, want string }{
		"scoped":               {"@a/outer/node_modules/@b/inner-linux-x64/package.json", "@a/outer/node_modules/@b/inner-linux-x64/vendor/bin/x", "0.169.0"},
		"plain":                {"plain/package.json", "plain/bin/x", "1.2.3-beta.1"},
		"of no believed shape": {"odd/package.json", "odd/bin/x", ""},
		"no manifest":          {"else/package.json", "none/bin/x", ""},
	} {
		version := map[string]string{"scoped": "0.169.0-linux-x64", "plain": "1.2.3-beta.1", "of no believed shape": "<script>", "no manifest": "1.0.0"}[name]
		put(t, filepath.Join(root, tc.manifest), fmt.Sprintf(`{"name":"x","version":%q}`, version))
		if got := Packaged(filepath.Join(root, tc.program)); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	put(t, root+"/secret", `{"version":"6.6.6"}`)
	if err := os.MkdirAll(root+"/linked/bin", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(root+"/secret", root+"/linked/package.json"); err != nil {
		t.Fatal(err)
	}
	if got := Packaged(root + "/linked/bin/x"); got != "" {
		t.Errorf("a link was followed: %q", got)
	}
	if got := Packaged("/usr/bin/env"); got != "" {
		t.Errorf("a program of no package has version %q", got)
	}
}

func TestLinesOfALongFileAreItsEnds(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	var text strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	put(t, name, text.String())
	lines := Lines(name)
	if lines[0] != "line 0" || lines[len(lines)-2] != "line 39999" || len(lines) > 20_000 {
		t.Errorf("%d lines from %q to %q", len(lines), lines[0], lines[len(lines)-2])
	}
	for _, line := range lines[:len(lines)-1] {
		if n := 0; strings.Count(line, "line ") != 1 {
			t.Errorf("%q is no line", line)
		} else if _, err := fmt.Sscanf(line, "line %d", &n); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
	put(t, name, "short\nfile")
	if lines := Lines(name); len(lines) != 2 || lines[1] != "file" {
		t.Errorf("%q", lines)
	}
}

func TestScriptIsTheArgumentThatIsMeant(t *testing.T) {
	root := t.TempDir()
	put(t, root+"/lib/agent.js", "")
	put(t, root+"/lib/other.js", "")
	if err := os.Symlink("lib/agent.js", root+"/agent"); err != nil {
		t.Fatal(err)
	}
	meant := func(file string) bool { return filepath.Base(file) == "agent.js" }
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"a link":         {[]string{"env", "node", root + "/agent", "-p"}, root + "/lib/agent.js"},
		"relative":       {[]string{"node", "--max-old-space-size=1", "lib/agent.js"}, root + "/lib/agent.js"},
		"another script": {[]string{"node", "lib/other.js"}, ""},
		"the program":    {[]string{root + "/lib/agent.js"}, ""},
		"nothing":        {nil, ""},
	} {
		if got := Script(root, tc.args, meant); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
