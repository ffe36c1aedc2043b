// SPDX-License-Identifier: Apache-2.0

package secret

import (
	"strings"
	"testing"
)

// Secrets are put together here, so that nobody's scanner finds them in this file.
func TestSecretsAreFoundAndMasked(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"aws":     {"id = \"AKIA" + "2E3NQKL7P3QR5XYZ\"\n", "aws-access-token"},
		"github":  {"token: ghp_" + "Zk3mQ8vR2sT6wY9aB4cD7eF1gH5jK0lN3pXu\n", "github-pat"},
		"generic": {"API_TOKEN = \"a9f3b7c2d8" + "e4f1a6b5c0d7e2\"\n", "generic-api-key"},
		"second":  {"token = x; " + strings.Repeat("f(x); ", 1000) + "token: ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8\n", "github-pat"},
		"letters": {"token: ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8 " + strings.Repeat("\u0130", 3000) + "api_key\n", "github-pat"},
		"words":   {"the api key is a string of letters and digits\n", ""},
		"example": {"AWS_KEY=AKIAIOSFODNN7EXAMPLE\n", ""},
		"env":     {"api_key = os.environ[\"SERVICE_API_KEY_V2\"]\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			for _, f := range Find(t.Context(), "# line\n"+tc.text) {
				got = f.Rule
				if strings.Contains(f.Text, "7P3Q") || f.Offset < 7 {
					t.Errorf("shown %q at %d", f.Text, f.Offset)
				}
			}
			if got != tc.want {
				t.Errorf("found %q, want %q", got, tc.want)
			}
		})
	}
}

func TestEveryRuleOfGitleaksCompiles(t *testing.T) {
	if n := len(load().rules); n < 200 {
		t.Errorf("%d rules", n)
	}
	for _, r := range load().rules {
		if r.Regex != "" && r.compiled() == nil {
			t.Errorf("%s does not compile", r.ID)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add("api_key = \"a9f3b7c2d8e4f1a6\"")
	f.Add("-----BEGIN PRIVATE KEY-----\nMIIB")
	f.Fuzz(func(t *testing.T, s string) { Find(t.Context(), s) })
}
