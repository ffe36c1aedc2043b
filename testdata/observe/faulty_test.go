// SPDX-License-Identifier: Apache-2.0

package observe

// A running daemon is given every faulty policy in every way, and goes on as if nothing had been said. What is in force is told
// by the daemon, and tried by a session.

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/testdata/faulty"
)

func init() { parts["kinds"] = kinds }

// kinds says which kinds of sockets may be made: the first is refused by rule `paths`, the other by none.
func kinds([]string) int {
	fmt.Printf("mptcp: %v\nstream: %v\n", made(unix.SOCK_STREAM, unix.IPPROTO_MPTCP), made(unix.SOCK_STREAM, 0))
	return 0
}

// force is the policy in force as the daemon has it.
type force struct {
	Generation uint64
	Applied    string
	text       string // rule by rule
}

// inForce asks for the policy in force, and for what the daemon holds against the last one that it did not take.
func (h *host) inForce() (f force, fault string) {
	h.t.Helper()
	out, status := h.do("policy", "show", "--running", "--json")
	head, text, _ := strings.Cut(out, "\n")
	var said struct {
		force
		Fault string
	}
	if err := json.Unmarshal([]byte(head), &said); err != nil || status != 0 || said.Generation == 0 || text == "" {
		h.t.Fatalf("exit %d, %v\n%s", status, err, out)
	}
	said.text = text
	return said.force, said.Fault
}

// tried is what a session may do by the policy that the kernel has; "" where this kernel lets nothing be refused.
func (h *host) tried() string {
	h.t.Helper()
	if !h.gated {
		return ""
	}
	self, err := os.Executable()
	must(h.t, err)
	return h.below("kinds", 0, h.reeve, "run", "--", self)
}

const (
	held     = "mptcp: operation not permitted\nstream: <nil>\n"
	free     = "mptcp: <nil>\nstream: <nil>\n"
	stays    = "level=ERROR msg=\"the policy stays as it was\""
	oneFault = 1
)

// errorsOf are the lines that name an error.
func errorsOf(text, mark string) (lines []string) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, mark) {
			lines = append(lines, line)
		}
	}
	return lines
}

// hangUp tells the daemon to read its policy again, and gives what it says until it has said one of the texts.
func (h *host) hangUp(until ...string) string {
	h.t.Helper()
	before := len(h.said())
	must(h.t, unix.Kill(h.pid, unix.SIGHUP))
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		said := h.said()[before:]
		for _, text := range until {
			if strings.Contains(said, text) && strings.HasSuffix(said, "\n") {
				return said
			}
		}
	}
	h.t.Fatalf("nothing comes of SIGHUP:\n%s", h.said())
	return ""
}

// refusals are the ways of giving a daemon a policy, each with the errors that came of it.
var refusals = map[string]func(h *host, f faulty.Policy) []string{
	"sent": func(h *host, f faulty.Policy) []string {
		out, status := h.do("policy", "apply", h.policy)
		if f.Text == "" { // nothing could be sent
			if status != 2 {
				h.t.Errorf("exit %d", status)
			}
			return errorsOf(out, "reeve: reading a policy: ")
		}
		return h.notApplied(out, status)
	},
	"configured": func(h *host, _ faulty.Policy) []string { return h.notApplied(h.do("policy", "apply")) },
	"hangup": func(h *host, _ faulty.Policy) []string {
		return errorsOf(h.hangUp(stays, "policy applied"), stays)
	},
}

// notApplied are the errors that reeve told of a policy that was refused.
func (h *host) notApplied(out string, status int) []string {
	h.t.Helper()
	if now, _ := h.inForce(); status != 1 || !strings.Contains(out, fmt.Sprintf("reeve: not applied; generation %d stays in force\n", now.Generation)) {
		h.t.Errorf("exit %d\n%s", status, out)
	}
	return errorsOf(out, "reeve: error: ")
}

func TestFaultyPolicyLeavesTheRunningOneInForce(t *testing.T) {
	h := startHost(t, stage(t))
	h.gated = gated(t)
	old, fault := h.inForce()
	if said := h.tried(); fault != "" || said != "" && said != held {
		t.Fatalf("before: %q, %s", fault, said)
	}
	for _, f := range faulty.Policies() {
		for way, give := range refusals {
			t.Run(f.Name+" "+way, func(t *testing.T) {
				h := *h
				h.t = t
				h.refuse(f, old, way == "sent" && f.Text == "", give)
			})
		}
	}
	h.changes(old)
}

// refuse gives a fault and sees one error, and the old policy in force.
func (h *host) refuse(f faulty.Policy, old force, unsent bool, give func(*host, faulty.Policy) []string) {
	h.t.Helper()
	takeBack, err := f.Put(h.policy)
	must(h.t, err)
	said := give(h, f)
	must(h.t, takeBack())
	if len(said) != oneFault || !strings.Contains(said[0], f.Says) {
		h.t.Errorf("want one error with %q, got %d:\n%s", f.Says, len(said), strings.Join(said, ""))
	}
	now, fault := h.inForce()
	if now != old {
		h.t.Errorf("in force is generation %d, applied %s, want %d, %s; its text is the same: %v", now.Generation, now.Applied, old.Generation, old.Applied, now.text == old.text)
	}
	if !unsent && !strings.Contains(fault, f.Says) {
		h.t.Errorf("the daemon holds %q against it, want %q", fault, f.Says)
	}
	if tried := h.tried(); tried != "" && tried != held {
		h.t.Errorf("a session may do otherwise:\n%s", tried)
	}
}

// changes is the control: what is right comes into force by the same ways.
func (h *host) changes(old force) {
	h.t.Helper()
	good := filepath.Join(h.policy, "p.toml")
	raw, err := os.ReadFile(good)
	must(h.t, err)
	must(h.t, os.WriteFile(good, []byte(strings.Replace(string(raw), "AF_INET/SOCK_STREAM/262", "AF_INET/SOCK_RAW", 1)), 0o600))
	h.hangUp("policy applied")
	now, fault := h.inForce()
	if tried := h.tried(); now.Generation <= old.Generation || fault != "" || tried != "" && tried != free {
		h.t.Errorf("after a policy that is right: generation %d, %q, %s", now.Generation, fault, tried)
	}
	must(h.t, os.WriteFile(good, raw, 0o600))
	h.want(0, "in force", "policy", "apply", h.policy)
	again, _ := h.inForce()
	if tried := h.tried(); again.Generation <= now.Generation || again.text != old.text || tried != "" && tried != held {
		h.t.Errorf("after the old one came back: generation %d, its text %v; %s", again.Generation, again.text == old.text, tried)
	}
}
