// SPDX-License-Identifier: Apache-2.0

// What globs mean and how bad ones are reported, example by example. Each example is asked of the naive matcher and of the
// compiled automata.

package match

import (
	"errors"
	"testing"
)

func TestGlobsMean(t *testing.T) {
	for name, tc := range map[string]struct {
		syntax  Syntax
		glob    string
		matches []string
		not     []string
	}{
		"a-literal-is-the-whole-path":             {Path, "/etc/passwd", []string{"/etc/passwd"}, []string{"/etc/passwd2", "/etc", "/x/etc/passwd", ""}},
		"case-counts":                             {Path, "/etc/Passwd", []string{"/etc/Passwd"}, []string{"/etc/passwd"}},
		"the-root-is-a-path":                      {Path, "/", []string{"/"}, []string{"/a", ""}},
		"a-star-stays-in-its-component":           {Path, "/opt/*/bin", []string{"/opt/x/bin", "/opt/.x/bin"}, []string{"/opt/bin", "/opt/x/y/bin", "/opt//bin"}},
		"a-star-alone-is-not-empty":               {Path, "/*", []string{"/a", "/.a"}, []string{"/", "/a/b"}},
		"a-star-beside-text-may-be-empty":         {Path, "/a*", []string{"/a", "/ab"}, []string{"/b", "/a/b"}},
		"deep-is-any-number-of-components":        {Path, "/opt/**/bin", []string{"/opt/bin", "/opt/a/bin", "/opt/a/b/bin"}, []string{"/opt/abin", "/optbin", "/opt/bin/x"}},
		"deep-at-the-beginning-includes-the-root": {Path, "**/.env", []string{"/.env", "/a/.env", "/a/b/.env"}, []string{"/a.env", "/a/.env/b", ".env"}},
		"deep-at-the-end-includes-the-folder":     {Path, "/home/a/**", []string{"/home/a", "/home/a/b", "/home/a/b/c"}, []string{"/home/ab", "/home"}},
		"deep-alone-is-everything":                {Path, "**", []string{"/", "/a", "/a/b"}, []string{""}},
		"deep-below-the-root-is-everything":       {Path, "/**", []string{"/", "/a", "/a/b"}, []string{""}},
		"deep-twice-is-deep":                      {Path, "/**/**/a", []string{"/a", "/b/a"}, []string{"/ab"}},
		"deep-on-both-sides":                      {Path, "**/x/**", []string{"/x", "/a/x", "/x/a", "/a/x/b/c"}, []string{"/ax", "/xa/b"}},
		"deep-in-the-middle-and-at-the-end":       {Path, "/srv/**/x/**", []string{"/srv/x", "/srv/a/x/b"}, []string{"/srv", "/x"}},
		"a-question-mark-is-one-character":        {Path, "/?", []string{"/a", "/é", "/€", "/𝄞", "/\xff", "/\xe9"}, []string{"/", "/ab", "/éa", "/\xff\xff"}},
		"half-a-character-is-a-byte":              {Path, "/caf?.txt", []string{"/café.txt", "/caf\xe9.txt"}, []string{"/caf.txt", "/caf\xe9\xe9.txt"}},
		"a-character-is-not-two-bytes":            {Path, "/??", []string{"/ab", "/aé", "/\xe2\x82", "/\xc3a"}, []string{"/é", "/€", "/\xe2\x82a"}},
		"surrogates-are-no-characters":            {Path, "/???", []string{"/\xed\xa0\x80", "/\xe0\x80\x80", "/abc"}, []string{"/\xed\x9f\xbf"}},
		"no-wildcard-matches-a-slash":             {Path, "/a[!b]c", []string{"/axc", "/aéc"}, []string{"/a/c", "/abc", "/ac"}},
		"a-class-has-ranges":                      {Path, "/[a-c_x-]", []string{"/b", "/_", "/-", "/x"}, []string{"/d", "/y", "/ab"}},
		"a-class-range-leaves-out-the-slash":      {Path, "/a[+-9]c", []string{"/a.c", "/a5c"}, []string{"/a/c"}},
		"braces-are-alternatives":                 {Path, "/{usr/,}{bin,sbin}/x", []string{"/usr/bin/x", "/sbin/x"}, []string{"/usr/x", "/bin"}},
		"braces-nest":                             {Path, "/{a,b{c,d{e,f}}}", []string{"/a", "/bc", "/bde", "/bdf"}, []string{"/b", "/bd"}},
		"braces-hold-wildcards":                   {Path, "{/etc,**/conf}/*.d", []string{"/etc/a.d", "/x/conf/.d"}, []string{"/x/etc/a.d"}},
		"a-backslash-takes-the-meaning-away":      {Path, `/\*\?\[\{\}\\\a`, []string{`/*?[{}\a`}, []string{"/x?[{}\\a"}},
		"a-comma-outside-braces-is-a-comma":       {Path, "/a,b]", []string{"/a,b]"}, []string{"/a"}},
		"a-line-star-is-any-run":                  {Line, "git push *--force*", []string{"git push --force", "git push origin/x --force-with-lease now"}, []string{"git push", "git push origin", "xgit push --force"}},
		"a-line-star-at-the-end-may-be-empty":     {Line, "git push*", []string{"git push", "git pushy x"}, []string{"git pus"}},
		"a-line-star-alone-is-everything":         {Line, "*", []string{"", "a", "/\n\xff"}, nil},
		"two-line-stars-are-one":                  {Line, "a**b", []string{"ab", "a/x/b"}, []string{"abc"}},
		"a-line-question-mark-matches-a-slash":    {Line, "a?b", []string{"a/b", "aéb"}, []string{"ab", "a//b"}},
		"a-line-class-may-hold-a-slash":           {Line, "a[!/]b[/]", []string{"axb/"}, []string{"a/b/", "axbx"}},
		"line-characters-before-a-star-are-whole": {Line, "x??*", []string{"xab", "xéé", "x\xe2\x82"}, []string{"xé", "x€", "xa"}},
		"line-characters-after-a-star-are-whole":  {Line, "*??", []string{"ab", "aé", "\xe2\x82"}, []string{"€", "a"}},
		"an-order-of-two-texts":                   {Line, "*curl *| sh*", []string{"curl x | sh", "x; curl | sh -s"}, []string{"| sh curl ", "curl"}},
	} {
		t.Run(name, func(t *testing.T) {
			image := mustCompile(t, tc.syntax, []Rule{{ID: "r", Group: 5, Match: []string{tc.glob}}})
			check := func(text string, want bool) {
				t.Helper()
				if got := Match(tc.syntax, tc.glob, text); got != want {
					t.Errorf("Match(%q, %q) = %v", tc.glob, text, got)
				}
				if got := image.label(text).Has(5); got != want {
					t.Errorf("automata of %q match %q: %v", tc.glob, text, got)
				}
			}
			for _, text := range tc.matches {
				check(text, true)
			}
			for _, text := range tc.not {
				check(text, false)
			}
		})
	}
}

func TestBadGlobsAreExplained(t *testing.T) {
	for name, tc := range map[string]struct {
		syntax Syntax
		glob   string
		offset int
		reason string
	}{
		"empty":                          {Path, "", 0, "empty glob"},
		"empty-by-braces":                {Path, "{/a,}", 0, "braces that allow an empty glob"},
		"relative":                       {Path, "etc/x", 0, "path that does not begin with / or **"},
		"home-not-expanded":              {Path, "~/.ssh", 0, "path that does not begin with / or **"},
		"relative-by-braces":             {Path, "{/a,b}/c", 4, "path that does not begin with / or **"},
		"slash-at-the-end":               {Path, "/etc/", 4, "slash at the end"},
		"two-slashes":                    {Path, "/etc//x", 4, "empty component"},
		"two-slashes-by-braces":          {Path, "/etc/{x,}/y", 4, "empty component"},
		"dot":                            {Path, "/etc/./x", 5, "component . or .., which no host path contains"},
		"dot-dot":                        {Path, "/etc/..", 5, "component . or .., which no host path contains"},
		"deep-inside-a-component":        {Path, "/a/x**", 4, "** inside a component"},
		"deep-before-text":               {Path, "**x", 0, "** inside a component"},
		"three-stars":                    {Path, "/a/***", 3, "more than two stars"},
		"unclosed-class":                 {Path, "/a/[bc", 3, "unclosed class"},
		"unclosed-class-after-an-escape": {Path, `/[\`, 1, "unclosed class"},
		"empty-class":                    {Path, "/a[]", 2, "empty class"},
		"caret":                          {Path, "/a[^b]", 3, "classes are negated with !"},
		"named-class":                    {Path, "/a[[:alpha:]]", 3, "named classes are not known"},
		"backward-range":                 {Path, "/a[z-a]", 5, "range that runs backwards"},
		"slash-in-a-class":               {Path, "/a[/b]", 3, "class with a slash, which it could never match"},
		"class-beyond-ascii":             {Path, "/a[é]", 3, "character in a class that is not ASCII"},
		"unclosed-brace":                 {Path, "/a/{b,c", 3, "unclosed brace"},
		"one-alternative":                {Line, "echo ${HOME}", 6, "brace without alternatives"},
		"brace-that-closes-nothing":      {Line, "echo }", 5, "closing brace without an opening one"},
		"backslash-at-the-end":           {Line, `a\`, 1, "nothing to escape at the end"},
		"nul":                            {Line, "a\x00", 1, "NUL byte, which no text contains"},
		"too-many-alternatives":          {Path, "/{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", 41, "braces that stand for more than 256 globs"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Check(tc.syntax, tc.glob)
			var glob *GlobError
			if !errors.As(err, &glob) {
				t.Fatalf("Check(%q) = %v", tc.glob, err)
			}
			if glob.Offset != tc.offset || glob.Reason != tc.reason {
				t.Errorf("Check(%q) = byte %d: %s; want byte %d: %s", tc.glob, glob.Offset, glob.Reason, tc.offset, tc.reason)
			}
			if Match(tc.syntax, tc.glob, tc.glob) {
				t.Errorf("a bad glob matches")
			}
		})
	}
}

func TestAllBadGlobsAreReported(t *testing.T) {
	_, err := Compile(Path, []Rule{
		{ID: "one", Match: []string{"/a[", "b"}, Except: []string{"/c/"}},
		{ID: "two", Group: 64, Match: []string{"/"}},
	})
	want := `rule "one": glob "/a[", byte 2: unclosed class (write \[ for the character)
rule "one": glob "b", byte 0: path that does not begin with / or ** (did you mean "**/b"?)
rule "one": glob "/c/", byte 2: slash at the end (without it the glob names the folder, with /** also what is below)
more than 64 groups: rules two (group 64: give rules the same action on the same operations)`
	if err == nil || err.Error() != want {
		t.Errorf("errors are\n%v\nwant\n%s", err, want)
	}
}
