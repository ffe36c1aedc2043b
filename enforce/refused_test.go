// SPDX-License-Identifier: Apache-2.0

package enforce_test

import (
	"slices"
	"testing"

	"github.com/reeve-sensor/reeve/enforce"
)

const refusing = `version = 1
base = "none"

[[role]]
name = "default"
defaults = { exec = "allow" }

[[role]]
name = "strange"
users = ["ana"]
defaults = { exec = "allow" }

[[connector]]
name = "files"
command = ["server"]

[sets]
tools = ["/opt/tools/*/bin/**", "/opt/one"]

[[rule]]
id = "everybody"
on = ["exec"]
match = ["**/sudo", "@tools"]
except = ["/opt/tools/free/**"]
action = "deny"

[[rule]]
id = "one-role"
on = ["exec"]
match = ["/usr/bin/{role,rolled}"]
roles = ["strange"]
action = "kill"

[[rule]]
id = "one-principal"
on = ["exec"]
match = ["/usr/bin/connected"]
principal = "connector:files"
action = "ask"

[[rule]]
id = "reads"
on = ["file.read"]
match = ["/secret/**"]
taint = "secret"
action = "audit"

[[rule]]
id = "after-reading"
on = ["exec"]
match = ["/usr/bin/tainted"]
when = { taint = ["secret"] }
action = "deny"

[[rule]]
id = "told"
on = ["exec"]
match = ["/srv/audited"]
action = "audit"

[[rule]]
id = "no-exec"
on = ["file.write"]
match = ["/srv/written/**"]
action = "deny"
`

func TestRefusedIsToAnybody(t *testing.T) {
	p, err := enforce.Parse(map[string]string{"a.toml": refusing}, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	im, err := enforce.Compile(p, nil, 1, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for program, want := range map[string]bool{
		"/usr/bin/sudo": true, "/opt/tools/a/bin/x": true, "/opt/tools/free/bin/x": false, "/opt/one": true, "/usr/bin/rolled": true,
		"/usr/bin/connected": true, "/usr/bin/tainted": true, "/srv/audited": false, "/srv/written/x": false, "/usr/bin/ls": false,
	} {
		if got := im.Oracle().Refused(program); got != want {
			t.Errorf("%s: refused %t, want %t", program, got, want)
		}
	}
	if got, want := im.RefusedPlaces(), []string{"/opt/one", "/opt/tools", "/usr/bin", "/usr/bin/connected", "/usr/bin/tainted"}; !slices.Equal(got, want) {
		t.Errorf("places %q, want %q", got, want)
	}
}

func TestRefusedByDefault(t *testing.T) {
	p, err := enforce.Parse(map[string]string{"a.toml": `version = 1
base = "none"
[[role]]
name = "default"
defaults = { exec = "deny" }
[[rule]]
id = "some"
on = ["exec"]
match = ["/usr/bin/ls"]
action = "allow"
`}, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	im, err := enforce.Compile(p, nil, 1, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if im.Oracle().Refused("/usr/bin/ls") || !im.Oracle().Refused("/usr/bin/cat") {
		t.Error("what the default refuses is refused, what a rule allows is not")
	}
}
