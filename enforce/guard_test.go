// SPDX-License-Identifier: Apache-2.0

package enforce_test

import (
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
)

// What guards Reeve is in every policy, whatever it says, and follows where the configuration has moved things.
func TestGuardIsInEveryPolicy(t *testing.T) {
	for name, text := range map[string]string{
		"none": `base = "none"`, "observe": `base = "observe"`, "allows": "base = \"none\"\n[[rule]]\nid = \"all\"\non = [\"file.write\"]\nmatch = [\"**\"]\naction = \"allow\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			p, err := enforce.Parse(map[string]string{"a.toml": "version = 1\n" + text}, enforce.Options{Own: []string{"/srv/re[e]ve", "relative", ""}})
			if err != nil {
				t.Fatal(err)
			}
			im, err := enforce.Compile(p, nil, 1, enforce.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct {
				op     enforce.Op
				object string
				want   string
			}{
				{enforce.OpFileWrite, "/etc/reeve/policy.d/a.toml", "guard-state"},
				{enforce.OpFileRead, "/srv/re[e]ve/store", "guard-state"},
				{enforce.OpFileWrite, "/usr/bin/reeved", "guard-programs"},
				{enforce.OpFileDelete, "/sys/fs/bpf/reeve/x", "guard-state"},
				{enforce.OpUnixConnect, "/srv/re[e]ve/admin.sock", "guard-sockets"},
				{enforce.OpProcSignal, "/usr/sbin/reeved", "guard-processes"},
			} {
				v := im.Oracle().Decide(enforce.Subject{Principal: uint32(bpf.PrincipalAgent)}, c.op, enforce.ViewHost, []byte(c.object))
				r := p.Guard(c.op, c.object, nil)
				if v.Action != enforce.Deny || r == nil || r.ID != c.want {
					t.Errorf("%s %s: %s by %v, want %s", c.op, c.object, v.Action, r, c.want)
				}
			}
			if v := im.Oracle().Decide(enforce.Subject{Principal: uint32(bpf.PrincipalAgent)}, enforce.OpUnixConnect, enforce.ViewHost, []byte("/srv/re[e]ve/session.sock")); v.Action != enforce.Allow {
				t.Errorf("the sessions' own socket: %s", v.Action)
			}
		})
	}
}

func TestNobodyReplacesTheGuard(t *testing.T) {
	_, err := enforce.Parse(map[string]string{"a.toml": "version = 1\n[[rule]]\nid = \"guard-state\"\nenabled = false\n[[rule]]\nid = \"guard-mine\"\non = [\"exec\"]\nmatch = [\"/a\"]\naction = \"deny\"\n"}, enforce.Options{})
	for _, id := range []string{"guard-state", "guard-mine"} {
		if err == nil || !strings.Contains(err.Error(), id) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestHomesOfTheConfigurationAreGlobs(t *testing.T) {
	p, err := enforce.Parse(map[string]string{"a.toml": "version = 1\n"}, enforce.Options{HomeGlobs: []string{"/data/u/*"}})
	if err != nil {
		t.Fatal(err)
	}
	a := enforce.Explain(p, enforce.Query{Op: enforce.OpFileRead, Object: "/data/u/ana/.ssh/id_ed25519"})
	if a.Rule == nil || a.Rule.ID != "ssh-keys" {
		t.Errorf("%+v", a)
	}
}
