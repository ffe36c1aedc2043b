// SPDX-License-Identifier: Apache-2.0

package connectors

// What the organisation says: which connectors there are, and where each may go.

import (
	"cmp"
	"strings"
)

// site is where it says so.
const site = "/etc/reeve/policy.d/site.toml"

// connector is one of the two, as alice has it.
type connector struct {
	name    string
	command []string // below her home where it has no folder
	folder  string   // its own, below her home
	domain  string   // its own
	program string   // what of it lies below her home

	declared string // what the site knows it by, where that is not its command
}

const pagesPackage = ".local/lib/node_modules/@reeve-play/pages"

var (
	notes = connector{"notes", []string{"/home/alice/.local/bin/notes"}, "notes", "notes.allowed.test", ".local/bin/notes", ""}
	pages = connector{"pages", []string{"node", "/home/alice/" + pagesPackage + "/dist/index.js"}, "pages", "pages.allowed.test", pagesPackage + "/**", ""}

	both = []connector{notes, pages}

	// ledger is an extension: one of them as Claude Desktop takes it.
	ledger = connector{"ledger", []string{desktop, "-c", "'/home/alice/" + unpacked + "/server/ledger' /home/alice/ledger; exit $?"}, "ledger", "ledger.allowed.test",
		unpacked + "/**", `publisher = "` + signer + `"`}
)

// base is what the organisation adds to the preset; what every program needs to run is nobody's secret. The last globs are
// where this machine's root, an overlay, has its layers: what is opened there is judged by its name in the root before.
const base = `version = 1
base = "balanced"
[sets]
runtime = ["/usr/**", "/lib*/**", "/etc/**", "/proc/**", "/sys/**", "/dev/**", "/", "/{host,up*,layer*}/**"]
`

// rules are those of a connector.
const rules = `
[[connector]]
name = "NAME"
DECLARED
[[rule]]
id = "NAME-folder"
principal = "connector:NAME"
on = ["file.read", "file.write", "file.create", "file.delete", "file.rename"]
match = ["/**"]
except = ["~/FOLDER/**", "~/PROGRAM", "@runtime"]
action = "deny"
reason = "its own folder is enough for it"
[[rule]]
id = "NAME-domain"
principal = "connector:NAME"
on = ["net.domain"]
match = ["**"]
except = ["DOMAIN"]
action = "deny"
reason = "its own domain is enough for it"
[[rule]]
id = "NAME-addresses"
principal = "connector:NAME"
on = ["net.addr"]
match = ["**"]
action = "deny"
reason = "it has a domain"
`

func policy() string {
	text := base
	for _, c := range append(both, ledger) {
		declared := cmp.Or(c.declared, `command = ["`+strings.Join(c.command, `", "`)+`"]`)
		text += strings.NewReplacer("NAME", c.name, "DECLARED", declared, "FOLDER", c.folder, "PROGRAM", c.program, "DOMAIN", c.domain).Replace(rules)
	}
	return text
}
