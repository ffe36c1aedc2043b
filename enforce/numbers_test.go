// SPDX-License-Identifier: Apache-2.0

package enforce

import (
	"errors"
	"reflect"
	"slices"
	"testing"
)

func compileText(t *testing.T, before *Image, text string) *Image {
	t.Helper()
	p, err := Parse(map[string]string{"a.toml": "version = 1\nbase = \"none\"\n" + text}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if before != nil {
		p.Follow(before.Numbers())
	}
	im, err := Compile(p, nil, 1, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func TestNumbersGoOn(t *testing.T) {
	one := compileText(t, nil, `
[[role]]
name = "alpha"
[[role]]
name = "beta"
[[rule]]
id = "a"
on = ["file.read"]
match = ["/a"]
action = "allow"
taint = "first"
`)
	two := compileText(t, one, `
[[role]]
name = "beta"
[[role]]
name = "gamma"
[[rule]]
id = "b"
on = ["file.read"]
match = ["/b"]
action = "deny"
roles = ["beta"]
[[rule]]
id = "d"
on = ["file.read"]
match = ["/d"]
action = "deny"
roles = ["default"]
[[rule]]
id = "c"
on = ["file.read"]
match = ["/c"]
action = "allow"
taint = "second"
`)
	for _, name := range one.Roles {
		if a, b := slices.Index(one.Roles, name), slices.Index(two.Roles, name); a != b {
			t.Errorf("role %s was %d and is %d", name, a, b)
		}
	}
	if two.Taints[0] != "first" || two.Taints[1] != "second" {
		t.Errorf("taints %v", two.Taints)
	}
	beta, _ := two.RoleIndex("beta")
	alpha, _ := two.RoleIndex("alpha")
	for _, c := range []struct {
		role   uint32
		object string
		want   Action
	}{{beta, "/b", Deny}, {alpha, "/b", Allow}, {alpha, "/d", Deny}, {beta, "/d", Allow}} {
		if v := two.Oracle().Decide(Subject{Role: c.role, Principal: 1}, OpFileRead, ViewHost, []byte(c.object)); v.Action != c.want {
			t.Errorf("role %s on %s: %s, want %s", two.Roles[c.role], c.object, v.Action, c.want)
		}
	}
}

func TestReadingMarks(t *testing.T) {
	im := compileText(t, nil, `
[[rule]]
id = "secret"
on = ["file.read", "file.write"]
match = ["/secret/**"]
action = "audit"
taint = "secret"
[[rule]]
id = "after"
on = ["file.read"]
match = ["/vault"]
when = { taint = ["secret"] }
action = "deny"
`)
	o, agent := im.Oracle(), Subject{Principal: 1}
	if v := o.Decide(agent, OpFileRead, ViewHost, []byte("/secret/x")); v.Taints != 1 || v.Action != Audit {
		t.Errorf("reading a secret: %+v", v)
	}
	if v := o.Decide(agent, OpFileWrite, ViewHost, []byte("/secret/x")); v.Taints != 0 {
		t.Errorf("writing marks: %+v", v)
	}
	if v := o.Decide(agent, OpFileRead, ViewHost, []byte("/vault")); v.Action != Allow {
		t.Errorf("before the mark: %+v", v)
	}
	agent.Taints = 1
	if v := o.Decide(agent, OpFileRead, ViewHost, []byte("/vault")); v.Action != Deny {
		t.Errorf("after the mark: %+v", v)
	}
}

// A table carries its numbers, for the daemon that finds it in the kernel.
func TestNumbersAreReadBackFromTheTable(t *testing.T) {
	im := compileText(t, nil, `
[[role]]
name = "alpha"
[[rule]]
id = "a"
on = ["file.read"]
match = ["/a"]
action = "allow"
taint = "first"
`)
	value := append(slices.Clone(im.Table), make([]byte, 4096)...) // as a map's value, longer than the table
	got, err := ReadNumbers(value)
	if err != nil || !reflect.DeepEqual(got, im.Numbers()) {
		t.Errorf("%+v, %v, want %+v", got, err, im.Numbers())
	}
	for name, broken := range map[string]func([]byte) []byte{
		"empty":     func([]byte) []byte { return nil },
		"all-zero":  func(b []byte) []byte { return make([]byte, len(b)) },
		"far-away":  func(b []byte) []byte { le.PutUint32(b[namesAt:], 1<<31); return b },
		"cut-names": func(b []byte) []byte { le.PutUint32(b[namesAt+4:], 3); return b },
	} {
		if n, err := ReadNumbers(broken(slices.Clone(value))); !errors.Is(err, ErrTable) {
			t.Errorf("%s: %+v, %v", name, n, err)
		}
	}
}
