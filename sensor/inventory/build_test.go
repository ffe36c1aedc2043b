// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

func TestReadBuild(t *testing.T) {
	text := "\x7fELF" + strings.Repeat("\x00", 20) + "\x40\x01\x00\x00\x00\x00\x00\x00" + strings.Repeat("x", 300)
	b, err := ReadBuild(strings.NewReader(text), int64(len(text)))
	if err != nil || b.Size != 332 || string(b.Head[:]) != text[:256] || b.Entry() != 0x140 {
		t.Errorf("%+v, %v", b, err)
	}
	for name, other := range map[string]string{"a script": "#!/bin/sh" + text, "nothing": "", "too short": text[:255]} {
		if _, err := ReadBuild(strings.NewReader(other), int64(len(other))); !errors.Is(err, ErrNotNative) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadBuild(strings.NewReader(text[:100]), 1000); err == nil || errors.Is(err, ErrNotNative) {
		t.Errorf("cut while it was read: %v", err)
	}
}

// TestShippedBuildsAreOfAgentsThatWereRun: a build says what a file that was run looks like.
func TestShippedBuildsAreOfAgentsThatWereRun(t *testing.T) {
	c, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[Build]string{}
	for _, a := range c.Agents {
		for _, s := range a.Builds {
			b, err := s.Build()
			if err != nil || s.Version == "" || a.Verified != "run" {
				t.Errorf("%s %q, verified %q: %v", a.Name, s.Version, a.Verified, err)
			}
			if other := seen[b]; other != "" {
				t.Errorf("%s and %s have one build", a.Name, other)
			}
			seen[b] = a.Name
		}
	}
	if len(seen) < 4 {
		t.Errorf("%d builds", len(seen))
	}
}

func TestFaultyBuildsAreTold(t *testing.T) {
	head := base64.StdEncoding.EncodeToString([]byte("\x7fELF" + strings.Repeat("x", 252)))
	script := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("#!/bin/sh ", 26)[:256]))
	for name, c := range map[string]struct{ more, want string }{
		"no base64":  {"[[build]]\nversion = '1'\nsize = 900\nhead = '***'\n", `a.toml:4: build "1": head: illegal base64`},
		"short head": {"[[build]]\nsize = 900\nhead = 'f0VM'\n", "head: 3 bytes, not 256"},
		"a script":   {"[[build]]\nsize = 900\nhead = '" + script + "'\n", "head: no native program"},
		"no size":    {"[[build]]\nhead = '" + head + "'\n", "size: 0 bytes"},
		"shared":     {"shared = true\n[[build]]\nsize = 900\nhead = '" + head + "'\n", "known by its path alone"},
		"host":       {"host = true\n[[build]]\nsize = 900\nhead = '" + head + "'\n", "known by its path alone"},
		"odd key":    {"[[build]]\nsize = 900\nhead = '" + head + "'\nsum = 'x'\n", `unknown key "build.sum"`},
	} {
		_, err := Load(site(t, map[string]string{"a.toml": "id = 1009\nname = 'x'\nexec = ['/x']\n" + c.more}))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := Load(site(t, map[string]string{"a.toml": "id = 1009\nname = 'x'\nexec = ['/x']\n[[build]]\nsize = 900\nhead = '" + head + "'\n"})); err != nil {
		t.Error(err)
	}
}
