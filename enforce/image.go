// SPDX-License-Identifier: Apache-2.0

// This file lays the table out, byte for byte as bpf/include/policy.h says, and keeps beside it the names that the
// kernel does not have.

package enforce

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/enforce/match"
)

// Sizes and offsets of policy.h.
const (
	tableMagic = 0x52564534
	engineSize = 2*256 + 4*3 + 5*4
	headerSize = 24 + engineCount*engineSize + 10*4 + 8*maxTaints + 8*pathOps + 8*everydays
	roleSize   = 8 + 3*opCount
	rowSize    = 8*pathOps*int(actionCount) + 8*lineWords*int(actionCount) + 8*netOps*int(actionCount) + 4*8
	stakesAt   = rowSize - 4*8 // refusing, allowing, barring, writable
	everydayAt = headerSize - 8*everydays
	guardsAt   = everydayAt - 8*pathOps
	marksAt    = guardsAt - 8*maxTaints
	namesAt    = marksAt - 8
	agentSize  = 8

	engineCount = 4

	closedAny     = 1 // enum closed
	closedWriting = 2

	agentHost        = 1
	agentObserve     = 2
	agentRelaunch    = 4
	agentScript      = 8
	agentInterpreter = 16
)

// Image is exactly what the kernel's map will hold, and the names of what it numbers.
type Image struct {
	Table      []byte
	Generation uint64
	Roles      []string // by index
	Principals []string
	Taints     []string
	Paths      []Group // by bit of the label
	Lines      []Group
	Nets       []Group
	Agents     []Agent

	policy *Policy
	homes  []string
	roles  []roleRow
	rows   *rowSet
	stats  [engineCount]match.Stats
}

// RoleIndex is the kernel's number of a role; ok is false where the policy has no such role.
func (im *Image) RoleIndex(name string) (index uint32, ok bool) {
	i := slices.Index(im.Roles, name)
	return uint32(max(i, 0)), i >= 0
}

// PrincipalIndex is the kernel's number of a principal, as agent or connector:NAME.
func (im *Image) PrincipalIndex(name string) (index uint32, ok bool) {
	i := slices.Index(im.Principals, name)
	return uint32(max(i, 0)), i >= 0
}

// TaintIndex is the bit of a taint.
func (im *Image) TaintIndex(name string) (bit uint32, ok bool) {
	i := slices.Index(im.Taints, name)
	return uint32(max(i, 0)), i >= 0
}

// Stats are the sizes of the automata: paths, command lines, agents.
func (im *Image) Stats() (paths, lines, agents match.Stats) {
	return im.stats[0], im.stats[1], im.stats[2]
}

// image puts the compiled parts together.
func (pl *plan) image(engines [engineCount]*match.Engine, agents []Agent, generation uint64) *Image {
	im := &Image{Generation: generation, Principals: pl.p.Principals(), Taints: pl.p.Taints, Paths: pl.paths, Lines: pl.lines, Nets: pl.nets,
		Agents: slices.Clone(agents), policy: pl.p, homes: pl.homes}
	for _, name := range pl.p.RoleNames() {
		im.Roles = append(im.Roles, name)
		im.roles = append(im.roles, pl.p.roleRowOf(pl.p.actsAs(name)))
	}
	im.rows = composeRows(im.roles, len(im.Principals), len(im.Taints), pl.paths, pl.lines, pl.nets)
	for i, e := range engines {
		im.stats[i] = e.Stats()
	}
	im.Table = im.encode(engines)
	return im
}

// encode writes the parts after the header, then the header, which needs their offsets.
func (im *Image) encode(engines [engineCount]*match.Engine) []byte {
	blob := make([]byte, headerSize)
	var layouts [engineCount]match.Layout
	for i, e := range engines {
		blob = align(blob)
		layout, part := e.Encode(uint32(len(blob)))
		layouts[i], blob = layout, append(blob, part...)
	}
	blob = align(blob)
	at := [6]uint32{uint32(len(blob))}
	for i := range im.roles {
		blob = im.roles[i].append(blob)
	}
	at[1] = uint32(len(blob))
	for _, id := range im.rows.index {
		blob = le.AppendUint16(blob, id)
	}
	blob = align(blob)
	at[2] = uint32(len(blob))
	for i := range im.rows.rows {
		blob = im.rows.rows[i].append(blob)
	}
	at[3] = uint32(len(blob))
	for _, r := range rowsOf(im.Agents) {
		blob = r.append(blob)
	}
	names := im.Numbers().encode()
	at[4], at[5] = uint32(len(blob)), uint32(len(names))
	blob = append(blob, names...)
	im.header(blob[:0:headerSize], uint32(len(blob)), layouts, at)
	for i, family := range everyday {
		label := match.Walk(blob, layouts[len(layouts)-1], match.Path, []byte("/"+family))
		le.PutUint64(blob[everydayAt+8*i:], label[0])
	}
	return blob
}

// guards are, by operation, the path groups that refuse it in every mode; at 0 those of any.
func (im *Image) guards() (guards [pathOps]uint64) {
	for bit := range im.Paths {
		if g := &im.Paths[bit]; g.Guard {
			guards[0] |= 1 << bit
			for _, op := range g.Ops {
				guards[op] |= 1 << bit
			}
		}
	}
	return guards
}

// marks are, by taint, the path groups whose rules set it; all are those of any taint.
func (im *Image) marks() (marks [maxTaints]uint64, all uint64) {
	for bit := range im.Paths {
		if g := &im.Paths[bit]; g.marks() {
			marks[g.Taint-1] |= 1 << bit
			all |= 1 << bit
		}
	}
	return marks, all
}

var le = binary.LittleEndian

func align(b []byte) []byte {
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	return b
}

// header writes struct table_header over the room left for it.
func (im *Image) header(b []byte, size uint32, layouts [engineCount]match.Layout, at [6]uint32) {
	b = le.AppendUint32(b, tableMagic)
	b = le.AppendUint32(b, size)
	b = le.AppendUint64(b, im.Generation)
	marks, tainting := im.marks()
	b = le.AppendUint64(b, tainting)
	for _, l := range layouts {
		for _, c := range l.Column {
			b = le.AppendUint16(b, c)
		}
		for _, n := range []uint32{l.Start[0], l.Start[1], l.Start[2], l.Masks, l.Folds, l.Words, l.Futures, 0} {
			b = le.AppendUint32(b, n)
		}
	}
	for _, n := range []int{len(im.Roles), len(im.Principals), len(im.Taints), len(rowsOf(im.Agents))} {
		b = le.AppendUint32(b, uint32(n))
	}
	for _, n := range at {
		b = le.AppendUint32(b, n)
	}
	for _, groups := range marks {
		b = le.AppendUint64(b, groups)
	}
	for _, groups := range im.guards() {
		b = le.AppendUint64(b, groups)
	}
	b = append(b, make([]byte, 8*everydays)...) // filled when the table can be walked
	if len(b) != headerSize {
		panic(fmt.Sprintf("table header of %d bytes instead of %d", len(b), headerSize))
	}
}

func flag(is bool) uint32 {
	if is {
		return 1
	}
	return 0
}

func (r *roleRow) append(b []byte) []byte {
	b = le.AppendUint32(b, flag(r.enforce))
	b = le.AppendUint32(b, flag(r.closed != 0)*closedAny|flag(r.closed&writing != 0)*closedWriting)
	for _, table := range [][opCount]Action{r.fallback, r.foreign, r.nameless} {
		for _, a := range table {
			b = append(b, byte(a))
		}
	}
	return b
}

func (r *row) append(b []byte) []byte {
	for _, op := range r.paths {
		for _, mask := range op {
			b = le.AppendUint64(b, mask)
		}
	}
	for _, action := range r.lines {
		for _, mask := range action {
			b = le.AppendUint64(b, mask)
		}
	}
	for _, op := range r.nets {
		for _, mask := range op {
			b = le.AppendUint64(b, mask)
		}
	}
	for _, groups := range []uint64{r.refusing, r.allowing, r.barring, r.writable} {
		b = le.AppendUint64(b, groups)
	}
	return b
}

// String tells the image in words: what a reviewer of a golden reads. The automata are told by the groups they find.
func (im *Image) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "generation %d\n", im.Generation)
	for i, name := range im.Roles {
		fmt.Fprintf(&b, "role %d %s: %s\n", i, name, im.roles[i].String())
	}
	for i, name := range im.Principals {
		fmt.Fprintf(&b, "principal %d %s\n", i, name)
	}
	for i, name := range im.Taints {
		fmt.Fprintf(&b, "taint %d %s\n", i, name)
	}
	for _, t := range []struct {
		what   string
		groups []Group
	}{{"path", im.Paths}, {"line", im.Lines}, {"net", im.Nets}} {
		for i := range t.groups {
			fmt.Fprintf(&b, "%s group %d: %s\n", t.what, i, im.describe(&t.groups[i]))
		}
	}
	im.writeRows(&b)
	for i, a := range im.Agents {
		fmt.Fprintf(&b, "agent %d: id %d host %t observe %t: %s\n", i, a.ID, a.Host, a.Observe, strings.Join(a.Exec, " "))
	}
	return b.String()
}

func (im *Image) describe(g *Group) string {
	var ops, roles, taints []string
	for _, op := range g.Ops {
		ops = append(ops, op.String())
	}
	for _, r := range g.Roles {
		roles = append(roles, im.Roles[r])
	}
	for _, t := range g.Taints {
		taints = append(taints, im.Taints[t])
	}
	s := fmt.Sprintf("%s %s by %s as %s", g.Action, strings.Join(ops, " "), im.Principals[g.Principal], strings.Join(roles, " "))
	if len(taints) > 0 {
		s += " when " + strings.Join(taints, " ")
	}
	if g.Guard {
		s += " in every mode"
	}
	if g.marks() {
		s += " marks " + im.Taints[g.Taint-1]
	}
	return s + ": " + strings.Join(g.Rules, " ")
}

func (r *roleRow) String() string {
	mode := Observe
	if r.enforce {
		mode = Enforce
	}
	var s strings.Builder
	s.WriteString(mode.String())
	if r.closed != 0 {
		s.WriteString(", closed")
	}
	for _, t := range []struct {
		view  string
		table [opCount]Action
	}{{"", r.fallback}, {"foreign ", r.foreign}, {"nameless ", r.nameless}} {
		for _, op := range Ops() {
			if t.table[op] != Allow {
				s.WriteString(fmt.Sprintf(", %s%s %s", t.view, op, t.table[op]))
			}
		}
	}
	return s.String()
}

func (im *Image) writeRows(b *strings.Builder) {
	for role := range im.Roles {
		for principal := range im.Principals {
			for slot := range len(im.Taints) + 1 {
				id := im.rows.index[im.rows.at(role, principal, slot)]
				if id == 0 {
					continue
				}
				taint := ""
				if slot > 0 {
					taint = " " + im.Taints[slot-1]
				}
				fmt.Fprintf(b, "row %d: %s %s%s\n", id, im.Roles[role], im.Principals[principal], taint)
			}
		}
	}
	for id := range im.rows.rows {
		for _, line := range im.rows.rows[id].lineup() {
			fmt.Fprintf(b, "row %d %s\n", id, line)
		}
	}
}

// lineup tells a row's masks that are not empty, as operation, action and hexadecimal groups.
func (r *row) lineup() []string {
	var out []string
	for op := range r.paths {
		for a, mask := range r.paths[op] {
			if mask != 0 {
				out = append(out, fmt.Sprintf("%s %s %x", Op(op), Action(a), mask))
			}
		}
	}
	for a, mask := range r.lines {
		if mask != [lineWords]uint64{} {
			out = append(out, fmt.Sprintf("%s %s %x", OpExecArgv, Action(a), mask))
		}
	}
	for op := range r.nets {
		for a, mask := range r.nets[op] {
			if mask != 0 {
				out = append(out, fmt.Sprintf("%s %s %x", OpNetDomain+Op(op), Action(a), mask))
			}
		}
	}
	if r.refusing != 0 {
		out = append(out, fmt.Sprintf("refusing %x", r.refusing))
	}
	if r.allowing != 0 {
		out = append(out, fmt.Sprintf("allowing %x", r.allowing))
	}
	return out
}

// Diff tells in words what a reload changes: lines of String that go and come.
func (im *Image) Diff(next *Image) []string {
	return diffLines(strings.Split(im.String(), "\n"), strings.Split(next.String(), "\n"))
}

// diffLines compares as multisets, which is enough for lines that each say their own place.
func diffLines(old, new []string) []string {
	count := map[string]int{}
	for _, l := range new {
		count[l]++
	}
	var out []string
	for _, l := range old {
		if count[l]--; count[l] < 0 {
			out = append(out, "- "+l)
		}
	}
	clear(count)
	for _, l := range old {
		count[l]++
	}
	for _, l := range new {
		if count[l]--; count[l] < 0 {
			out = append(out, "+ "+l)
		}
	}
	return out
}
