// SPDX-License-Identifier: Apache-2.0

// Looking up what records do not say, beside the table's owner and never in its way: a slow /proc or user database costs
// the look-up, which is counted.

package sensor

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/procfs"
	"github.com/reeve-sensor/reeve/sensor/session"
)

const (
	lookupsMax   = 256                   // that may wait
	userWait     = 50 * time.Millisecond // for a name that was never asked for
	conversation = 2 * time.Second       // between looks at a session's conversation: it changes at /clear
	usersMax     = 4096                  // names that are remembered
)

type lookup struct {
	session uint64
	process session.Key
	began   time.Time
	agent   *inventory.Agent
	root    bool // the session begins
	built   bool // by a build
	child   bool // the process executed something within it
	trails  []string
}

type enricher struct {
	watch   *Watch
	queue   chan lookup
	skipped atomic.Uint64
	next    map[uint64]time.Time // of the owner: when a session's conversation is looked at again
	trails  map[uint64][]string  // of the owner: files in which a session's agent says which that is, the newest last

	lent    chan *event.Event // sockets without their addresses
	out     atomic.Int64      // of them, until the sink has them
	sockets sockets           // of the process that was looked at last

	mu    sync.Mutex
	users map[uint32]string
}

func newEnricher(w *Watch) *enricher {
	return &enricher{
		watch: w, queue: make(chan lookup, lookupsMax), next: map[uint64]time.Time{}, trails: map[uint64][]string{}, users: map[uint32]string{},
		lent: make(chan *event.Event, socketsWaiting),
	}
}

// see decides whether an event is worth a look. It is called by the table's owner.
func (n *enricher) see(e *event.Event) {
	a := n.watch.o.Catalogue.ByID(e.Head.Agent)
	l := lookup{session: e.ID(), process: session.Key{PID: e.Head.PID, Started: e.Head.Started}, began: n.watch.o.Wall(e.Head.Started), agent: a}
	switch e.Kind {
	case event.SessionStart, event.SessionClaim:
		l.root, l.built = true, e.Cause == event.CauseBuild
	case event.SessionEnd:
		l.trails = n.trails[e.ID()]
		delete(n.next, e.ID())
		delete(n.trails, e.ID())
		if len(l.trails) == 0 {
			return
		}
	case event.Exec, event.Access, event.Network:
		if a == nil || !n.due(e, a) {
			return
		}
		l.child, l.trails = e.Kind == event.Exec, n.trails[e.ID()]
	default:
		return
	}
	select {
	case n.queue <- l:
	default:
		n.skipped.Add(1)
	}
}

// due says whether what is known of an event's session is to be looked at again, and keeps what the event itself says. Until a
// conversation is known, every child of the agent's own program is looked at: only some are told it, and they may be gone soon.
func (n *enricher) due(e *event.Event, a *inventory.Agent) bool {
	writes := e.Head.Op == event.Op(bpf.OpFileWrite) || e.Head.Op == event.Op(bpf.OpFileCreate) // it may read those of other times
	if e.Kind == event.Access && writes && e.Head.Own() && a.Trail.Meant(e.Object) {
		n.trails[e.ID()] = newest(n.trails[e.ID()], e.Object)
	}
	if e.Kind == event.Exec && e.Head.ByAgent() && !n.told(e.ID()) {
		return true
	}
	if e.Time.Before(n.next[e.ID()]) {
		return false
	}
	n.next[e.ID()] = e.Time.Add(conversation)
	return true
}

// trailsMax is how many files of one agent are looked into: an overlay shows each under the name of its layer too, where nobody
// may be able to read it.
const trailsMax = 4

// newest is the list with a name at its end, in a copy: the one before may be read meanwhile.
func newest(names []string, name string) []string {
	names = append(slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name }), name)
	return names[max(0, len(names)-trailsMax):]
}

func (n *enricher) told(id uint64) (told bool) {
	n.watch.View(func(t *session.Table) {
		s := t.Session(id)
		told = s == nil || s.Conversation != ""
	})
	return told
}

func (n *enricher) run(ctx context.Context) {
	for {
		select {
		case l := <-n.queue:
			n.look(ctx, l)
		case e := <-n.lent:
			n.address(ctx, e)
		case <-ctx.Done():
			return
		}
	}
}

func (n *enricher) look(ctx context.Context, l lookup) {
	var names []string
	if l.agent != nil && l.child {
		names = l.agent.Environment() // of children only: the agent's own environment is what its user gave it
	}
	p, err := procfs.Look(ctx, l.process.PID, l.began, names)
	if err != nil {
		p = &procfs.Process{}
	}
	registered := n.registered(ctx, l)
	own := n.files(ctx, l)
	n.watch.View(func(t *session.Table) {
		s := t.Session(l.session)
		if s == nil {
			return
		}
		if l.root {
			s.Program, s.Cwd, s.TTY = first(p.Program, s.Program), first(p.Cwd, s.Cwd), first(p.TTY, s.TTY)
			if root := s.Process(s.Root); root != nil {
				root.Path = first(root.Path, s.Program)
			}
			if root := s.Process(l.process); root != nil && root.Execs == 0 && root.Line == "" {
				root.Line = event.Redact(strings.Join(p.Args, " ")) // it ran before the sensor
			}
		}
		if l.agent == nil {
			return
		}
		s.Program = first(own.script, s.Program)
		s.Version = first(s.Version, l.agent.VersionOf(s.Program), registered.Version, own.version)
		s.Conversation = first(registered.Conversation, own.conversation, value(p.Env, l.agent.Conversation), s.Conversation)
		s.Entrypoint = first(value(p.Env, l.agent.Entrypoint), s.Entrypoint)
	})
}

// registered is what the agent's own registry says of the session's root.
func (n *enricher) registered(ctx context.Context, l lookup) procfs.Registered {
	var root session.Key
	var uid uint32
	n.watch.View(func(t *session.Table) {
		if s := t.Session(l.session); s != nil {
			root, uid = s.Root, s.UID
		}
	})
	if l.agent == nil || l.agent.Registry != "claude" || root.PID == 0 {
		return procfs.Registered{}
	}
	dir := n.configuration(ctx, l.agent, root, uid)
	r, err := procfs.ClaudeRegistry(dir, root.PID)
	if dir == "" || err != nil || r.Start != procfs.Ticks(root.Started) {
		return procfs.Registered{}
	}
	return *r
}

// files is what the agent's own files say of a session.
type files struct {
	script       string // that its root's interpreter runs
	version      string // in npm's manifest
	conversation string // in what the agent writes as it goes
}

func (n *enricher) files(ctx context.Context, l lookup) (own files) {
	if l.agent == nil {
		return own
	}
	var root session.Key
	var began time.Time
	var folder, version string
	n.watch.View(func(t *session.Table) {
		if s := t.Session(l.session); s != nil {
			root, began, folder, version = s.Root, s.Began, s.Cwd, s.Version
		}
	})
	if version == "" && (l.agent.Manifest || len(l.agent.Interpreters) > 0) {
		own.script, own.version = n.program(ctx, l.agent, root)
	}
	if version == "" && l.built {
		own.version = first(own.version, n.watch.o.Version(root.PID))
	}
	for _, trail := range slices.Backward(l.trails) {
		own.conversation = first(own.conversation, procfs.Conversation(l.agent.Trail.Conversation(procfs.Lines(trail), began, folder)))
	}
	return own
}

// program is the script that the session's root runs, if it is one, and the version that it was packaged with.
func (n *enricher) program(ctx context.Context, a *inventory.Agent, root session.Key) (script, version string) {
	p, err := procfs.Look(ctx, root.PID, n.watch.o.Wall(root.Started), nil)
	if err != nil {
		return "", ""
	}
	if len(a.Interpreters) > 0 {
		script = procfs.Script(p.Cwd, p.Args, a.Runs)
	}
	if a.Manifest {
		version = procfs.Packaged(first(script, p.Program))
	}
	return script, version
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func value(env map[string]string, names []string) string {
	for _, n := range names {
		if v := procfs.Conversation(env[n]); v != "" {
			return v
		}
	}
	return ""
}

// user is a user's name. One that was never asked for is waited for a moment, then the number stands in.
func (n *enricher) user(uid uint32) string {
	n.mu.Lock()
	name, ok := n.users[uid]
	n.mu.Unlock()
	if ok {
		return name
	}
	found := make(chan string, 1)
	go func() {
		name, _ := procfs.User(uid)
		n.mu.Lock()
		if len(n.users) >= usersMax {
			clear(n.users)
		}
		n.users[uid] = name
		n.mu.Unlock()
		found <- name
	}()
	select {
	case name = <-found:
		return name
	case <-time.After(userWait):
		n.skipped.Add(1)
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.users[uid] == "" { // race: the answer may have come since
			n.users[uid] = procfs.Number(uid) // until it does
		}
		return n.users[uid]
	}
}

// User is a user's name as the watch knows it.
func (w *Watch) User(uid uint32) string { return w.enricher.user(uid) }

// configuration is the folder of an agent's own files: what its environment says under one name, else below its user's
// home. No other value of that environment is kept.
func (n *enricher) configuration(ctx context.Context, a *inventory.Agent, root session.Key, uid uint32) string {
	if a.RegistryDir != "" {
		p, err := procfs.Look(ctx, root.PID, n.watch.o.Wall(root.Started), []string{a.RegistryDir})
		if err == nil && filepath.IsAbs(p.Env[a.RegistryDir]) {
			return p.Env[a.RegistryDir]
		}
	}
	_, home := procfs.User(uid)
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".claude")
}
