// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/plugins/host"
	"github.com/reeve-sensor/reeve/plugins/plugintest"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/store"
)

// freezing is a policy whose rules respond.
const freezing = `version = 1
base = "none"
[[role]]
name = "watched"
mode = "observe"
[[rule]]
id = "secrets"
on = ["file.read"]
match = ["~/.ssh/**"]
action = "deny"
respond = ["contain:freeze"]
[[rule]]
id = "noted"
on = ["file.read"]
match = ["/etc/x"]
action = "audit"
respond = ["syslog"]
`

func responding(t *testing.T) *policies {
	t.Helper()
	p, _ := inForce(t)
	policy, err := enforce.Parse(map[string]string{"a.toml": freezing}, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, ps := p.compiled(policy, nil, nil)
	if l == nil {
		t.Fatal(ps)
	}
	if err := p.put(l); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRuleRespondsToWhatItDid(t *testing.T) {
	p := responding(t)
	now := p.Summary().Generation
	watched, _ := p.RoleByName("watched")
	act := func(rule string, change func(*event.Event)) *event.Event {
		e := refused(now)
		e.Rule, e.Head.Flags = rule, uint16(bpf.EventApplied)
		change(e)
		return e
	}
	for name, tc := range map[string]struct {
		e    *event.Event
		want []string
	}{
		"refused":             {act("secrets", func(*event.Event) {}), []string{"contain:freeze"}},
		"noted":               {act("noted", func(e *event.Event) { e.Head.Action, e.Head.Flags = event.Audit, 0 }), []string{"syslog"}},
		"not applied":         {act("secrets", func(e *event.Event) { e.Head.Flags = 0 }), nil},
		"role only watched":   {act("noted", func(e *event.Event) { e.Head.Action, e.Head.Flags, e.Head.Role = event.Audit, 0, uint16(watched) }), nil},
		"under break-glass":   {act("secrets", func(e *event.Event) { e.Head.Flags |= uint16(bpf.EventRelief) }), nil},
		"refused by switch":   {act("secrets", func(e *event.Event) { e.Head.Flags |= uint16(bpf.EventSwitch) }), nil},
		"a default's":         {act("default", func(*event.Event) {}), nil},
		"found, not asked":    {act("secrets", func(e *event.Event) { e.Kind = event.Held }), nil},
		"of another policy's": {act("secrets", func(e *event.Event) { e.Head.Policy = 1 }), nil},
	} {
		if got := p.Respond(tc.e); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

// What plugins say that they answer to is asked when a policy is applied, and the policy in force is held against what is news.
func TestPoliciesAreHeldAgainstWhatPluginsAnswerTo(t *testing.T) {
	p := responding(t)
	p.config.Plugin = []site.Plugin{{Name: "contain"}, {Name: "syslog"}}
	p.askPlugins(func() []host.Status {
		return []host.Status{{Name: "contain", Actions: []string{"kill"}}, {Name: "syslog"}}
	})
	reply, err := p.Apply(context.Background(), []*pb.PolicyFile{{Name: "a.toml", Text: freezing}}, 0)
	if err != nil || !reply.Applied {
		t.Fatalf("%v, %v", reply, err)
	}
	const want = `plugin "contain" knows no action "freeze": nothing will respond`
	if n := len(reply.Problems); n != 1 || !reply.Problems[0].Warning || !strings.HasSuffix(reply.Problems[0].Text, want) {
		t.Errorf("%v", reply.Problems)
	}
	for name, tc := range map[string]struct {
		plugin enforce.Plugin
		want   string
	}{
		"says-another": {enforce.Plugin{Name: "contain", Actions: []string{"kill"}}, want},
		"says-it":      {enforce.Plugin{Name: "contain", Actions: []string{"freeze"}}, ""},
		"not-named":    {enforce.Plugin{Name: "pager", Actions: []string{"tell"}}, ""},
	} {
		var log bytes.Buffer
		p.reportUnanswered(slog.New(slog.NewTextHandler(&log, nil)), tc.plugin)
		if got := strings.ReplaceAll(log.String(), `\"`, `"`); !strings.Contains(got, tc.want) || (tc.want == "") != (got == "") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestContainFreezesByItself has the real plugin, the real host and the one way to contain; only the kernel is missing.
func TestContainFreezesByItself(t *testing.T) {
	dir, err := os.MkdirTemp("", "reeve-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c, k, frozen, said := newContainment(t)
	d := &daemon{config: site.Defaults(), policies: responding(t)}
	d.config.Run, d.config.State = filepath.Join(dir, "run"), filepath.Join(dir, "lib")
	d.config.Plugins.Folders = []string{plugintest.Build(t, "plugins/contain")}
	plugin := site.DefaultPlugin()
	plugin.Name, plugin.User = "contain", "61501"
	d.config.Plugin = []site.Plugin{plugin}
	from := event.Host{Name: "ws1", Life: "x"}
	h, err := d.plugins(slog.New(slog.NewTextHandler(t.Output(), nil)), from, func() *containment { return c }, func(event.Said) {})
	if err != nil {
		t.Fatal(err)
	}
	kept := store.NewMemory(1 << 20)
	o := &outlet{next: kept, host: h, respond: d.policies.Respond, from: from}
	end := o.begin()
	e := refused(d.policies.Summary().Generation)
	e.Rule, e.Session, e.Head.Session, e.Head.Flags = "secrets", "3f2a-1", 1, uint16(bpf.EventApplied)
	began := time.Now()
	o.Append(e)
	if took := time.Since(began); took > 100*time.Millisecond || e.Seq != 1 {
		t.Errorf("the sink took %s, the event is number %d", took, e.Seq)
	}
	plugintest.Wait(t, "the response", func() bool { return h.Status()[0].Answered == 1 })
	again := *e // read a second time: no response, and then one to what is new
	again.Again, again.Session, again.Head.Session = true, "3f2a-9", 9
	o.Append(&again)
	more := *e
	o.Append(&more)
	plugintest.Wait(t, "the next response", func() bool { return h.Status()[0].Answered >= 2 })
	if err := end(); err != nil {
		t.Error(err)
	}
	if n := h.Status()[0].Answered; n != 2 || again.Seq != 2 {
		t.Errorf("%d responses; what was read again is number %d", n, again.Seq)
	}
	if !frozen[1] || !frozen[2] || frozen[9] || k.slots[1].Switches != uint32(bpf.SwitchFreeze|bpf.SwitchNoFork) {
		t.Errorf("frozen: %v", frozen)
	}
	if len(*said) != 2 || (*said)[0].By != nil || !strings.HasPrefix((*said)[0].Message, "session 3f2a-1 was frozen by reeved: plugin contain: rule secrets: ") {
		t.Errorf("said %+v", *said)
	}
	if rows := pluginStates(h); len(rows) != 1 || rows[0].Answered != 2 || rows[0].Name != "contain" || len(rows[0].Actions) != 5 {
		t.Errorf("%v", rows)
	}
}

func TestPluginAsksForNoOtherAction(t *testing.T) {
	if _, err := act(context.Background(), nil, host.Act{Action: "melt"}); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
