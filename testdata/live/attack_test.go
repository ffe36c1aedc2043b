// SPDX-License-Identifier: Apache-2.0

package live

// Ways around the policy (testdata/attacks), each done in a session and beside it.

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/copies"
	"github.com/reeve-sensor/reeve/testdata/attacks"
	"github.com/reeve-sensor/reeve/testdata/live/actor"
)

func TestAttacks(t *testing.T) {
	all, err := attacks.All()
	must(t, err)
	for word := range attacks.Acts() {
		if !actor.Knows(word) {
			t.Errorf("no actor knows %q", word)
		}
	}
	release := kernelRelease(t)
	t.Cleanup(func() { level(t) })
	actors := spares{t: t}
	actors.add()
	actors.add()
	for _, a := range all {
		t.Run(a.Name, func(t *testing.T) {
			if len(a.Only.On) > 0 && !a.Only.Holds(release, kernel.Form.String()) {
				t.Skip(a.Only.Why)
			}
			image := policy(t, a.Policy, agentsOf(a)...)
			open := a.Open.Holds(release, kernel.Form.String())
			var in pass
			unlessLeftOut(t, func() bool {
				in = pass{t: t, attack: a, image: image, actors: &actors, session: true}
				in.run()
				return open || len(in.passed)+len(in.unseen) == 0
			})
			out := pass{t: t, attack: a, actors: &actors}
			out.run()
			judge(t, open, in, out)
		})
	}
}

// unlessLeftOut does something again where it failed and the kernel left a check out meanwhile: to fmod_ret programs that happens
// on a kernel that preempts itself, and the second look has nothing to say of names and attributes (THREATS.md). What fails each
// time is no accident.
func unlessLeftOut(t *testing.T, succeeds func() bool) {
	t.Helper()
	for range 4 {
		before := leftOut(t)
		if succeeds() {
			return
		}
		after := leftOut(t)
		if after == before {
			return
		}
		t.Logf("%d checks were left out: once more", after-before)
	}
}

// leftOut counts the checks that the kernel left out, in the one form in which that excuses anything.
func leftOut(t *testing.T) uint64 {
	t.Helper()
	if kernel.Form != bpf.FormTwice {
		return 0
	}
	n, err := kernel.Skipped()
	must(t, err)
	return n
}

func kernelRelease(t *testing.T) string {
	var name unix.Utsname
	must(t, unix.Uname(&name))
	return unix.ByteSliceToString(name.Release[:])
}

// judge compares what came of an attack with what its file says.
func judge(t *testing.T, open bool, in, out pass) {
	t.Helper()
	for _, s := range slices.Concat(in.wrong, out.wrong) {
		t.Error(s)
	}
	switch {
	case open && len(in.passed) == 0:
		t.Error("it is stopped: take `open` out of its file, and put THREATS.md right")
	case open:
		t.Logf("open: %s\n%s", in.attack.Open.Why, strings.Join(in.passed, "\n"))
	default:
		for _, s := range slices.Concat(in.passed, in.unseen) {
			t.Error(s)
		}
	}
}

// pass is the steps done once: by a session, or by the control.
type pass struct {
	t       *testing.T
	attack  attacks.Attack
	image   *enforce.Image
	actors  *spares
	session bool

	actor, host *process
	outside     *others // where the attack is on networks
	values      map[string]string

	passed []string // steps that were to be refused and were not
	unseen []string // records and counts that are missing
	wrong  []string // what must not happen in any case
}

func (p *pass) run() {
	t := p.t
	level(t)
	raise(t, p.attack.Tree)
	p.actor = p.actors.take(t)
	p.begin()
	before, err := kernel.Counters()
	must(t, err)
	i := slices.IndexFunc(p.attack.Steps, func(s attacks.Step) bool { return !prepares(s) })
	p.steps(p.attack.Steps[:i])
	_, err = kernel.SyncMounts()
	must(t, err)
	learned(t, p.attack.Agent)
	if p.session {
		p.attacked(p.attack.Steps[i:], before)
	} else {
		p.steps(p.attack.Steps[i:])
		p.untouched(before)
	}
	p.actor.end()
	if p.host != nil {
		p.host.end()
	}
}

// attackers is the number of an attack's own agent.
const attackers = 70

// agentsOf are the catalogue of an attack.
func agentsOf(a attacks.Attack) []enforce.Agent {
	if a.Agent == "" {
		return nil
	}
	return []enforce.Agent{{ID: attackers, Exec: []string{a.Agent}}}
}

// learned makes the build of an attack's agent known, as the daemon does.
func learned(t *testing.T, agent string) {
	t.Helper()
	if agent == "" {
		return
	}
	text, err := os.ReadFile(agent)
	must(t, err)
	var st unix.Stat_t
	must(t, unix.Stat(agent, &st))
	learn(t, sensor.Build{Build: buildOf(t, text), Agent: attackers, Owner: st.Uid})
}

// begin finds the values that every attack may use, and starts the helper for those that do.
func (p *pass) begin() {
	p.values = map[string]string{"self": actorAt, "who": map[bool]string{true: "ins", false: "out"}[p.session]}
	p.values["actor"] = itoa(int(p.actor.pid()))
	device(p.t, p.values)
	if slices.ContainsFunc(p.attack.Steps, onNetworks) {
		p.outside = network(p.t)
		p.outside.forget()
	}
	if slices.ContainsFunc(p.attack.Steps, func(s attacks.Step) bool { return s.Who == attacks.Host || strings.Contains(s.Text, "{host") }) {
		p.host = p.actors.take(p.t)
		p.values["host"] = itoa(int(p.host.pid()))
	}
}

func prepares(s attacks.Step) bool { return s.Who == attacks.Host || s.Who == attacks.Before }

// attacked does the steps in a session and looks for the records of it.
func (p *pass) attacked(steps []attacks.Step, before map[bpf.Counter]uint64) {
	t := p.t
	p.actor.do(act{Do: "noop"})
	adoption := sensor.Adoption{PID: p.actor.pid()}
	if len(p.attack.Known) > 0 {
		adoption.Agent = agentOfAttacks
		must(t, kernel.SetCommands(sensor.Commands(p.commands()), true))
		defer func() { must(t, kernel.SetCommands(nil, true)) }()
	}
	if len(p.attack.Skills) > 0 {
		adoption.Agent = agentOfAttacks
		must(t, kernel.SetSkills(p.skills(), true))
		defer func() { must(t, kernel.SetSkills(nil, true)) }()
	}
	slot, err := kernel.Adopt(context.Background(), adoption)
	must(t, err)
	session := slotOf(t, slot).Id
	stop := watchFor(t, 2*time.Millisecond) // an act's records are there before its answer
	p.steps(steps)
	p.arrived()
	records := slices.DeleteFunc(stop(), func(r record) bool { return r.Session != session })
	for _, e := range p.attack.Events {
		e.Object = p.filled(e.Object)
		if !slices.ContainsFunc(records, func(r record) bool { return tells(r, e) }) {
			p.unseen = append(p.unseen, fmt.Sprintf("no record of %s %s %q among %s", e.Op, e.Action, e.Object, told(records)))
		}
	}
	after, err := kernel.Counters()
	must(t, err)
	for _, c := range p.attack.Counts {
		if after[c] == before[c] {
			p.unseen = append(p.unseen, fmt.Sprintf("the counter %d did not rise", c))
		}
	}
}

// agentOfAttacks is no agent of the catalogue's: the actor is one because it is said to be.
const agentOfAttacks = 77

// commands are the connectors that an attack has the kernel know.
func (p *pass) commands() []sensor.Known {
	var all []sensor.Known
	for _, k := range p.attack.Known {
		flags := map[string]bpf.StartFlag{"approved": bpf.StartApproved, "pinned": bpf.StartApproved | bpf.StartPinned, "revoked": bpf.StartRevoked}
		all = append(all, knownCommand(p.t, p.image, command{strings.TrimPrefix(k.Name, "?"), k.Program, k.Args, flags[k.State]}))
	}
	return all
}

// skills are those that an attack has the kernel know.
func (p *pass) skills() []sensor.Skill {
	var all []sensor.Skill
	for _, k := range p.attack.Skills {
		flags := map[string]bpf.StartFlag{"approved": bpf.StartApproved, "revoked": bpf.StartRevoked}
		all = append(all, found(p.t, p.image, k.Folder, strings.TrimPrefix(k.Name, "?"), flags[k.State]))
	}
	return all
}

// tells reports whether a record is the one of a refusal that was carried out.
func tells(r record, e attacks.Event) bool {
	return bpf.Op(r.Op) == bpf.Op(e.Op) && r.Action == uint8(e.Action) && r.Flags&uint16(bpf.EventApplied) != 0 &&
		(e.Object == "?" || r.about(e.Object))
}

// about reports whether a record is one of this object; of networks, of its name or of its address.
func (r record) about(object string) bool {
	switch bpf.EventKind(r.Kind) {
	case bpf.KindAccess:
		return r.object() == object
	case bpf.KindNet:
		_, name, at := r.route()
		return name == object || at.String() == object
	}
	return false
}

func told(records []record) string {
	var b strings.Builder
	for _, r := range records {
		switch {
		case r.Error == 0:
		case bpf.EventKind(r.Kind) == bpf.KindAccess:
			fmt.Fprintf(&b, "\n\top %d action %d errno %d %q", r.Op, r.Action, -r.Error, r.object())
		case bpf.EventKind(r.Kind) == bpf.KindNet:
			e, name, at := r.route()
			fmt.Fprintf(&b, "\n\top %d action %d errno %d %s %q, reason %d", r.Op, r.Action, -r.Error, at, name, e.Reason)
		}
	}
	return b.String()
}

// untouched: nothing was refused while only the control acted.
func (p *pass) untouched(before map[bpf.Counter]uint64) {
	after, err := kernel.Counters()
	must(p.t, err)
	if n := after[bpf.CountRefused] - before[bpf.CountRefused]; n != 0 {
		p.wrong = append(p.wrong, fmt.Sprintf("%d refusals while only the control acted", n))
	}
}

func (p *pass) steps(steps []attacks.Step) {
	for _, s := range steps {
		switch {
		case s.Who == attacks.Agent && !p.session || s.Who == attacks.Control && p.session:
		case s.Who == attacks.Server:
			p.reaches(s)
		default:
			p.step(s)
		}
	}
}

func (p *pass) step(s attacks.Step) {
	who, prefix := p.actor, ""
	if s.Who == attacks.Host {
		who, prefix = p.host, "host."
	}
	r := who.do(act{Do: s.Do, Path: p.filled(s.Path), To: p.filled(s.To), Argv: p.words(s.Words), Flags: s.Flags, At: p.number(s.At), Patient: s.Errno == 0})
	if s.Name != "" {
		p.values[prefix+s.Name] = itoa(max(r.Status, r.PID))
	}
	if asExpected(s, r) {
		p.mounted(s)
		p.compared(s)
		return
	}
	what := fmt.Sprintf("%s.txtar:%d: %s %.150q: %s, want %s", p.attack.Name, s.Line, s.Who, s.Text, said(r.Errno), said(s.Errno))
	if r.Errno != 0 && onNetworks(s) {
		what += fmt.Sprintf(", at %.100q", s.Words[r.Status])
	}
	if r.Errno == 0 {
		p.passed = append(p.passed, what)
	} else {
		p.wrong = append(p.wrong, what)
	}
}

// asExpected: of several orders it is the last that is refused, else it is for another reason than is thought.
func asExpected(s attacks.Step, r result) bool {
	if r.Errno != 0 && onNetworks(s) && r.Status != len(s.Words)-1 {
		return false
	}
	return r.Errno == s.Errno || r.Errno != 0 && s.Errno == attacks.Cut
}

func onNetworks(s attacks.Step) bool { return s.Do == "net" || s.Do == "netfd" }

func said(e syscall.Errno) string {
	switch e {
	case 0:
		return "success"
	case attacks.Cut:
		return "that it is cut"
	}
	return unix.ErrnoName(e)
}

// reaches looks what a server was sent.
func (p *pass) reaches(s attacks.Step) {
	text := p.filled(s.Path)
	lost := s.Do == attacks.Lost && p.session
	limit := 10 * time.Second
	if lost {
		limit = grace
	}
	came := p.outside.comes(text, limit)
	what := fmt.Sprintf("%s.txtar:%d: %q came to a server: %t", p.attack.Name, s.Line, text, came)
	switch {
	case came == !lost:
	case lost:
		p.passed = append(p.passed, what)
	default:
		p.wrong = append(p.wrong, what)
	}
}

// arrived looks once more for what was to be lost: the kernel tries again.
func (p *pass) arrived() {
	for _, s := range p.attack.Steps {
		if text := p.filled(s.Path); s.Do == attacks.Lost && p.outside.came(text) {
			p.passed = append(p.passed, fmt.Sprintf("%s.txtar:%d: %q came in the end", p.attack.Name, s.Line, text))
		}
	}
}

// mounted tells the kernel side of mounts that may be the host's, as the daemon does when they change.
func (p *pass) mounted(s attacks.Step) {
	if slices.Contains([]string{"mount", "umount", "bind", "move", "movetree", "movemount"}, s.Do) {
		_, err := kernel.SyncMounts()
		must(p.t, err)
	}
}

// compared tells the kernel side which files that a session's step names are copies of the attack's original.
func (p *pass) compared(s attacks.Step) {
	if p.attack.Original == "" || !p.session || s.Who == attacks.Host {
		return
	}
	info, err := os.Stat(p.attack.Original)
	must(p.t, err)
	originals := copies.Originals{info.Size(): {p.attack.Original}}
	for _, name := range append(p.words(s.Words), p.filled(s.Path), p.filled(s.To)) {
		if !strings.HasPrefix(name, tree+"/") {
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			continue // moved away by this step
		}
		program, err := originals.Of(f)
		must(p.t, err)
		if program != "" {
			must(p.t, kernel.SetCopy(f, program))
		}
		f.Close()
	}
}

var valuePattern = regexp.MustCompile(`\{[a-z0-9.]+\}`)

// filled puts values into an argument.
func (p *pass) filled(text string) string {
	return valuePattern.ReplaceAllStringFunc(text, func(name string) string {
		value, ok := p.values[name[1:len(name)-1]]
		if !ok {
			p.t.Fatalf("%s.txtar: nothing is called %s", p.attack.Name, name)
		}
		return value
	})
}

func (p *pass) words(words []string) []string {
	var all []string
	for _, w := range words {
		all = append(all, p.filled(w))
	}
	return all
}

func (p *pass) number(text string) int {
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(p.filled(text))
	must(p.t, err)
	return n
}

// spares are actors that start while others act: an emulated machine takes most of its time for that.
type spares struct {
	t     *testing.T
	ready []*process
}

func (s *spares) add() { s.ready = append(s.ready, start(s.t)) }

func (s *spares) take(t *testing.T) *process {
	s.add()
	p := s.ready[0]
	p.t, s.ready = t, s.ready[1:]
	return p
}

// end ends an actor, with the deputies that act for it.
func (p *process) end() {
	p.stdin.Close()
	p.cmd.Wait()
}

const tree = "/data"

// level takes away what is mounted below the tree, what is behind a loop device, and the tree.
func level(t *testing.T) {
	t.Helper()
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(tree))
	must(t, err)
	for _, m := range slices.Backward(mounts) {
		if m.Mountpoint != tree {
			must(t, unix.Unmount(m.Mountpoint, unix.MNT_DETACH))
		}
	}
	release(t)
	entries, err := os.ReadDir(tree)
	must(t, err)
	for _, e := range entries {
		if e.Name() != "lost+found" {
			must(t, os.RemoveAll(filepath.Join(tree, e.Name())))
		}
	}
	_, err = kernel.SyncMounts()
	must(t, err)
}

// release empties the loop devices.
func release(t *testing.T) {
	backing, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	must(t, err)
	for _, b := range backing {
		fd, err := unix.Open("/dev/"+strings.Split(b, "/")[3], unix.O_RDONLY|unix.O_CLOEXEC, 0)
		must(t, err)
		_ = unix.IoctlSetInt(fd, unix.LOOP_CLR_FD, 0) // it may be on its way
		unix.Close(fd)
	}
}

// raise makes the tree.
func raise(t *testing.T, entries []attacks.Entry) {
	t.Helper()
	for _, e := range entries {
		path := filepath.Join(tree, e.Path)
		if e.Folder {
			must(t, os.MkdirAll(path, 0o755))
		} else {
			must(t, os.MkdirAll(filepath.Dir(path), 0o755))
			must(t, os.WriteFile(path, []byte("x"), 0o644))
		}
		must(t, os.Chown(path, e.Owner, e.Owner))
	}
}

// device finds out which block device the tree is on.
func device(t *testing.T, values map[string]string) {
	t.Helper()
	mounts, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(tree))
	must(t, err)
	if len(mounts) == 0 {
		t.Fatal("the tree has no device of its own: boot with -ext4 " + tree)
	}
	m := mounts[0]
	values["disk"], values["major"], values["minor"] = m.Source, itoa(m.Major), itoa(m.Minor)
}
