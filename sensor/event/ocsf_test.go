// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
)

var update = flag.Bool("update", false, "rewrite goldens")

func sample(kind Kind, op Op, action Action, applied bool) *Event {
	e := &Event{
		Seq: 12, Time: time.Date(2026, 11, 22, 10, 0, 0, 5e6, time.UTC), Kind: kind, Op: op.String(),
		Session: "3f2a-1", Agent: "claude-code", User: "alice", Role: "default", Principal: "agent",
		Head: Head{Kind: kind, Op: op, Session: 1, PID: 42, TID: 42, Started: 500, UID: 1000, Action: action, Policy: 9, Comm: "bash"},
	}
	if op == 0 {
		e.Op = ""
	}
	if applied {
		e.Head.Flags, e.Head.Error = uint16(bpf.EventApplied), -13
	}
	if kind == Derived {
		e.Derivation = &Derivation{}
	}
	if kind == Notice {
		e = notice(Said{Name: CoverageDegraded, Message: "nothing is refused"})
	}
	return e
}

func notice(s Said) *Event {
	e := NewNotice(s, 7, time.Date(2026, 11, 22, 10, 0, 0, 5e6, time.UTC))
	e.Seq = 12
	if s.Session != 0 {
		e.Session, e.Agent = "3f2a-1", "claude-code"
	}
	return e
}

func TestOCSF(t *testing.T) {
	denied := sample(Access, Op(bpf.OpFileRead), Deny, true)
	denied.Object, denied.Rule, denied.Reason, denied.Place = "/home/alice/.ssh/id_ed25519", "secrets", "credentials are not for agents", "preset:balanced.toml:20"
	observed := sample(Access, Op(bpf.OpFileWrite), Deny, false)
	observed.Object, observed.Rule = "/home/alice/.bashrc", "shell-start"
	mapped := sample(Access, OpExecMap, Deny, true)
	mapped.Object = "/usr/bin/sudo"
	exec := sample(Exec, OpExecArgv, Allow, false)
	exec.Path, exec.Argv, exec.Argc, exec.Object = "/usr/bin/bash", []string{"bash", "-c", "ls"}, 3, "bash -c ls"
	exec.Command, exec.Cwd = "ls", "/home/alice/proj"
	killed := sample(Exec, OpExecArgv, Kill, true)
	killed.Argv, killed.Object, killed.Rule = []string{"git", "push", "--force"}, "git push --force", "force-push"
	start := sample(SessionStart, 0, Allow, false)
	held := sample(Held, Op(bpf.OpFileRead), Deny, false)
	held.Object, held.Rule, held.Reason, held.Inode = "/home/alice/.ssh/id_ed25519", "secrets", "credentials are not for agents", 77
	socket := sample(Held, Op(bpf.OpNetFamily), Allow, false)
	socket.Object, socket.View, socket.Inode = "TCP", ViewNameless, 4711
	socket.Socket = &Socket{Family: "inet", Local: "10.0.0.5:40312", Remote: "203.0.113.7:443", State: "ESTABLISHED"}
	exit := sample(Exit, 0, Allow, false)
	exit.Status = 9
	relieved := sample(Access, Op(bpf.OpFileRead), Deny, false)
	relieved.Object, relieved.Rule, relieved.Reason, relieved.Head.Flags = "/home/alice/.ssh/id_ed25519", "secrets", "credentials are not for agents", uint16(bpf.EventRelief)
	network := func(op bpf.Op, a Action, f Flow) *Event {
		r := Record{Head: sample(Network, Op(op), a, a.Refuses()).Head, Flow: f}
		r.Flow.Cookie, r.Flow.Space = 77, 4026531840
		e := sample(Network, Op(op), a, a.Refuses())
		e.flows(&r)
		return e
	}
	named := network(bpf.OpNetDomain, Deny, flowTo("203.0.113.7", 443, 6, "evil.example", bpf.NetByRule, 0))
	named.Rule, named.Reason, named.Repeats, named.Flow.Local = "default", "what no rule of role default allows", 2, 40312
	nameless := network(bpf.OpNetAddr, Kill, flowTo("2001:db8::1", 22, 6, "", bpf.NetNoName, 0))
	nameless.Rule, nameless.Reason, nameless.Place = "no-ssh", "not from here", "a.toml:3"
	quic := network(bpf.OpNetAddr, Deny, flowTo("203.0.113.7", 443, 17, "", bpf.NetQUIC, 0))
	quic.Reason, quic.Severity = quic.Why(), "medium"
	question := func(name string, reason bpf.NetReason, kind uint32) Flow {
		f := flowTo("127.0.0.53", 53, 17, name, reason, kind)
		f.Question = true
		return f
	}
	asked := network(bpf.OpNetDomain, Allow, question("api.anthropic.com", bpf.NetByRule, 28))
	tunnel := network(bpf.OpNetDomain, Deny, question("aGk.t.example", bpf.NetRecordType, 16))
	tunnel.Reason, tunnel.Severity = tunnel.Why(), "medium"
	listens := network(bpf.OpNetListen, Audit, flowTo("0.0.0.0", 8080, 6, "", bpf.NetByRule, 0))
	connector := sample(Access, Op(bpf.OpConnectorStart), Ask, true)
	connector.Object, connector.Path, connector.Rule, connector.Reason = "files", "/usr/share/nodejs/npm/bin/npx-cli.js", "default", "what no rule of role default allows"
	bound := sample(Access, Op(bpf.OpFileRead), Deny, true)
	bound.Object, bound.Rule, bound.Principal, bound.Head.Principal = "/home/alice/.netrc", "files-stays-home", "connector:files", uint16(bpf.PrincipalFirst|bpf.PrincipalUnpinned)
	left := sample(Derived, OpExec, Allow, false)
	left.Object, left.Severity, left.Repeats = "/home/alice/proj/build.sh", "low", 2
	left.Derivation = &Derivation{By: 2, Within: "3f2a-2", Since: 400}
	read := sample(Derived, Op(bpf.OpFileRead), Allow, false)
	read.Object, read.Severity = "/home/alice/.bashrc", "medium"
	read.Derivation = &Derivation{Reader: "/usr/bin/bash", Why: "a start-up file of its reader"}
	started := sample(Derived, Op(bpf.OpUnixConnect), Allow, false)
	started.Object, started.Severity = "/usr/bin/bash", "low"
	started.Derivation = &Derivation{Since: 400, Server: 812}
	by := &Actor{UID: 0, User: "root", Login: "alice"}
	for name, e := range map[string]*Event{
		"connector-start": connector, "file-denied-to-connector": bound,
		"derived-exec": left, "derived-sourced": read, "derived-delegated": started,
		"file-denied": denied, "file-observed": observed, "module-denied": mapped, "exec": exec, "exec-killed": killed,
		"network-name": named, "network-address": nameless, "network-quic": quic, "dns-allowed": asked, "dns-type": tunnel, "network-listen": listens,
		"held-refused": held, "held-socket": socket,
		"session-start": start, "exit": exit, "fork": sample(Fork, 0, Allow, false), "session-end": sample(SessionEnd, 0, Allow, false),
		"file-relieved":     relieved,
		"break-glass-begin": notice(Said{Name: BreakGlassBegin, Message: "policy refuses nothing in role engineering for 15m0s: CI is on fire", Reason: "CI is on fire", By: by, Role: "engineering"}),
		"break-glass-end":   notice(Said{Name: BreakGlassEnd, Message: "policy holds again in session 3f2a-1", Reason: "CI is on fire", By: by, Session: 1}),
		"policy-refused":    notice(Said{Name: PolicyRefused, Message: "a.toml:3: unknown key", By: by}),
		"safety-audit":      notice(Said{Name: SafetyAudit, Message: "31 refusals within a minute: session 3f2a-1 is only audited from now on", Session: 1}),
		"coverage-restored": notice(Said{Name: CoverageRestored, Message: "every program sits on its hook again"}),
		"daemon-started":    notice(Said{Name: DaemonStarted, Message: "reeved started"}),
	} {
		raw, err := e.OCSF(Host{Name: "ws1", Version: "0.1.0"})
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := json.Indent(&got, raw, "", "  "); err != nil {
			t.Fatal(err)
		}
		got.WriteByte('\n')
		path := filepath.Join("testdata", "ocsf", name+".json")
		if *update {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s differs (go test -update rewrites it):\n%s", name, got.String())
		}
	}
}

// What every class of OCSF asks for, whatever the kind.
func TestOCSFHasWhatEveryClassRequires(t *testing.T) {
	for kind := range kindNames {
		raw, err := sample(kind, Op(bpf.OpFileRead), Allow, false).OCSF(Host{})
		if err != nil {
			t.Fatal(err)
		}
		var o struct {
			Class    *int `json:"class_uid"`
			Category *int `json:"category_uid"`
			Activity *int `json:"activity_id"`
			Type     *int `json:"type_uid"`
			Severity *int `json:"severity_id"`
			Time     *int64
			Metadata struct{ Version, Product any }
		}
		if err := json.Unmarshal(raw, &o); err != nil {
			t.Fatal(err)
		}
		if o.Class == nil || o.Category == nil || o.Activity == nil || o.Type == nil || o.Severity == nil || o.Time == nil ||
			o.Metadata.Version == nil || o.Metadata.Product == nil {
			t.Errorf("%s lacks a required field: %s", kind, raw)
		} else if *o.Type != *o.Class*100+*o.Activity {
			t.Errorf("%s: type_uid %d of class %d, activity %d", kind, *o.Type, *o.Class, *o.Activity)
		}
	}
}
