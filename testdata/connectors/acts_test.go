// SPDX-License-Identifier: Apache-2.0

package connectors

// The acts: what the agent asks its connectors for, who decides in between, and what must come of it.

import (
	"slices"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/testdata/messages"
)

// attempt is a call of a tool. Where it names an operation, that is refused to the connector.
type attempt struct {
	note   string
	tool   string
	input  map[string]any
	wants  string // comes back, where nothing is refused
	op     string
	object string
}

func reads(note, path, wants string) attempt {
	return attempt{note: note, tool: "read_file", input: map[string]any{"path": path}, wants: wants}
}

func fetches(note, host string) attempt {
	return attempt{note: note, tool: "fetch", input: map[string]any{"url": "http://" + host + "/hello"}, wants: served}
}

func (a attempt) refused(op, object string) attempt {
	a.op, a.object = op, object
	return a
}

// other is the connector beside this one.
func (c connector) other() connector {
	return both[slices.IndexFunc(both, func(o connector) bool { return o.name != c.name })]
}

// attempts are what a connector is asked for: what is its own, and what its user has beside that.
func (p *play) attempts(c connector) []attempt {
	beside := c.other()
	file := func(note, name, wants string) attempt {
		return reads(note, p.below(name), wants).refused("file.read", p.below(name))
	}
	return []attempt{
		p.reads(c), fetches("its own domain", c.domain),
		file("another folder", "private/plan", secret), file("a key", ".ssh/id_ed25519", secret), file("the other connector's folder", beside.folder+"/own", own),
		fetches("another domain", "www.refused.test").refused("net.domain", "www.refused.test"),
		fetches("the other connector's domain", beside.domain).refused("net.domain", beside.domain),
		fetches("an address", bare).refused("net.addr", bare+":80/tcp"),
	}
}

// reads has a connector read what is its own.
func (p *play) reads(c connector) attempt {
	return reads("its own folder", p.below(c.folder+"/own"), own+" of "+c.name)
}

// unapproved: nobody has decided, so neither starts, and whoever asks is told why.
func (p *play) unapproved(t *testing.T) {
	d := p.dialogue(t)
	for _, c := range both {
		p.decided(t, c, "pending")
		d.absent(c, p.reads(c))
	}
	d.bash("why", "reeve why -n 9", func(said string) bool {
		return hasAll(said, "connector.start", notes.name, pages.name)
	})
	d.held(both...)
	d.run()
}

// approved: each has what is its own, and nothing else.
func (p *play) approved(t *testing.T) {
	for _, c := range both {
		p.approve(t, c)
	}
	d := p.dialogue(t)
	for _, c := range both {
		for _, a := range p.attempts(c) {
			d.calls(c, a)
		}
	}
	d.run()
	for _, c := range both {
		p.used(t, c, d.session)
	}
}

// released: the package of one has another version, by the same command; that one waits for somebody once more.
func (p *play) released(t *testing.T) {
	_, err := p.person.Output(t.Context(), "cp", "-r", "/opt/reeve-connectors/pages-1.1.0/.", p.below(pagesPackage))
	must(t, err)
	p.decided(t, pages, "changed")
	p.differs(t, pages, "1.0.0", "1.1.0")
	d := p.dialogue(t)
	d.absent(pages, p.reads(pages))
	d.calls(notes, p.reads(notes))
	d.held(pages)
	d.run()
}

// anew: what was approved anew starts again; the other one's program is another build, and is held.
func (p *play) anew(t *testing.T) {
	p.approve(t, pages)
	program := p.below(notes.program)
	_, err := p.person.Output(t.Context(), "sh", "-c", "cp /opt/reeve-connectors/notes-1.1.0 "+program+".new && mv "+program+".new "+program)
	must(t, err)
	p.decided(t, notes, "changed")
	p.differs(t, notes, "file "+program)
	d := p.dialogue(t)
	d.absent(notes, p.reads(notes))
	d.calls(pages, p.reads(pages))
	d.calls(pages, p.attempts(pages)[2])
	d.held(notes)
	d.run()
}

// approve is what an administrator does, who sees what changed.
func (p *play) approve(t *testing.T, c connector) {
	t.Helper()
	said, err := p.reeve.Output(t.Context(), "approve", "connector:"+c.name)
	must(t, err)
	t.Log(said)
	p.decided(t, c, "approved")
}

// id is how people name a connector as it is now.
func (p *play) id(t *testing.T, c connector) string {
	t.Helper()
	return "connector:" + c.name + "@" + p.connector(t, c).Digest
}

// differs wants the difference from what was approved to be told.
func (p *play) differs(t *testing.T, c connector, words ...string) {
	t.Helper()
	said, err := p.reeve.Output(t.Context(), "inventory", "show", p.id(t, c))
	must(t, err)
	t.Log(said)
	_, said, _ = strings.Cut(said, "approval")
	if !hasAll(said, append(words, "changed")...) {
		t.Errorf("the difference lacks one of %q", words)
	}
}

// outside is the control: alice herself has the same programs do all of it.
func (p *play) outside(t *testing.T) {
	for _, c := range both {
		attempts := p.attempts(c)
		answers := p.speak(t, c, attempts)
		for i, a := range attempts {
			if !strings.Contains(answers[i], a.wants) {
				t.Errorf("%s: %s: %q, want %s in it", c.name, a.note, answers[i], a.wants)
			}
		}
	}
}

// tools is how Claude Code names a connector's tool.
func (c connector) tools(tool string) string { return "mcp__" + c.name + "__" + tool }

// turn is one of the model's, with one tool.
func turn(note, tool string, input map[string]any) messages.Turn {
	return messages.Turn{Note: note, Text: "Next: " + note + ".", Tools: []messages.Tool{{Name: tool, Input: input}}}
}
