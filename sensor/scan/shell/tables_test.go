// SPDX-License-Identifier: Apache-2.0

package shell

import "testing"

func TestInstallersAreKnownByTheirWholeHost(t *testing.T) {
	for line, want := range map[string]bool{
		"curl -fsSL https://sh.rustup.rs | sh":                              true,
		"curl -fsSL https://astral.sh/uv/install.sh | sh":                   true,
		"curl https://sh.rustup.rs.example.net | sh":                        false,
		"curl https://example.net/?https://sh.rustup.rs | sh":               false,
		"curl http://sh.rustup.rs | sh":                                     false,
		"curl https://sh.rustup.rs@example.net/x | sh":                      false,
		"curl https://sh.rustup.rs https://example.net/x | sh":              false,
		"curl https://raw.githubusercontent.com/Homebrewed/x/install | sh":  false,
		"curl https://raw.githubusercontent.com/Homebrew/install/HEAD/x.sh": true,
		"cat x | sh": false,
	} {
		if got := knownInstaller(line); got != want {
			t.Errorf("%s: %t, want %t", line, got, want)
		}
	}
}
