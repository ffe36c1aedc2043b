// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"strings"
	"testing"
)

func TestRuns(t *testing.T) {
	sha := "sha256:" + strings.Repeat("a", 64)
	hash := strings.Repeat("a", 40)
	for line, want := range map[string]string{
		"npx -y @x/y@1.2.3":                          "npm:@x/y@1.2.3 exact",
		"npx @x/y":                                   "npm:@x/y loose",
		"npx -y @x/y@latest --flag":                  "npm:@x/y@latest loose",
		"npx -y @x/y@^1.2.3":                         "npm:@x/y@^1.2.3 loose",
		"npx -y @x/y@1.2":                            "npm:@x/y@1.2 loose",
		"npx --package=@x/y@1.2.3 -y cmd":            "npm:@x/y@1.2.3 exact",
		"npx -p @x/y@1.2.3 -c cmd":                   "npm:@x/y@1.2.3 exact",
		"npx --registry https://r.example y@1.0.0":   "npm:y@1.0.0 exact",
		"/usr/local/bin/npx -y y@1.0.0-beta.1":       "npm:y@1.0.0-beta.1 exact",
		"npx -y github:o/r":                          "git:github:o/r loose",
		"npx -y github:o/r#" + hash:                  "git:github:o/r@" + hash + " exact",
		"npx -y ./server":                            "file ./server",
		"npx":                                        "loose",
		"pnpm dlx y@1.0.0":                           "npm:y@1.0.0 exact",
		"npm exec -- y@1.0.0":                        "npm:y@1.0.0 exact",
		"bun x y":                                    "npm:y loose",
		"uvx db-mcp==1.4.0 --ro":                     "pypi:db-mcp@1.4.0 exact",
		"uvx db-mcp@1.4.0":                           "pypi:db-mcp@1.4.0 exact",
		"uvx --python 3.12 --from db-mcp[all]>=1 db": "pypi:db-mcp@>=1 loose",
		"uvx --from git+https://github.com/o/r@" + hash + " r": "git:git+https://github.com/o/r@" + hash + " exact",
		"uvx --from git+https://github.com/o/r r":              "git:git+https://github.com/o/r loose",
		"uv tool run x":                                               "pypi:x loose",
		"pipx run --spec x==1.0 y":                                    "pypi:x@1.0 exact",
		"docker run -i --rm -e TOKEN mcp/x":                           "oci:mcp/x loose",
		"docker run -i --rm -e TOKEN mcp/x:1.2":                       "oci:mcp/x@1.2 loose",
		"docker run -i --rm --name=a -v /a:/b r.example:5/x:1@" + sha: "oci:r.example:5/x@1@" + sha + " exact",
		"podman run --network host x@sha256:short":                    "oci:x@sha256:short loose",
		"go run example.com/x/y@v1.2.3":                               "go:example.com/x/y@v1.2.3 exact",
		"go run ./cmd/x":                                              "file ./cmd/x",
		"deno run -A npm:y@1.0.0":                                     "npm:y@1.0.0 exact",
		"deno run -A jsr:@x/y":                                        "jsr:@x/y loose",
		"deno run https://h.example/x.ts":                             "url:https://h.example/x.ts loose",
		"node ./server.js --port 1":                                   "file ./server.js",
		"node --require ./a.js --no-warnings ./server.js":             "file ./server.js",
		"node -e code":                                                "loose",
		"python3.12 -u server.py":                                     "file server.py",
		"python -m mod":                                               "loose",
		"python -c code":                                              "loose",
		"uv --directory /a run server.py":                             "file /a/server.py",
		"uv run --directory /a python b.py":                           "file b.py",
		"java -jar /a/x.jar":                                          "file /a/x.jar",
		"bash -c npx":                                                 "loose",
		"bash -lc npx":                                                "loose",
		"bash /a/x.sh":                                                "file /a/x.sh",
		"sh":                                                          "loose",
		"cmd /c npx -y y":                                             "loose",
		"env -i A=b npx y@1.0.0":                                      "npm:y@1.0.0 exact",
		"/opt/x/server --stdio":                                       "program /opt/x/server",
		"server":                                                      "program server",
		"":                                                            "loose",
	} {
		r := runs(strings.Fields(line))
		var got []string
		if r.pack != nil {
			got = append(got, r.pack.String())
			if r.pack.Exact {
				got = append(got, "exact")
			}
		}
		if r.file != "" {
			got = append(got, map[bool]string{true: "program", false: "file"}[r.program], r.file)
		}
		if r.loose != "" {
			got = append(got, "loose")
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %s, want %s", line, s, want)
		}
	}
}

func FuzzRuns(f *testing.F) {
	f.Add("npx -y @x/y@1.2.3")
	f.Add("uvx --from a b")
	f.Add("docker run -e A x@sha256:b")
	f.Fuzz(func(t *testing.T, line string) {
		r := runs(strings.Split(line, " "))
		if r.pack == nil && r.file == "" && r.loose == "" {
			t.Errorf("%q: nothing is known and nothing says so", line)
		}
		if r.pack != nil && !r.pack.Exact && r.loose == "" {
			t.Errorf("%q: a version that is not pinned counts as known", line)
		}
	})
}
