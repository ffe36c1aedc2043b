// SPDX-License-Identifier: Apache-2.0

package depend

import "testing"

func TestNamesThatLookAlike(t *testing.T) {
	for name, tc := range map[string]struct {
		registry, name string
		want           bool
	}{
		"a-letter-left-out":       {"pypi", "reqests", true},
		"a-letter-doubled":        {"pypi", "requestss", true},
		"letters-exchanged":       {"pypi", "reqeusts", true},
		"reads-the-same":          {"npm", "react-devtooIs", true},
		"express-without-s":       {"npm", "expres", true},
		"the-name-itself":         {"pypi", "requests", false},
		"underscore-for-a-dash":   {"pypi", "python_dotenv", false},
		"another-name":            {"npm", "acme-internal-dashboard", false},
		"short-names-are-no-clue": {"npm", "pgs", false},
		"a-popular-neighbour":     {"npm", "preact-x", false},
	} {
		t.Run(name, func(t *testing.T) {
			if f, got := Name(tc.registry, tc.name); got != tc.want {
				t.Errorf("%s: %v %+v, want %v", tc.name, got, f, tc.want)
			}
		})
	}
}

func TestCommandsThatInstall(t *testing.T) {
	for name, tc := range map[string]struct{ line, want string }{
		"npx-unpinned":           {"npx -y some-server", "DEP-UNPINNED-RUN"},
		"npx-latest":             {"npx some-server@latest", "DEP-UNPINNED-RUN"},
		"npx-pinned":             {"npx -y @scope/server@1.2.3", ""},
		"uvx-unpinned":           {"uvx some-server", "DEP-UNPINNED-RUN"},
		"uvx-from-git":           {"uvx --from git+https://example.com/x x", "DEP-SOURCE"},
		"pip-index-in-the-query": {"pip install --index-url https://203.0.113.9/?pypi.org thing", "DEP-INDEX"},
		"pip-index-as-a-user":    {"pip install --index-url https://pypi.org@203.0.113.9/simple thing", "DEP-INDEX"},
		"pip-index-beside":       {"pip install --index-url https://pypi.org/simple --extra-index-url https://x.example/simple thing", "DEP-INDEX"},
		"pip-index-in-a-comment": {"pip install --index-url https://x.example/simple thing # as pypi.org", "DEP-INDEX"},
		"pip-public-index":       {"pip install torch==2.5.0 --index-url https://download.pytorch.org/whl/cpu", ""},
		"pip-another-page":       {"pip install --index-url http://203.0.113.9/simple thing", "DEP-INDEX"},
		"pip-tarball":            {"pip install https://example.net/x.tar.gz", "DEP-SOURCE"},
		"pip-typo":               {"pip install reqeusts", "DEP-TYPOSQUAT"},
		"pip-plain":              {"pip install requests numpy", ""},
		"npm-ci":                 {"npm ci", ""},
		"local":                  {"npx ./tool", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			for _, f := range Line(tc.line) {
				got = f.Rule
			}
			if got != tc.want {
				t.Errorf("%q told %q, want %q", tc.line, got, tc.want)
			}
		})
	}
}

func FuzzLine(f *testing.F) {
	f.Add("npx -y a@1")
	f.Add("pip install --index-url x y==1")
	f.Fuzz(func(_ *testing.T, s string) { Line(s) })
}
