// SPDX-License-Identifier: Apache-2.0

package event

import (
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
)

func TestHeldObjectsAreNamed(t *testing.T) {
	for want, r := range map[string]*Record{
		"/etc/passwd": {Head: Head{Kind: Held, View: ViewHost}, Text: []byte("/etc/passwd")},
		"pipe:[77]":   {Head: Head{Kind: Held, View: ViewNameless}, Inode: 77},
		"memfd:x":     {Head: Head{Kind: Held, View: ViewNameless}, Text: []byte("memfd:x"), Inode: 78},
		"":            {Head: Head{Kind: Access, View: ViewNameless}, Inode: 79},
	} {
		if e := Single(r); e.Object != want || e.Kind == Held && e.Inode != r.Inode {
			t.Errorf("%+v, want %q", e, want)
		}
	}
}

func TestHeldObjectsSayWhatPolicySays(t *testing.T) {
	tcp := &Socket{Family: "inet", Local: "127.0.0.1:80", Remote: "127.0.0.1:4000", State: "ESTABLISHED"}
	for want, e := range map[string]*Event{
		"holds open /k, which policy refuses to it: no":                            {Object: "/k", Reason: "no", Head: Head{Action: Deny}},
		"holds open /f, since before its session":                                  {Object: "/f", Head: Head{Action: Allow}},
		"holds open TCP 127.0.0.1:80 → 127.0.0.1:4000, since before its session":   {Object: "TCP", Socket: tcp, Head: Head{Action: Allow}},
		"holds open UNIX-STREAM /run/x.sock, since before its session":             {Object: "UNIX-STREAM", Socket: &Socket{Family: "unix", Local: "/run/x.sock"}, Head: Head{Action: Allow}},
		"holds open /home/u/token=‹redacted:password›, since before its session":   {Object: "/home/u/token=abcdefgh", Head: Head{Action: Allow}},
		"holds open UNIX /run/token=‹redacted:password›, since before its session": {Object: "UNIX", Socket: &Socket{Local: "/run/token=abcdefgh"}, Head: Head{Action: Allow}},
	} {
		e.Kind = Held
		e.Redact()
		if got := e.Message(); got != want || e.Refused() || e.Notable() == (e.Head.Action == Allow) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestEndpoints(t *testing.T) {
	for address, want := range map[string]fields{
		"10.0.0.1:443": {"ip": "10.0.0.1", "port": uint64(443)},
		"[::1]:22":     {"ip": "::1", "port": uint64(22)},
		"/run/x.sock":  {"name": "/run/x.sock"},
		"@abstract":    {"name": "@abstract"},
		"":             {},
	} {
		got := fields{}
		endpoint(got, address)
		if len(got) != len(want) || got["ip"] != want["ip"] || got["port"] != want["port"] || got["name"] != want["name"] {
			t.Errorf("%q: %v, want %v", address, got, want)
		}
	}
}

func TestSocketsAreKnownByTheirOperation(t *testing.T) {
	socket := Event{Kind: Held, Head: Head{Op: Op(bpf.OpNetFamily)}}
	file := Event{Kind: Held, Head: Head{Op: Op(bpf.OpFileRead)}}
	if !socket.IsSocket() || file.IsSocket() {
		t.Error("a socket is not told from a file")
	}
}
