// SPDX-License-Identifier: Apache-2.0

// Moves by what they promise: where one is not refused, nothing that is refused at the old place is let through at the new
// one, below it neither, and no mark is lost. Beside it what must be let through and what must not, move by move.

package enforce_test

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/enforce/policytest"
)

// trial is a policy, who moves, and the paths to move.
type trial struct {
	r     *rand.Rand
	image *enforce.Image
	rules string
	who   []enforce.Subject
	paths func() string
	rests []string // what may lie below
}

// score counts the moves of a trial by how they were answered.
type score struct{ files, folders, refused, gained, marked, brought int }

var (
	moveGlobs = []string{
		"**", "/a/**", "/a/*/b/**", "/a/*/.c/*", "/a/b", "/b/*", "~/a/**", "~/.c/*", "~/.c", "/home/*/.x/y/**", "**/b/**", "**/a/b/*", "**/.git/hooks/*",
		"**/.c", "**/.c/a/*b", "**/*.c", "**/a/**/b", "/a/**/b/c", "/a/**/b/**", "**/b/*/c", "/{a,b}/{c,x}/**", "/**/x/[ab]", "/home/**",
	}
	moveNames   = []string{"a", "b", "c", ".c", "x", "y", ".x", "b.c", "ab", ".git", "hooks"}
	moveOps     = []string{"exec", "file.read", "file.write", "file.delete", "file.rename"}
	moveActions = []string{"kill", "deny", "ask", "audit", "allow", "allow"}
)

func one(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

// list writes one to n of some strings as TOML.
func list(r *rand.Rand, n int, from []string) string {
	var quoted []string
	for range 1 + r.IntN(n) {
		quoted = append(quoted, fmt.Sprintf("%q", one(r, from...)))
	}
	slices.Sort(quoted)
	return "[" + strings.Join(slices.Compact(quoted), ", ") + "]"
}

// movePolicy writes a policy over few names, so that patterns meet often.
func movePolicy(r *rand.Rand) string {
	var b strings.Builder
	b.WriteString("version = 1\nbase = \"none\"\n[[connector]]\nname = \"one\"\ncommand = [\"one\"]\n")
	for _, role := range []string{"default", "red"} {
		fmt.Fprintf(&b, "[[role]]\nname = %q\ndefaults = { exec = %q, file = %q }\n", role, one(r, "allow", "audit", "deny"), one(r, "allow", "allow", "deny", "ask"))
	}
	b.WriteString("[[rule]]\nid = \"mark\"\non = [\"file.read\"]\nmatch = [\"**/.c\"]\naction = \"audit\"\ntaint = \"secret\"\n")
	for i := range 2 + r.IntN(6) {
		fmt.Fprintf(&b, "[[rule]]\nid = \"r%d\"\non = %s\nmatch = %s\naction = %q\n", i, list(r, 4, moveOps), list(r, 2, moveGlobs), one(r, moveActions...))
		for _, line := range []string{
			"principal = " + one(r, `"agent"`, `"connector:one"`), `roles = ["red"]`, `when = { taint = ["secret"] }`,
		} {
			if r.IntN(5) == 0 {
				b.WriteString(line + "\n")
			}
		}
		if r.IntN(2) == 0 {
			fmt.Fprintf(&b, "except = %s\n", list(r, 2, moveGlobs[1:]))
		}
	}
	for i, taint := range []string{"secret", "other"} {
		fmt.Fprintf(&b, "[[rule]]\nid = \"t%d\"\non = [\"file.read\"]\nmatch = %s\nexcept = [\"**/x\"]\naction = \"audit\"\ntaint = %q\n", i, list(r, 2, moveGlobs), taint)
	}
	return b.String()
}

// newTrial compiles a policy for moves; ok is false where the draw makes none (an except may take back its whole rule).
func newTrial(r *rand.Rand) (c *trial, ok bool) {
	text := movePolicy(r)
	p, err := enforce.Parse(map[string]string{"a.toml": text}, enforce.Options{})
	if err != nil {
		return nil, false
	}
	im, err := enforce.Compile(p, nil, 1, enforce.Options{})
	if err != nil {
		return nil, false
	}
	c = &trial{r: r, image: im, rules: text}
	for range 4 {
		c.who = append(c.who, enforce.Subject{Role: uint32(r.IntN(2)), Principal: uint32(1 + r.IntN(len(im.Principals)-1)), Taints: uint16(r.IntN(4))})
	}
	c.paths = func() string {
		var b strings.Builder
		b.WriteString(one(r, "", "", "/home/u", "/root"))
		for range 1 + r.IntN(4) {
			b.WriteString("/" + one(r, moveNames...))
		}
		return b.String()
	}
	return c, true
}

// randomTrial takes policy and paths from the generator of the other differential tests.
func randomTrial(t *testing.T, seed uint64) *trial {
	r := rand.New(rand.NewPCG(seed, 5))
	made := policytest.Random(r)
	p, im := compile(t, made)
	c := &trial{r: r, image: im, rules: made.Files["20.toml"]}
	for _, s := range made.Subjects[:min(4, len(made.Subjects))] {
		c.who = append(c.who, subjectOf(p, im, s))
	}
	var paths []string
	for _, o := range made.Objects {
		if o.View == "host" && strings.HasPrefix(o.Text, "/") {
			paths = append(paths, o.Text)
		}
	}
	c.paths = func() string { return one(r, paths...) }
	return c
}

// folder is the beginning of a path.
func (c *trial) folder() string {
	path := c.paths()
	for c.r.IntN(2) == 0 && strings.LastIndexByte(path, '/') > 0 {
		path = path[:strings.LastIndexByte(path, '/')]
	}
	return path
}

// gather collects what may lie below folders: the ends of paths.
func (c *trial) gather() {
	for range 60 {
		for rest := c.paths(); rest != ""; {
			rest = rest[1:]
			c.rests = append(c.rests, "/"+rest)
			i := strings.IndexByte(rest, '/')
			if i < 0 {
				break
			}
			rest = rest[i:]
		}
	}
}

// looser tells what the new name lets through that the old one does not, or which mark it loses.
func looser(t enforce.Table, s enforce.Subject, from, to string, carried uint16) string {
	for _, op := range enforce.Ops() {
		if !op.Compiled() || op == enforce.OpExecArgv {
			continue
		}
		was, is := t.Decide(s, op, enforce.ViewHost, []byte(from)), t.Decide(s, op, enforce.ViewHost, []byte(to))
		switch {
		case was.Action.Refuses() && !is.Action.Refuses():
			return fmt.Sprintf("%s of %s is %s, of %s %s", op, from, was.Action, to, is.Action)
		case was.Taints&^is.Taints&^carried != 0:
			return fmt.Sprintf("%s of %s marks %b, of %s %b, carried %b", op, from, was.Taints, to, is.Taints, carried)
		}
	}
	return ""
}

// bolder tells what may not be made or written at the new name, and may at the old one.
func bolder(t enforce.Table, s enforce.Subject, from, to string) string {
	refuses := func(name string) bool {
		return slices.ContainsFunc([]enforce.Op{enforce.OpFileWrite, enforce.OpFileCreate}, func(op enforce.Op) bool {
			return t.Decide(s, op, enforce.ViewHost, []byte(name)).Action.Refuses()
		})
	}
	if refuses(to) && !refuses(from) {
		return fmt.Sprintf("%s may be written, %s not", from, to)
	}
	return ""
}

// try moves files and folders. What was moved is judged by the true table, whether it may be by the one that is asked.
func (c *trial) try(asked enforce.Table, pairs int, k *score) (wrong string) {
	truth := c.image.Oracle()
	for range pairs {
		s, from, to := c.who[c.r.IntN(len(c.who))], c.folder(), c.folder()
		k.files++
		if m := asked.Move(s, []byte(from), []byte(to), false); !m.Refused {
			if wrong = looser(truth, s, from, to, m.Taints); wrong != "" {
				return "file: " + wrong
			}
		}
		k.folders++
		m := asked.Move(s, []byte(from), []byte(to), true)
		if m.Taints != 0 {
			k.marked++
		}
		if m.Brought != 0 && m.Lost == 0 {
			k.brought++
			continue
		}
		if m.Refused {
			k.refused++
			if rule, _ := c.image.AttributeMove(s, m.Lost, []byte(from), []byte(to), true); rule == nil {
				k.gained++
			} else if !rule.Action.Refuses() {
				return "refused by " + rule.ID
			}
			continue
		}
		for range 8 {
			rest := c.rests[c.r.IntN(len(c.rests))]
			if wrong = cmp.Or(looser(truth, s, from+rest, to+rest, m.Taints), bolder(truth, s, from+rest, to+rest)); wrong != "" {
				return "folder: " + wrong
			}
		}
	}
	return ""
}

// eachTrial visits policies until there is an answer.
func eachTrial(t *testing.T, n int, visit func(c *trial) (done bool)) {
	t.Helper()
	for seed := range uint64(n) {
		if seed < uint64(n)/8 {
			c := randomTrial(t, seed)
			c.gather()
			if visit(c) {
				return
			}
		}
		if c, ok := newTrial(rand.New(rand.NewPCG(seed, 6))); ok {
			c.gather()
			if visit(c) {
				return
			}
		}
	}
}

func TestMovesLetNothingThrough(t *testing.T) {
	var k score
	eachTrial(t, 160, func(c *trial) bool {
		wrong := c.try(c.image.Oracle(), 130, &k)
		if wrong != "" {
			t.Errorf("%s by\n%s", wrong, c.rules)
		}
		return wrong != ""
	})
	t.Logf("%+v", k)
	for name, n := range map[string]int{"let through": k.folders - k.refused - k.brought, "refused for what they bring": k.brought, "refused by a rule": k.refused - k.gained, "refused by a default": k.gained, "marked": k.marked} {
		if n*20 < k.folders {
			t.Errorf("only %d of %d moves are %s: the generator misses its aim", n, k.folders, name)
		}
	}
	if k.folders < 20_000 {
		t.Errorf("only %d moves of folders", k.folders)
	}
}

func TestFaultsOfMovesAreFound(t *testing.T) {
	const refusing, allowing, barring, writable = 32, 24, 16, 8 // from the end of a row
	rows := func(im *enforce.Image, h bpf.TableHeader, from int, patch func(groups []byte)) {
		size := binary.Size(bpf.TableRow{})
		for at := int(h.RowTable) + size; at <= int(h.AgentTable); at += size {
			patch(im.Table[at-from : at-from+8])
		}
	}
	none := func(groups []byte) { clear(groups) }
	for name, plant := range map[string]func(im *enforce.Image, h bpf.TableHeader){
		"nothing-is-below": func(im *enforce.Image, h bpf.TableHeader) { clear(im.Table[h.Paths.Futures:h.Lines.Start[0]]) },
		"nothing-refuses": func(im *enforce.Image, h bpf.TableHeader) {
			rows(im, h, refusing, none)
		},
		"one-group-does-not-refuse": func(im *enforce.Image, h bpf.TableHeader) {
			rows(im, h, refusing, func(groups []byte) { groups[0] &^= 1 << 2 })
		},
		"nothing-allows": func(im *enforce.Image, h bpf.TableHeader) {
			rows(im, h, allowing, none)
		},
		"nothing-bars":        func(im *enforce.Image, h bpf.TableHeader) { rows(im, h, barring, none) },
		"nothing-is-writable": func(im *enforce.Image, h bpf.TableHeader) { rows(im, h, writable, none) },
		"no-role-is-closed": func(im *enforce.Image, h bpf.TableHeader) {
			for role := range h.Roles {
				clear(im.Table[int(h.RoleTable)+int(role)*binary.Size(bpf.TableRole{})+4:][:4])
			}
		},
		"nothing-marks": func(im *enforce.Image, _ bpf.TableHeader) {
			clear(im.Table[enforce.MarksAt:][:8*bpf.TaintsMax])
		},
	} {
		t.Run(name, func(t *testing.T) {
			found := false
			eachTrial(t, 160, func(c *trial) bool {
				faulty := *c.image
				faulty.Table = slices.Clone(c.image.Table)
				var h bpf.TableHeader
				if _, err := binary.Decode(faulty.Table, binary.LittleEndian, &h); err != nil {
					t.Fatal(err)
				}
				plant(&faulty, h)
				found = c.try(faulty.Oracle(), 130, &score{}) != ""
				return found
			})
			if !found {
				t.Error("no move shows the fault")
			}
		})
	}
}

func FuzzMove(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		c, ok := newTrial(rand.New(rand.NewPCG(seed, 7)))
		if !ok {
			return
		}
		c.gather()
		if wrong := c.try(c.image.Oracle(), 200, &score{}); wrong != "" {
			t.Fatalf("%s by\n%s", wrong, c.rules)
		}
	})
}
