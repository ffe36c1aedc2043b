// SPDX-License-Identifier: Apache-2.0

package host_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/plugins/api"
	"github.com/reeve-sensor/reeve/plugins/host"
	"github.com/reeve-sensor/reeve/plugins/plugintest"
)

var denied = &api.Event{ID: "e1", Session: "3f2a-1", Rule: "secrets", Message: "deny file.read /x"}

// unhurried is a host whose half minute for an order is one.
func unhurried(t *testing.T, specs ...host.Spec) host.Options {
	t.Helper()
	o := options(t, specs...)
	o.Clock = nil
	return o
}

func TestContainAsksForWhatTheRuleNamed(t *testing.T) {
	s := spec(t, "contain", nil)
	s.Path = program(t, "contain")
	o := unhurried(t, s)
	said := make(chan []string, 8)
	o.Answers = func(plugin string, actions []string) { said <- append(actions, plugin) }
	r := start(t, o)
	export(r, 0, 100) // some before it is known that it exports nothing
	began := time.Now()
	if !r.Order("contain", "freeze", 7, denied) || r.Order("none", "freeze", 7, denied) {
		t.Error("contain is there, none is not")
	}
	if took := time.Since(began); took > 100*time.Millisecond {
		t.Errorf("ordering took %s", took)
	}
	plugintest.Wait(t, "the act", func() bool { return len(r.asked()) == 1 && status(r).Answered == 1 })
	got := r.asked()[0]
	if got.Plugin != "contain" || got.Action != "freeze" || got.Session != 7 || got.Reason != "rule secrets: deny file.read /x" || got.Event.ID != "e1" {
		t.Errorf("%+v", got)
	}
	endProcess(t, status(r).PID) // its next life has nothing new to say
	plugintest.Wait(t, "another life", func() bool { return status(r).Restarts == 1 && status(r).State == host.Running })
	if n, first := len(said), <-said; n != 1 || !slices.Equal(first, []string{"kill", "freeze", "isolate", "deny", "thaw", "contain"}) {
		t.Errorf("said %d times, first %v", n, first)
	}
	export(r, 100, 200)
	plugintest.Wait(t, "an empty queue", func() bool { return status(r).Queued == 0 })
	r.Order("contain", "frieze", 7, denied)
	plugintest.Wait(t, "a notice", func() bool { return len(r.told(host.NoticeFailed)) == 1 })
	if n := r.told(host.NoticeFailed)[0]; !strings.Contains(n.Message, `contain:frieze to rule secrets failed: plugin contain knows no action "frieze"`) || n.Session != 7 {
		t.Errorf("%+v", n)
	}
}

func TestPluginMayNotAskForMoreThanTheRuleNamed(t *testing.T) {
	t.Parallel()
	s := spec(t, "good", nil)
	allowed := spec(t, "allowed", nil)
	allowed.Acts = []string{"kill"}
	r := start(t, unhurried(t, s, allowed))
	r.Order("good", "many", 7, denied)
	plugintest.Wait(t, "a notice", func() bool { return len(r.told(host.NoticeFailed)) == 1 })
	if n := r.told(host.NoticeFailed)[0]; !strings.Contains(n.Message, "asks for too much") || len(r.asked()) != 0 {
		t.Errorf("%+v, %v", n, r.asked())
	}
	r.Order("allowed", "many", 7, denied)
	plugintest.Wait(t, "a notice", func() bool { return len(r.told(host.NoticeFailed)) == 2 })
	if n := len(r.asked()); n != 8 {
		t.Errorf("%d acts, 8 may be asked for", n)
	}
}

func TestResponseThatCannotBeIsToldInTime(t *testing.T) {
	for name, want := range map[string]string{
		"crash-respond": "it ended: exit status 2", "hang-respond": "did not answer in time", "crash-start": "does not run",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t, spec(t, name, nil))
			o.Plugins[0].Timeout = 300 * time.Millisecond
			o.Clock = plugintest.Clock(10)
			r := start(t, o)
			for range 1000 { // of one session: one order
				r.Order(name, "freeze", 7, denied)
			}
			plugintest.Wait(t, "a notice", func() bool { return len(r.told(host.NoticeFailed)) == 1 })
			if n := r.told(host.NoticeFailed)[0]; n.Session != 7 || !strings.Contains(n.Message, want) {
				t.Errorf("%+v", n)
			}
			if n := status(r).Failed; n > 3 {
				t.Errorf("%d responses failed, the same was ordered", n)
			}
		})
	}
}

func TestRuleThatNamesAnExporterHasItExport(t *testing.T) {
	t.Parallel()
	b := plugintest.NewBackend(t)
	s := spec(t, "good", b)
	s.Events = host.Chosen
	r := start(t, unhurried(t, s))
	r.Export(event("left out"))
	e := event("e0")
	e.Chosen = []string{"good"}
	r.Export(e)
	r.Order("good", "", 7, denied)
	complete(t, b, 1)
	plugintest.Wait(t, "the order", func() bool { return status(r).Answered == 1 })
}
