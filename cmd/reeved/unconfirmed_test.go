// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor/api"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// machine is a machine whose daemon can die: its files, its clock, and the daemon of the moment.
type machine struct {
	t      *testing.T
	config site.Config
	agents *inventory.Catalogue
	boot   string
	now    uint64

	*policies
	target *tables
	told   []event.Said
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	agents, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, config: site.Defaults(), agents: agents, boot: "boot-one", now: 1000 * minute}
	m.config.State, m.config.Policy = filepath.Join(t.TempDir(), "state"), []string{filepath.Join(t.TempDir(), "policy.d")}
	m.configure("one")
	m.start()
	return m
}

// configure writes the policy that the configuration names.
func (m *machine) configure(id string) {
	m.t.Helper()
	text := fmt.Appendf(nil, secrets, id)
	if err := errors.Join(os.MkdirAll(m.config.Policy[0], 0o755), os.WriteFile(filepath.Join(m.config.Policy[0], "a.toml"), text, 0o644)); err != nil {
		m.t.Fatal(err)
	}
}

// start is a daemon's start; whatever ran before is gone without a word.
func (m *machine) start() {
	m.t.Helper()
	if m.policies != nil {
		m.disarm()
	}
	m.policies, m.target, m.told = newPolicies(m.config, m.agents), &tables{}, nil
	m.policies.target, m.clock = m.target, clock{m.boot, func() uint64 { return m.now }}
	m.notices.open(quiet, func(s event.Said) { m.told = append(m.told, s) })
	configured, ps := m.read(nil)
	if configured == nil {
		m.t.Fatal(ps)
	}
	if err := m.put(m.first(configured)); err != nil {
		m.t.Fatal(err)
	}
	m.resume()
	m.t.Cleanup(func() { m.disarm() })
}

// want checks which rule is in force, and what was told since the start.
func (m *machine) want(what, id string, told ...string) {
	m.t.Helper()
	var names []string
	for _, s := range m.told {
		names = append(names, s.Name)
	}
	if rules := m.policies.now().policy.Rules; !rules[1].Guards() || rules[0].ID != id || !reflect.DeepEqual(names, told) {
		m.t.Errorf("%s: %s in force, want %s; told %q, want %q", what, rules[0].ID, id, names, told)
	}
}

func (m *machine) applyConfigured(id string) {
	m.t.Helper()
	m.configure(id)
	ctx := api.WithActor(context.Background(), alice)
	if r, err := m.Apply(ctx, nil, time.Hour); err != nil || !r.Applied {
		m.t.Fatal(r, err)
	}
}

const hour = 60 * minute

func TestUnconfirmedPolicyOutlivesTheDaemon(t *testing.T) {
	m := newMachine(t)
	m.applyConfigured("two")
	m.now += 10 * minute
	m.start()
	m.want("started anew in time", "two")
	if m.before == nil || m.before.policy.Rules[0].ID != "one" {
		t.Fatal("nothing to go back to")
	}
	m.rollBack(m.before)
	m.want("not confirmed", "one", event.PolicyRolledBack)
	if by := m.told[0].By; by == nil || *by != alice || m.Summary().Fault != takenBack {
		t.Errorf("by %v, fault %q", by, m.Summary().Fault)
	}
}

func TestUnconfirmedPolicyIsTakenBackAtTheNextStart(t *testing.T) {
	for name, pass := range map[string]func(*machine){
		"its time passed":        func(m *machine) { m.now += hour },
		"the machine went down":  func(m *machine) { m.boot, m.now = "boot-two", minute },
		"both, and a long while": func(m *machine) { m.boot, m.now = "boot-two", 9000*minute },
	} {
		m := newMachine(t)
		m.applyConfigured("two")
		pass(m)
		m.start()
		m.want(name, "one", event.PolicyRolledBack)
		m.start()
		m.want(name+", and the next start", "one")
		if m.Summary().Fault != takenBack {
			t.Errorf("%s: fault %q", name, m.Summary().Fault)
		}
		m.configure("three")
		m.start()
		m.want(name+", and the configuration was changed", "three")
		m.configure("two")
		m.start()
		m.want(name+", and changed back", "two")
	}
}

func TestConfirmedPolicyStays(t *testing.T) {
	m := newMachine(t)
	m.applyConfigured("two")
	if !m.Confirm(api.WithActor(context.Background(), alice)) {
		t.Fatal("nothing waited")
	}
	m.want("confirmed", "two", event.PolicyApplied, event.PolicyConfirmed)
	m.now += hour
	m.start()
	m.want("after its time", "two")
}

func TestPolicyAtHandIsTakenBackToo(t *testing.T) {
	m := newMachine(t)
	if _, err := m.Apply(context.Background(), file("two"), time.Hour); err != nil {
		t.Fatal(err)
	}
	m.start()
	m.want("started anew in time", "two")
	m.now += hour
	m.start()
	m.want("after its time", "one", event.PolicyRolledBack)
	m.configure("three")
	m.start()
	m.want("the configuration again", "three")
}

func TestRolledBackPolicyStaysAwayFromTheNextStart(t *testing.T) {
	m := newMachine(t)
	m.applyConfigured("two")
	m.rollBack(m.before)
	m.start()
	m.want("started anew", "one")
	if r, err := m.Apply(context.Background(), nil, 0); err != nil || !r.Applied {
		t.Fatal(r, err)
	}
	m.start()
	m.want("applied for good", "two")
}

func TestTrialAfterTrialGoesBackToWhatWasConfirmed(t *testing.T) {
	m := newMachine(t)
	m.applyConfigured("two")
	m.applyConfigured("three")
	m.now += hour
	m.start()
	m.want("after their time", "one", event.PolicyRolledBack)
}

func TestFaultyPolicyDoesNotConfirmAnother(t *testing.T) {
	m := newMachine(t)
	m.applyConfigured("two")
	bad := file("x")
	bad[0].Text = "version = 9\n"
	if r, err := m.Apply(context.Background(), bad, 0); err != nil || r.Applied {
		t.Fatal(r, err)
	}
	m.target.fail = errors.New("no room")
	if _, err := m.Apply(context.Background(), file("three"), 2*time.Hour); !errors.Is(err, m.target.fail) {
		t.Fatal(err)
	}
	m.want("refused", "two", event.PolicyApplied, event.PolicyRefused, event.PolicyRefused)
	m.now += hour
	m.start()
	m.want("after its time", "one", event.PolicyRolledBack)
}

func TestTrialThatCannotBeKeptDoesNotBegin(t *testing.T) {
	m := newMachine(t)
	m.config.State = "/proc/nowhere"
	m.policies.config.State = m.config.State
	m.configure("two")
	if _, err := m.Apply(context.Background(), nil, time.Hour); err == nil {
		t.Error("nothing to go back to is kept")
	}
	m.want("not applied", "one", event.PolicyRefused)
}

func TestGarbledTrialDoesNotStopTheStart(t *testing.T) {
	m := newMachine(t)
	m.applyConfigured("two")
	for text, told := range map[string]string{
		"{": event.PolicyRefused, `{"boot":"x","before":[{"name":"a.toml","text":"nonsense"}]}`: event.PolicyRefused,
	} {
		if err := os.WriteFile(filepath.Join(m.config.State, trialFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		m.start()
		m.want(text, "two", told)
	}
}

func TestPolicyWithoutFilesIsGoneBackTo(t *testing.T) {
	m := newMachine(t)
	preset := &live{policy: &enforce.Policy{}}
	if l, ps := m.recall(preset.policy.Sources); l == nil || l.policy.Base != "balanced" {
		t.Error(ps)
	}
}
