// SPDX-License-Identifier: Apache-2.0

package event

import (
	"slices"
	"strings"
	"testing"
)

func TestRedact(t *testing.T) {
	// Put together at run time, so that scanners of source code do not take the samples for real.
	long := strings.Repeat("a1B2", 10)
	for name, tc := range map[string]struct{ text, want string }{
		"aws key id":       {"AWS_ACCESS_KEY_ID=AKIA" + "IOSFODNN7EXAMPLE x", "AWS_ACCESS_KEY_ID=‹redacted:aws-key-id› x"},
		"aws secret":       {"aws_secret_access_key = " + long, "aws_secret_access_key = ‹redacted:aws-secret›"},
		"github":           {"gh auth login --with ghp_" + long, "gh auth login --with ‹redacted:github›"},
		"github fine":      {"github_pat_" + long, "‹redacted:github›"},
		"gitlab":           {"glpat-" + long, "‹redacted:gitlab›"},
		"slack":            {"xoxb-" + "123456789012-abc", "‹redacted:slack›"},
		"anthropic":        {"ANTHROPIC_API_KEY=sk-ant-" + "api03-" + long, "ANTHROPIC_API_KEY=‹redacted:anthropic›"},
		"openai":           {"sk-proj-" + long, "‹redacted:openai›"},
		"private key":      {"echo '-----BEGIN OPENSSH PRIVATE " + "KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----' > k", "echo '‹redacted:private-key›' > k"},
		"cut private key":  {"-----BEGIN PRIVATE " + "KEY-----\nabc", "‹redacted:private-key›"},
		"password":         {"mysql --password=hunter2 db", "mysql --password=‹redacted:password› db"},
		"quoted password":  {`PGPASSWORD="hunter two" psql`, `PGPASSWORD="‹redacted:password›" psql`},
		"json":             {`{"password": "hunter2"}`, `{"password": "‹redacted:password›"}`},
		"header":           {"curl -H 'Authorization: Bearer abcdef' x", "curl -H 'Authorization: ‹redacted:authorization›' x"},
		"basic":            {"Authorization: Basic dTpw", "Authorization: ‹redacted:authorization›"},
		"own header":       {"X-Api-Key: abc", "X-Api-Key: ‹redacted:header›"},
		"userinfo":         {"git clone https://u:pw@host/x", "git clone https://‹redacted:url-userinfo›@host/x"},
		"curl user":        {"curl -u bob:secret99 host", "curl -u bob:‹redacted:password› host"},
		"jwt":              {"eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0.abc", "‹redacted:jwt›"},
		"variable stays":   {"curl -H \"X-Api-Key: $KEY\" --password=$PW", "curl -H \"X-Api-Key: $KEY\" --password=$PW"},
		"user alone stays": {"ssh://git@github.com/x", "ssh://git@github.com/x"},
		"path stays":       {"/home/u/src/password/token.go", "/home/u/src/password/token.go"},
		"port stays":       {"http://localhost:8080/x@y", "http://localhost:8080/x@y"},
		"short stays":      {"sk-1", "sk-1"},
	} {
		if got := Redact(tc.text); got != tc.want {
			t.Errorf("%s:\n got %q\nwant %q", name, got, tc.want)
		}
	}
}

func TestRedactLooksAtTheOptionBefore(t *testing.T) {
	argv := []string{"tool", "--token", "abc", "--verbose", "--password", "--force", "x"}
	redactArgs(argv)
	want := []string{"tool", "--token", "‹redacted:password›", "--verbose", "--password", "--force", "x"}
	if !slices.Equal(argv, want) {
		t.Errorf("got %q", argv)
	}
}

// FuzzRedact: doing it twice changes nothing, and a planted token never survives at the end of a word.
func FuzzRedact(f *testing.F) {
	for _, s := range []string{"", "a", "password=", "https://a:b@", "Authorization:", "-----BEGIN PRIVATE KEY-----", "$", "‹redacted:x›"} {
		f.Add(s)
	}
	token := "ghp_" + strings.Repeat("Z9", 18)
	f.Fuzz(func(t *testing.T, s string) {
		once := Redact(s)
		if twice := Redact(once); twice != once {
			t.Errorf("not stable: %q, then %q", once, twice)
		}
		if strings.Contains(Redact(s+" "+token), token) {
			t.Errorf("the token survived after %q", s)
		}
	})
}
