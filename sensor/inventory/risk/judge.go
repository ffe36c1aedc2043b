// SPDX-License-Identifier: Apache-2.0

// This file is the table of reasons.

package risk

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/signed"
)

// Levels from none to the worst.
var Levels = []string{"none", "low", "medium", "high", "critical"}

// Rank orders levels; an unknown one is none.
func Rank(level string) int { return max(0, slices.Index(Levels, level)) }

// rule is one reason for which an item is a risk. says gives the text, or "" where it does not hold.
type rule struct {
	level, code string
	says        func(*inventory.Item) string
}

var (
	fetched   = regexp.MustCompile(`\b(curl|wget|fetch)\b[^|]*\|\s*(sudo\s+)?(ba|z|da)?sh\b|\b(ba|z|da)?sh\b.*<\(\s*(curl|wget)`)
	anyShell  = regexp.MustCompile(`^(Bash|Shell|shell|bash|run_shell_command|run_terminal_cmd)(\(\s*[:*]*\s*\))?$`)
	temporary = regexp.MustCompile(`^(/tmp|/var/tmp|/dev/shm)/`)
	mountsAll = regexp.MustCompile(`^(/|/etc|/root|/home|/var|/home/[^/]+):`)
)

// rules is every reason, in the order in which they are told.
var rules = []rule{
	{"critical", "runs-what-it-fetches", func(it *inventory.Item) string {
		if fetched.MatchString(strings.Join(it.Identity.Command, " ")) || slices.ContainsFunc(it.Facts.Loads, fetched.MatchString) {
			return "it has a shell run what it fetches from the network"
		}
		return ""
	}},
	{"critical", "hidden-text", func(it *inventory.Item) string {
		return when(it.Facts.Hidden, "it holds characters that a model reads and people do not see")
	}},
	{"high", "writable-by-all", func(it *inventory.Item) string { return list("everybody may write ", it.Facts.Writable) }},
	{"high", "temporary-folder", func(it *inventory.Item) string {
		for _, f := range it.Identity.Files {
			if temporary.MatchString(f.Name) {
				return "what it runs lies in " + f.Name
			}
		}
		return ""
	}},
	{"high", "loads-code-by-environment", func(it *inventory.Item) string {
		return list("its environment has programs load more code: ", it.Facts.Environment)
	}},
	{"high", "runs-at-load", func(it *inventory.Item) string {
		return when(len(it.Facts.Loads) > 0, fmt.Sprintf("a shell runs %s when it is loaded", count(len(it.Facts.Loads), "line")))
	}},
	{"high", "brings-hooks", func(it *inventory.Item) string { return list("it brings hooks of its own: ", it.Facts.Hooks) }},
	{"high", "asks-nobody", func(it *inventory.Item) string {
		return when(it.Facts.Trusted, "the agent asks nobody before it uses any of its tools")
	}},
	{"high", "let-in-unseen", func(it *inventory.Item) string {
		return when(it.Facts.AllProject && it.Scope == inventory.ScopeProject, "it came with a folder, and the user lets in whatever folders bring")
	}},
	{"high", "any-command", func(it *inventory.Item) string {
		return when(slices.ContainsFunc(it.Facts.Tools, anyShell.MatchString), "it may run any command without being asked about")
	}},
	{"high", "container-of-the-host", container},
	{"high", "no-encryption", func(it *inventory.Item) string {
		u, err := url.Parse(it.Identity.URL)
		plain := err == nil && (u.Scheme == "http" || u.Scheme == "ws") && it.Identity.URL != "" && it.NotHeld != ""
		return when(plain, "what it says and hears passes the network unencrypted")
	}},
	{"high", "code-in-the-agent", func(it *inventory.Item) string {
		return when(it.Kind == inventory.KindPlugin && it.Facts.Event == "load", "the agent loads it as code of its own")
	}},
	{"high", "secret-in-the-command-line", func(it *inventory.Item) string {
		return when(it.Facts.Secret, "its command line or URL holds a secret, which every user of the machine may read")
	}},
	{"high", "broken-signature", func(it *inventory.Item) string {
		s := signature(it)
		return when(s == signed.Altered || s == signed.Malformed, "the extension's signature does not hold: "+why(it))
	}},
	{"medium", "literal-credentials", func(it *inventory.Item) string { return list("the file itself holds values of ", it.Literal) }},
	{"medium", "not-pinned", func(it *inventory.Item) string {
		return when(it.Identity.Package != nil && !it.Identity.Package.Exact, "whoever publishes the next version of "+it.Identity.Package.String()+" runs here")
	}},
	{"medium", "not-known-what-runs", func(it *inventory.Item) string {
		return when(it.Identity.Loose != "" && (it.Identity.Package == nil || it.Identity.Package.Exact), it.Identity.Loose)
	}},
	{"medium", "not-held", func(it *inventory.Item) string { return it.NotHeld }},
	{"medium", "came-with-a-folder", func(it *inventory.Item) string {
		return when(it.Scope == inventory.ScopeProject && (it.Kind == inventory.KindConnector || it.Kind == inventory.KindHook || it.Kind == inventory.KindPlugin),
			"whoever can change the folder's files can change it")
	}},
	{"medium", "shell", func(it *inventory.Item) string {
		argv := it.Identity.Command
		return when(it.Kind == inventory.KindConnector && len(argv) > 0 && strings.HasPrefix(it.Identity.Loose, "a shell"), "a shell starts it")
	}},
	{"medium", "unsigned", func(it *inventory.Item) string {
		return when(signature(it) == signed.None, "the extension has no signature")
	}},
	{"medium", "unknown-publisher", func(it *inventory.Item) string {
		switch signature(it) {
		case signed.SelfSigned, signed.UnknownRoot, signed.Expired, signed.WrongUse:
			return "nobody vouches for the extension's signature: " + why(it)
		}
		return ""
	}},
	{"medium", "updates-itself", func(it *inventory.Item) string {
		return when(it.Facts.AutoUpdate, "the agent updates plugins from it by itself")
	}},
	{"medium", "not-read", func(it *inventory.Item) string { return when(it.Error != "", "it is not known whole: "+it.Error) }},
	{"low", "some-tools-unasked", func(it *inventory.Item) string {
		unasked := it.Kind == inventory.KindConnector || it.Kind == inventory.KindSkill || it.Kind == inventory.KindCommand
		return when(unasked && !it.Facts.Trusted && len(it.Facts.Tools) > 0, "it may use "+count(len(it.Facts.Tools), "tool")+" without being asked about")
	}},
	{"low", "every-time", func(it *inventory.Item) string {
		return when(it.Kind == inventory.KindHook && len(it.Identity.Command) > 0, "it runs with the user's rights whenever "+it.Facts.Event+" happens")
	}},
	{"low", "moving-source", func(it *inventory.Item) string {
		return when(it.Kind == inventory.KindMarketplace && it.Pinned != nil && !*it.Pinned, "its plugins change when their source does")
	}},
}

// signature is the state of an extension's; "" of what is none, or was unpacked from one that nobody knows.
func signature(it *inventory.Item) signed.State {
	if it.Signature == nil {
		return ""
	}
	return signed.State(it.Signature.State)
}

func why(it *inventory.Item) string {
	if it.Signature == nil {
		return ""
	}
	return it.Signature.Why
}

func when(holds bool, text string) string {
	if holds {
		return text
	}
	return ""
}

func list(what string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	if len(names) > 5 {
		names = append(slices.Clone(names[:5]), fmt.Sprintf("%d more", len(names)-5))
	}
	return what + strings.Join(names, ", ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// container finds what undoes the walls of a container.
func container(it *inventory.Item) string {
	if p := it.Identity.Package; p == nil || p.Registry != "oci" {
		return ""
	}
	argv := it.Identity.Command
	for i, arg := range argv {
		option, value, has := strings.Cut(arg, "=")
		if !has && i+1 < len(argv) {
			value = argv[i+1]
		}
		switch {
		case option == "--privileged":
			return "its container may do what the host's root may"
		case (option == "-v" || option == "--volume") && (mountsAll.MatchString(value) || strings.Contains(value, "docker.sock")),
			option == "--mount" && strings.Contains(value, "docker.sock"):
			return "its container is given " + value
		case (option == "--network" || option == "--net" || option == "--pid") && value == "host":
			return "its container shares the host's " + strings.TrimPrefix(option, "--")
		}
	}
	return ""
}

// Judge fills in an item's risk, reasons and traits.
func Judge(it *inventory.Item) {
	it.Risk, it.Reasons, it.Traits = Levels[0], nil, traits(it)
	for _, r := range rules {
		if text := r.says(it); text != "" {
			it.Reasons = append(it.Reasons, inventory.Reason{Level: r.level, Code: r.code, Text: text})
			if Rank(r.level) > Rank(it.Risk) {
				it.Risk = r.level
			}
		}
	}
}
