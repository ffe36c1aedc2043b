// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"slices"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/session"
)

// TestWhatIsWorthALook: children of the agent's own program until one of them told the conversation, everything else now and then;
// and only what the agent's own program writes is its trail.
func TestWhatIsWorthALook(t *testing.T) {
	catalogue, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	w := NewWatch(WatchOptions{Catalogue: catalogue, Limits: session.DefaultLimits})
	gemini := catalogue.ByName("gemini-cli")
	now := time.Unix(1_800_000_000, 0)
	happens := func(kind event.Kind, op bpf.Op, flags uint16, object string, after time.Duration) bool {
		e := &event.Event{Kind: kind, Time: now.Add(after), Object: object, Head: event.Head{Session: 7, Agent: gemini.ID, Op: event.Op(op), Flags: flags}}
		w.mu.Lock()
		w.table.Apply(e)
		w.mu.Unlock()
		return w.enricher.due(e, gemini)
	}
	const own, by = uint16(bpf.EventAgent), uint16(bpf.EventByAgent)
	const chat = "/home/a/.gemini/tmp/work/chats/session-1.jsonl"
	got := []bool{
		happens(event.Exec, bpf.OpExecArgv, 0, "", 0), happens(event.Exec, bpf.OpExecArgv, 0, "", time.Second),
		happens(event.Exec, bpf.OpExecArgv, by, "", time.Second), happens(event.Access, bpf.OpFileRead, own, chat+"x.jsonl", time.Second),
		happens(event.Access, bpf.OpFileWrite, 0, "/home/a/.gemini/tmp/work/chats/session-forged.jsonl", time.Second),
		happens(event.Access, bpf.OpFileWrite, own, chat, time.Second), happens(event.Access, bpf.OpFileRead, own, "/x", 3*time.Second),
	}
	if want := []bool{true, false, true, false, false, false, true}; !slices.Equal(got, want) {
		t.Errorf("looked at %v, want %v", got, want)
	}
	if trails := w.enricher.trails[7]; !slices.Equal(trails, []string{chat}) {
		t.Errorf("trails %q, want what the agent wrote alone", trails)
	}
	w.View(func(t *session.Table) { t.Session(7).Conversation = "known" })
	if happens(event.Exec, bpf.OpExecArgv, by, "", 4*time.Second) {
		t.Error("a child is looked at though the conversation is known")
	}
}

func TestNewestTrailsAreKept(t *testing.T) {
	var names []string
	for _, name := range []string{"a", "b", "a", "c", "d", "e"} {
		names = newest(names, name)
	}
	if want := []string{"a", "c", "d", "e"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
}
