// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

var update = flag.Bool("update", false, "rewrite goldens")

var began = time.Date(2026, 11, 22, 10, 21, 3, 0, time.UTC)

func ms(s float64) int64 { return began.UnixMilli() + int64(s*1000) }

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update rewrites it):\n%s", name, got)
	}
}

func init() { time.Local = time.UTC } // before any goroutine reads the clock

func shown(colour bool) (*env, *bytes.Buffer) {
	var out bytes.Buffer
	return &env{stdout: &out, stderr: &out, paint: paint{colour}, width: 110}, &out
}

func sampleSession() *pb.SessionInfo {
	return &pb.SessionInfo{
		Id: "3f2a-1", Agent: "claude-code", Title: "Claude Code", Version: "2.1.330", User: "alice", Uid: 1000, Role: "engineering",
		Conversation: "fb58cd36-1c2d", Entrypoint: "sdk-cli", Cause: "exec", BeganMs: ms(0), EndedMs: ms(42.5), Pid: 900, Cwd: "/home/alice/hello", Tty: "/pts/0",
		Program: "/home/alice/.local/share/claude/versions/2.1.330", Actions: map[string]uint64{"allow": 812, "deny": 2, "kill": 1}, Refused: 3, Forgotten: 4,
	}
}

func verdict(at float64, op, object, action string, applied bool) *pb.Event {
	return &pb.Event{TimeUs: ms(at) * 1000, Kind: "access", Session: "3f2a-1", Agent: "claude-code", Op: op, Object: object, Action: action,
		Applied: applied, Rule: "ssh-keys", Place: "preset:balanced.toml:26", Reason: "SSH keys are for people", Pid: 903, Comm: "cat"}
}

func sampleReply() *pb.SessionReply {
	process := func(pid, depth uint32, line, command string, status int32, denied uint64) *pb.Process {
		return &pb.Process{Session: "3f2a-1", Pid: pid, Started: uint64(pid), Depth: depth, Line: line, Command: command, Comm: "x",
			BeganMs: ms(1), EndedMs: ms(2), Status: status, Actions: map[string]uint64{"deny": denied}}
	}
	running := process(910, 1, "sleep 60", "", 0, 0)
	running.EndedMs = 0
	inner := process(907, 1, "claude -p inner", "", 0, 0)
	innerChild := process(908, 2, "ls", "", 0, 0)
	inner.Session, innerChild.Session = "3f2a-2", "3f2a-2"
	holds := verdict(0.1, "file.read", "/home/alice/.ssh/id_ed25519", "deny", false)
	holds.Kind = "held"
	kill := verdict(9, "exec.argv", "git push --force origin main", "kill", true)
	kill.Kind, kill.Rule, kill.Reason = "exec", "force-push", "history is shared"
	server := process(911, 1, "npx -y @x/files@1.2.3", "", 0, 0)
	server.Principal = "connector:files"
	asked := verdict(12, "connector.start", "?", "ask", true)
	asked.Path, asked.Rule, asked.Reason, asked.Place = "/usr/bin/uvx", "default", "what no rule of role engineering allows", ""
	bound := verdict(13, "file.read", "/home/alice/.netrc", "deny", true)
	bound.Principal = "connector:files"
	left := &pb.Event{TimeUs: ms(50) * 1000, Kind: "agent-derived", Session: "3f2a-1", Agent: "claude-code", Op: "exec", Object: "/home/alice/hello/hello",
		Severity: "low", Pid: 4711, Comm: "bash", Message: "bash of alice (4711) executes /home/alice/hello/hello, which session 3f2a-1 wrote"}
	observed := verdict(10, "file.write", "/home/alice/.bashrc", "deny", false)
	audit := verdict(11, "file.read", "/etc/shadow", "audit", false)
	return &pb.SessionReply{
		Session:  sampleSession(),
		Children: []*pb.SessionInfo{{Id: "3f2a-2", Title: "Claude Code"}},
		Processes: []*pb.Process{
			process(900, 0, "claude -p", "", 0, 0),
			process(901, 1, "bash -c …", "gcc -O1 -o hello hello.c && ./hello", 0, 0),
			process(902, 2, "gcc -O1 -o hello hello.c", "", 0, 0),
			process(904, 3, "cc1 hello.c", "", 0, 0),
			process(905, 2, "hello", "", 0, 0),
			process(903, 1, "bash -c …", "cat /home/alice/.ssh/id_ed25519", 256, 1),
			process(906, 1, "git push --force", "", 9, 0),
			inner, innerChild,
			server,
			running,
		},
		Held: []*pb.Held{
			{Session: "3f2a-1", Pid: 900, Comm: "claude", Processes: 1, Op: "file.read", Object: "/home/alice/.ssh/id_ed25519", View: "host",
				Action: "deny", Refused: true, Rule: "ssh-keys", Place: "preset:balanced.toml:26", Reason: "SSH keys are for people"},
			{Session: "3f2a-1", Pid: 900, Comm: "claude", Processes: 3, Op: "file.write", Object: "/home/alice/hello/log", View: "host", Action: "allow"},
			{Session: "3f2a-1", Pid: 900, Comm: "claude", Processes: 1, Op: "net.family", Object: "TCP", View: "nameless", Action: "allow",
				Family: "inet", Local: "10.0.0.5:40312", Remote: "203.0.113.7:443", State: "ESTABLISHED"},
		},
		HeldUnlisted: 2,
		Timeline: []*pb.Event{
			{TimeUs: ms(0) * 1000, Kind: "session.start", Session: "3f2a-1", Agent: "claude-code", User: "alice", Role: "engineering", Cause: "exec"},
			{TimeUs: ms(1) * 1000, Kind: "exec", Session: "3f2a-1", Action: "allow", Command: "gcc -O1 -o hello hello.c &&\n./hello", Object: "bash -c …"},
			holds,
			verdict(5, "file.read", "/home/alice/.ssh/id_ed25519", "deny", true),
			kill, observed, audit, asked, bound,
			{TimeUs: ms(42.5) * 1000, Kind: "session.end", Session: "3f2a-1", Agent: "claude-code"},
			left,
		},
	}
}

func TestSessionShow(t *testing.T) {
	e, out := shown(false)
	printSession(e, sampleReply(), began.Add(time.Minute))
	golden(t, "session.txt", out.Bytes())
	if strings.Contains(out.String(), "\x1b") {
		t.Error("colour where there is no terminal")
	}
	e, out = shown(true)
	printSession(e, sampleReply(), began.Add(time.Minute))
	if !strings.Contains(out.String(), "\x1b[31m") {
		t.Error("no colour on a terminal")
	}
}

// What went over a network: where to, by which rule, and what decided besides; everywhere that events are shown.
func TestNetworksAreShownWithNameAddressRuleAndReason(t *testing.T) {
	denied := func(op, object, where, rule, reason, why string) *pb.Event {
		ev := verdict(1, op, object, "deny", true)
		ev.Kind, ev.Rule, ev.Reason, ev.Place = "network", rule, reason, ""
		ev.Network = &pb.Network{Address: "203.0.113.7", Port: 443, Protocol: "tcp", Reason: "x", Why: why, Where: where}
		return ev
	}
	e, out := shown(false)
	allowed := denied("net.domain", "api.example:443", "at 203.0.113.7:443/tcp", "", "", "")
	allowed.Action = "allow"
	for _, ev := range []*pb.Event{
		allowed,
		denied("net.domain", "evil.example:443", "at 203.0.113.7:443/tcp", "default", "what no rule of role default allows", ""),
		denied("net.addr", "203.0.113.7:443/tcp", "", "default", "what no rule of role default allows", "no answer gave a name for the address"),
		denied("net.addr", "203.0.113.7:443/udp", "", "", "QUIC hides the name", "QUIC hides the name"),
		denied("net.domain", "evil\x1b[31m.example", "(TXT) of 127.0.0.53:53/udp", "", "records of this type can carry anything", "records of this type can carry anything"),
	} {
		printEvent(e, ev, true, "")
	}
	golden(t, "network.txt", out.Bytes())
	raw, err := json.Marshal(eventJSON(allowed))
	if err != nil || !strings.Contains(string(raw), `"network":{"address":"203.0.113.7"`) {
		t.Errorf("%s, %v", raw, err)
	}
}

func TestSessionsAndStatus(t *testing.T) {
	e, out := shown(false)
	live := sampleSession()
	live.Id, live.EndedMs, live.Processes, live.Parent = "3f2a-2", 0, 3, "3f2a-1"
	printSessions(e, []*pb.SessionInfo{live, sampleSession()}, began.Add(90*time.Second))
	printSessions(e, nil, began)
	s := &pb.StatusReply{Version: "0.1.0", Form: "lsm", Effects: []*pb.Effect{{Op: "exec", State: "held"}, {Op: "file.read", State: "held"}}, Coverage: "full", StartedMs: ms(0), Sessions: 2, Events: 99,
		Policy:    &pb.Policy{Generation: 3, Base: "balanced", Rules: 41, Roles: 1, Bytes: 837008, AppliedMs: ms(0), Fault: "a.toml:3: no"},
		Programs:  []*pb.Program{{Name: "enforce_open", Attached: true}},
		Resolvers: []*pb.Resolver{{Address: "127.0.0.53", From: "/etc/resolv.conf"}, {Address: "fd00::53", From: "configuration"}},
		Counters:  []*pb.Counter{{Name: "judged", Value: 7}, {Name: "activity_lost", Value: 0, Loss: true}}}
	printStatus(e, s, began.Add(time.Hour))
	s.Coverage, s.Counters[1].Value = "observe", 5
	printStatus(e, s, began.Add(time.Hour))
	golden(t, "lists.txt", out.Bytes())
}

func TestJSONIsOneObjectALine(t *testing.T) {
	e, out := shown(false)
	for _, v := range []any{sessionJSON(sampleSession()), showJSON(sampleReply()), statusJSON(&pb.StatusReply{}), eventJSON(sampleReply().Timeline[2])} {
		if err := writeJSON(e.stdout, v); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, l := range lines {
		var o map[string]any
		if err := json.Unmarshal([]byte(l), &o); err != nil {
			t.Errorf("%v: %s", err, l)
		}
	}
	var show struct {
		Session   struct{ ID, Ended string }
		Processes []struct {
			Depth     int
			Principal string
			Ended     *string
		}
		Timeline []struct{ Rule, Action string }
	}
	if err := json.Unmarshal([]byte(lines[1]), &show); err != nil || show.Session.ID != "3f2a-1" || len(show.Processes) != 11 || show.Processes[10].Ended != nil ||
		show.Processes[9].Principal != "connector:files" || show.Timeline[2].Rule != "ssh-keys" {
		t.Errorf("%+v, %v", show, err)
	}
}

func TestSafe(t *testing.T) {
	for text, want := range map[string]string{
		"plain ünï":         "plain ünï",
		"a\nb\tc":           "a⏎b c",
		"\x1b[31mred\x07":   `\x1b[31mred\x07`,
		"\u202egnp.exe":     `\x202egnp.exe`,
		"bad\xffbyte":       "bad�byte",
		"\u009b31m, C1 CSI": `\x9b31m, C1 CSI`,
	} {
		if got := safe(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestFlagsMayFollowArguments(t *testing.T) {
	f := flag.NewFlagSet("x", flag.ContinueOnError)
	on := f.Bool("on", false, "")
	rest, err := parse(f, []string{"a", "--on", "b", "--", "--on"})
	if err != nil || !*on || strings.Join(rest, " ") != "a b --on" {
		t.Errorf("%v, %v, %v", rest, *on, err)
	}
}

func TestSecurityModulesAreReadNotGuessed(t *testing.T) {
	root := t.TempDir() + "/"
	if f := securityModules(root); f.State != "missing" || f.Hint == "" {
		t.Errorf("%+v", f)
	}
	if err := os.MkdirAll(root+"sys/kernel/security", 0o755); err != nil {
		t.Fatal(err)
	}
	for list, want := range map[string]string{"lockdown,capability,bpf\n": "ok", "lockdown,apparmor": "note", "bpfx": "note"} {
		if err := os.WriteFile(root+"sys/kernel/security/lsm", []byte(list), 0o644); err != nil {
			t.Fatal(err)
		}
		if f := securityModules(root); f.State != want {
			t.Errorf("%q: %+v", list, f)
		}
	}
}

// What a form lacks is said, and how to get it; THREATS.md says the same.
func TestDoctorNamesWhatAFormLacks(t *testing.T) {
	raw, err := os.ReadFile("../../THREATS.md")
	if err != nil {
		t.Fatal(err)
	}
	const less = "\n## Without `bpf` in `lsm=`\n"
	for name, c := range map[string]struct {
		form                 bpf.Form
		losesTasks, preempts bool
		section              string
		want                 []string
	}{
		"lsm":                      {form: bpf.FormLSM, preempts: true},
		"lsm, before 6.2":          {bpf.FormLSM, true, false, less, []string{"line_unread"}},
		"lsm, before 6.2, preempt": {bpf.FormLSM, true, true, "\n## Kernels before 6.2\n", []string{"session", "pass", "killed"}},
		"fallback":                 {bpf.FormModify, false, false, less, []string{"line_unread"}},
		"fallback, preempt":        {bpf.FormModify, true, true, less, []string{"line_unread", "checks_skipped", "does not load"}},
		"twice": {bpf.FormTwice, false, true, less, append(seenOnce(), "line_unread", "checks_late", "received descriptors", "mounts",
			"ioctl", "script")},
		"observe": {form: bpf.FormObserve},
	} {
		_, threats, _ := strings.Cut(string(raw), c.section)
		threats, _, _ = strings.Cut(threats, "\n## ")
		var said string
		for _, f := range losses(c.form, c.losesTasks, c.preempts) {
			said += f.Detail
			if !strings.Contains(f.Hint, "lsm=") {
				t.Errorf("%s: no way out of %q", name, f.Detail)
			}
		}
		if len(c.want) == 0 && said != "" {
			t.Errorf("%s: %q, and it lacks nothing", name, said)
		}
		for _, word := range c.want {
			if !strings.Contains(said, word) || !strings.Contains(threats, word) {
				t.Errorf("%s: %q is missing in what doctor says, %q, or in THREATS.md", name, word, said)
			}
		}
	}
	for _, f := range losses(bpf.FormNetwork, false, false) {
		if !strings.Contains(f.Detail, "unix sockets") || f.Hint == "" {
			t.Errorf("of networks alone: %+v", f)
		}
	}
}

// What is looked at behind the act is not told as lost, what is not is, and no program of a control group counts as left out.
func TestSeenOnceIsWhatNothingLooksAtAgain(t *testing.T) {
	names := seenOnce()
	for name, want := range map[string]bool{
		"file.read": false, "file.write": false, "exec": false, "exec.argv": false, "exec.map": false, "net.domain": false, "net.addr": false,
		"exec.written": true, "exec.anonymous": true, "file.create": true, "file.rename": true, "file.attr": true, "proc.signal": true,
		"proc.trace": true, "unix.connect": true, "net.listen": true, "net.family": true, "priv.bpf": true, "priv.module": true,
	} {
		if slices.Contains(names, name) != want {
			t.Errorf("%s: %v", name, names)
		}
	}
}

func TestSymbolsAreLookedFor(t *testing.T) {
	root := t.TempDir() + "/"
	if f := symbols(root); f.State != "missing" {
		t.Errorf("%+v", f)
	}
	if err := os.Mkdir(root+"proc", 0o755); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"0000 T _stext\n0000 D rename_lock\n": "ok", "0000 T _stext\n0000 t xrename_lock_x\n": "missing", "": "missing",
	} {
		if err := os.WriteFile(root+"proc/kallsyms", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if f := symbols(root); f.State != want {
			t.Errorf("%q: %+v", text, f)
		}
	}
}
