// SPDX-License-Identifier: Apache-2.0

// This file says which sessions used what, as the kernel saw them do it.

package live

import (
	"context"
	"path"
	"slices"

	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// actsMax is how many acts may wait to be looked at.
const actsMax = 1024

// Saw takes an event of a session in. It is called for every one, looks at few, and waits for nobody: it tells whether there
// was room for what it would look at.
func (k *Keeper) Saw(e *event.Event) bool {
	exec := e.Kind == event.Exec && e.Head.ByAgent()
	skill := e.Kind == event.Access && e.Op == "file.read" && path.Base(e.Object) == inventory.SkillFile
	if e.ID() == 0 || !exec && !skill && e.Kind != event.SessionStart {
		return true
	}
	select {
	case k.acts <- e:
		return true
	default:
		return false
	}
}

func (k *Keeper) learn(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-k.acts:
			k.use(e)
		}
	}
}

func (k *Keeper) use(e *event.Event) {
	var uses func(*inventory.Item) bool
	switch {
	case e.Kind == event.Exec:
		uses = func(it *inventory.Item) bool { return executed(it, e) }
	case e.Kind == event.SessionStart:
		uses = func(it *inventory.Item) bool { return it.Kind == inventory.KindAgent && it.Name == e.Agent }
	default:
		uses = func(it *inventory.Item) bool { return it.Kind == inventory.KindSkill && it.File == e.Object }
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for p, part := range k.parts {
		if p.user != e.User && p.user != "system" {
			continue
		}
		for i := range part.Items {
			if it := &part.Items[i]; uses(it) {
				k.memory.used(it.Key(), e.Session, e.Time)
			}
		}
	}
}

// shebangMax is how many arguments `#!` puts before those of a script: the interpreter, one argument, and that of env.
const shebangMax = 3

// executed reports whether what the agent's own program executed is a connector's or a hook's command line. `#!` puts an
// interpreter before it. A program goes by its own name or by that of the link by which it was executed, which is told to it:
// npx is a link to npx-cli.js.
func executed(it *inventory.Item, e *event.Event) bool {
	argv := it.Identity.Command
	if it.Kind != inventory.KindConnector && it.Kind != inventory.KindHook || len(argv) == 0 {
		return false
	}
	if it.Kind == inventory.KindHook && len(argv) == 1 { // a shell is given it
		return slices.Contains(e.Argv, argv[0])
	}
	before := len(e.Argv) - len(argv) // what `#!` put in: an interpreter, env with one
	if before < 0 || before > shebangMax {
		return false
	}
	given, _ := event.RedactArgs(e.Argv[before:])
	name := path.Base(argv[0])
	return (name == path.Base(given[0]) || before == 0 && name == e.Program) && slices.Equal(argv[1:], given[1:])
}
