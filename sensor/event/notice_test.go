// SPDX-License-Identifier: Apache-2.0

package event

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
)

func TestEveryNoticeHasItsRow(t *testing.T) {
	names := []string{
		BreakGlassBegin, BreakGlassEnd, BreakGlassTrouble, SafetyAudit, SafetySpike, PolicyApplied, PolicyConfirmed, PolicyRolledBack, PolicyRefused,
		CoverageDegraded, CoverageRestored, SessionKilled, SessionFrozen, SessionIsolated, SessionDenied, SessionThawed, DaemonStarted, DaemonStopped,
		InventoryNew, InventoryChanged, InventorySuspect, InventoryDecided, PluginDown, PluginUp, PluginLost, PluginFailed,
		KillFailed,
	}
	if len(names) != len(notices) {
		t.Errorf("%d names, %d rows", len(names), len(notices))
	}
	for _, name := range names {
		e := NewNotice(Said{Name: name, Message: "m"}, 1, time.Unix(1, 0))
		raw, err := e.OCSF(Host{Name: "ws1"})
		if err != nil || e.activity().class == classBase || e.Severity == "" || !e.Notable() || e.Refused() || e.Message() != "m" {
			t.Errorf("%s: %s, %v", name, raw, err)
		}
		var o map[string]any
		if err := json.Unmarshal(raw, &o); err != nil {
			t.Fatal(err)
		}
		required := map[int][]string{6003: {"actor", "api", "src_endpoint"}, 2004: {"finding_info"}, 6002: {"app"}}
		for _, key := range required[e.activity().uid] {
			if o[key] == nil {
				t.Errorf("%s lacks %s: %s", name, key, raw)
			}
		}
	}
}

func TestNoticesAreNotTheKernels(t *testing.T) {
	forged := bpf.EventSession{Head: header(bpf.EventKind(Notice), 0)}
	if _, err := Decode(raw(t, &forged, &forged.Head, "")); !errors.Is(err, ErrRecord) {
		t.Errorf("a record that says it is a notice: %v", err)
	}
}

func TestNoticesAreRedacted(t *testing.T) {
	token := "ghp_" + strings.Repeat("A1", 15)
	e := NewNotice(Said{Name: BreakGlassBegin, Message: "why: " + token, Reason: token}, 1, time.Unix(1, 0))
	e.Redact()
	if text := e.Message() + e.Reason + e.Said.Reason; strings.Contains(text, token) {
		t.Error(text)
	}
}

func TestActorsAreNamed(t *testing.T) {
	for want, a := range map[string]*Actor{
		"reeved": nil, "bob": {UID: 1000, User: "bob"}, "root (login alice)": {User: "root", Login: "alice"},
	} {
		if got := a.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestReliefIsSaid(t *testing.T) {
	e := sample(Access, Op(bpf.OpFileRead), Deny, false)
	e.Object, e.Reason, e.Head.Flags = "/k", "not for agents", uint16(bpf.EventRelief)
	if got := e.Message(); got != "would deny file.read /k: break-glass" {
		t.Error(got)
	}
}
