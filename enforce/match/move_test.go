// SPDX-License-Identifier: Apache-2.0

// The promise about moves: whatever lies below a folder, it loses no group that Lost does not name. Folders are beginnings
// of paths that globs match, so that patterns are half matched where the folder's name ends.

package match

import (
	"slices"
	"strings"
	"testing"
)

// mover compares what Lost says of pairs of folders with the labels of paths below them.
type mover struct {
	image       image
	paths       func() string // a path that comes near to matching
	rests       []string
	pairs       int
	lossy, vain int // pairs of which Lost names groups, and those of them below which nothing was found that loses one
	wrong       string
}

func mustCompileMoves(t testing.TB, rules []Rule) image {
	t.Helper()
	engine, err := CompileMoves(rules)
	if err != nil {
		t.Fatalf("compiling %d rules: %v", len(rules), err)
	}
	const base = 64
	layout, bytes := engine.Encode(base)
	if len(bytes) != engine.Stats().Bytes {
		t.Fatalf("encoded engine has %d bytes, its statistics say %d", len(bytes), engine.Stats().Bytes)
	}
	return image{append(make([]byte, base), bytes...), layout, Path}
}

// enter is the state behind the '/' of a folder.
func (m image) enter(folder string) State {
	st := Begin(m.layout)
	Step(m.table, m.layout, Path, &st, []byte(folder+"/"))
	return st
}

// below is the label of what lies below a state.
func (m image) below(st State, rest string) uint64 {
	Step(m.table, m.layout, Path, &st, []byte(rest))
	return End(m.table, m.layout, &st)[0]
}

// folder is the beginning of a path, now and then below another one.
func (m *mover) folder(d draw) string {
	path := m.paths()
	var cuts []int
	for i := range len(path) {
		if i > 0 && path[i] == '/' {
			cuts = append(cuts, i)
		}
	}
	cut := len(path)
	if len(cuts) > 0 && d.IntN(4) > 0 {
		cut = cuts[d.IntN(len(cuts))]
	}
	if d.IntN(8) == 0 {
		return m.folder(d) + path[:cut]
	}
	return path[:cut]
}

// gather draws what may lie below: ends of paths, from every component on.
func (m *mover) gather(n int) {
	for range n {
		path := m.paths()
		for i := range len(path) {
			if path[i] == '/' {
				m.rests = append(m.rests, path[i+1:])
			}
		}
	}
}

// lost asks the table.
func (m image) lost(from, to *State) uint64 { return Lost(m.table, m.layout, from, to) }

// judge draws pairs and stops at the first that breaks the promise.
func (m *mover) judge(lost func(from, to *State) uint64, d draw, pairs, rests int) (ok bool) {
	for range pairs {
		from, to := m.folder(d), m.folder(d)
		a, b := m.image.enter(from), m.image.enter(to)
		named, met := lost(&a, &b), uint64(0)
		for range rests {
			rest := m.rests[d.IntN(len(m.rests))]
			gone := m.image.below(a, rest) &^ m.image.below(b, rest)
			if gone&^named != 0 {
				m.wrong = strings.Join([]string{from, to, rest}, " ")
				return false
			}
			met |= gone
		}
		m.pairs++
		if named != 0 {
			m.lossy++
		}
		if named != 0 && met == 0 {
			m.vain++
		}
	}
	return true
}

// exceptRules are rules whose excepts meet them in every way: in one automaton, across two, by the register.
func exceptRules(d draw) []Rule {
	globs := []string{
		"/a/*/b/**", "/a/*/.c/*", "/a/b", "**/b/**", "**/a/**", "**/x/**", "**/a/b/*", "**/a/b/c", "**/.c/a/*b", "**/*.c", "**/a/**/b", "/a/**/b/c", "/a/**/b/**", "**/b/*/c", "**",
	}
	var rules []Rule
	groups := 1 + d.IntN(4)
	for i := range 2 + d.IntN(5) {
		rule := Rule{ID: "r", Group: i % groups, Match: []string{d.of(globs...)}}
		for range d.IntN(3) {
			rule.Except = append(rule.Except, d.of(globs...))
		}
		rules = append(rules, rule)
	}
	return rules
}

// shortPath draws a path over the letters of exceptRules, short enough to meet them often.
func (d draw) shortPath() string {
	var b strings.Builder
	for range 1 + d.IntN(5) {
		b.WriteString("/" + d.of("a", "b", "a", "b", "c", ".c", "x", "b.c", "ab"))
	}
	return b.String()
}

// eachMover visits the sets of rules that moves are tried on.
func eachMover(t *testing.T, visit func(name string, d draw, m *mover, pairs int) bool) {
	t.Helper()
	d := newDraw(17)
	for range 150 {
		m := &mover{image: mustCompileMoves(t, exceptRules(d)), paths: d.shortPath}
		if !visit("excepts", d, m, 100) {
			return
		}
	}
	for range 60 {
		m := &mover{image: mustCompileMoves(t, awkwardRules(d)), paths: d.awkwardPath}
		if !visit("awkward", d, m, 100) {
			return
		}
	}
	for seed, excepts := range []int{0, 60, 60, 20} {
		rules := pathRules(uint64(seed), 150, 2+8*seed, excepts)
		m := &mover{image: mustCompileMoves(t, rules), paths: func() string { return d.pathNear(rules) }}
		if !visit("realistic", d, m, 1500) {
			return
		}
	}
}

func TestNothingBelowLosesWhatLostDoesNotName(t *testing.T) {
	pairs, lossy, vain := map[string]int{}, map[string]int{}, map[string]int{}
	eachMover(t, func(name string, d draw, m *mover, n int) bool {
		m.gather(200)
		if !m.judge(m.image.lost, d, n, 60) {
			t.Errorf("%s: %s", name, m.wrong)
			return false
		}
		pairs[name] += m.pairs
		lossy[name] += m.lossy
		vain[name] += m.vain
		return true
	})
	for name, n := range pairs {
		t.Logf("%s: of %d pairs %d lose groups, %d of them maybe in vain", name, n, lossy[name], vain[name])
		if vain[name]*3 > n {
			t.Errorf("%s: %d of %d pairs lose groups, and nothing below them does", name, vain[name], n)
		}
	}
}

// A property that no fault breaks holds nothing.
func TestFaultsOfFuturesAreSeen(t *testing.T) {
	eachFuture := func(m image, patch func(reach, buts []byte)) {
		for at := int(m.layout.Futures); at+futureBytes <= len(m.table); at += futureBytes {
			patch(m.table[at:at+8], m.table[at+8:at+16])
		}
	}
	eachHolds := func(m image, patch func(holds []byte)) {
		for at := int(m.layout.Futures) + 16; at+8 <= len(m.table); at += futureBytes {
			patch(m.table[at : at+8])
		}
	}
	for name, plant := range map[string]func(image){
		"reach-is-nothing": func(m image) { eachFuture(m, func(reach, _ []byte) { clear(reach) }) },
		"buts-are-nothing": func(m image) { eachFuture(m, func(_, buts []byte) { clear(buts) }) },
		"one-group-left-out": func(m image) {
			eachFuture(m, func(reach, _ []byte) { reach[0] &^= 2 })
		},
		"one-group-always-held": func(m image) { eachHolds(m, func(holds []byte) { holds[0] |= 2 }) },
		"folds-are-nothing": func(m image) {
			if m.layout.Folds != 0 {
				clear(m.table[m.layout.Folds:m.layout.Futures])
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			found := false
			eachMover(t, func(_ string, d draw, m *mover, n int) bool {
				m.gather(200)
				faulty := image{slices.Clone(m.image.table), m.image.layout, Path}
				plant(faulty)
				found = !m.judge(faulty.lost, d, n, 60)
				return !found
			})
			if !found {
				t.Error("no pair shows the fault")
			}
		})
	}
}

// What an atom gives is not what the register holds for good, though both may be the same group.
func TestTakingAtomsForGroupsIsSeen(t *testing.T) {
	found := false
	eachMover(t, func(_ string, d draw, m *mover, n int) bool {
		m.gather(200)
		found = !m.judge(func(from, to *State) uint64 {
			held := Label{to.Reg[0]}
			if m.image.layout.Folds != 0 {
				fold(m.image.table, &m.image.layout, to.live(), &held)
			}
			return m.image.lost(from, to) &^ held[0]
		}, d, n, 60)
		return !found
	})
	if !found {
		t.Error("no pair shows the fault")
	}
}

// What futures leave out is in every state behind a '/'. The dead state is that of texts which are no paths.
func TestGlobsThatBeginAnewDoSoBelowEveryFolder(t *testing.T) {
	d := newDraw(23)
	for range 60 {
		plan, err := newPlan(Path, exceptRules(d))
		if err != nil {
			t.Fatal(err)
		}
		for i, goals := range plan.goals {
			trie, _ := newNFA(Path, goals, plan.locals[i])
			if trie.opening == none {
				continue
			}
			bytes := newAlphabet(append(trie.sets(), setOf('/')))
			subsets := newSubsets(trie, &bytes, newMaskSet())
			subsets.build()
			for s := range subsets.known.size() {
				begins := subsets.known.subset(int(subsets.out.next[s*bytes.size()+subsets.slash]))
				for _, p := range trie.openings() {
					if len(begins) > 0 && !slices.Contains(begins, p) {
						t.Fatalf("positions %v are without %d", begins, p)
					}
				}
			}
		}
	}
}

// Rules in one group may hold a place by different means; what one of them holds for good, another may take back.
func TestWhatHoldsTwoPlacesDifferently(t *testing.T) {
	for name, tc := range map[string]struct {
		rules      []Rule
		from, to   string
		lost, back uint64
	}{
		"held-for-good-and-by-an-atom": {
			[]Rule{{Match: []string{"**/x/**"}}, {Match: []string{"**/y/**"}, Except: []string{"**/*.md"}}}, "/t/x", "/t/y", 1, 0,
		},
		"held-by-an-atom-that-is-excepted": {
			[]Rule{{Match: []string{"**/x/**"}}, {Match: []string{"**/y/**"}, Except: []string{"**/n/**"}}}, "/n/x", "/n/y", 1, 0,
		},
		"held-for-good-at-both":  {[]Rule{{Match: []string{"**/x/**"}}, {Match: []string{"/a/b/c"}}}, "/x/a/b", "/x/d", 0, 0},
		"begins-anew-everywhere": {[]Rule{{Match: []string{"**/.env"}}}, "/a", "/b", 0, 0},
		"begins-anew-with-a-star": {
			[]Rule{{Match: []string{"**/*.k"}}, {Group: 1, Match: []string{"**/.git/hooks/*"}}}, "/a/.git", "/a/b", 2, 0,
		},
		"half-matched":     {[]Rule{{Match: []string{"**/.git/hooks/*"}}}, "/a/.git", "/a/git", 1, 0},
		"half-matched-but": {[]Rule{{Match: []string{"**/hooks/*"}, Except: []string{"**/.git/hooks/*.sample"}}}, "/a/git", "/a/.git", 1, 0},
		"except-of-another-place": {
			[]Rule{{Match: []string{"**/.git/hooks/*"}, Except: []string{"**/.git/hooks/*.sample"}}}, "/a/git", "/a/.git", 0, 1,
		},
		"absorbed":                {[]Rule{{Match: []string{"/a/**"}, Except: []string{"/a/b/*"}}}, "/a/x/y", "/a/x/z", 0, 0},
		"absorbed-otherwise":      {[]Rule{{Match: []string{"/a/**", "/b/**", "/c/d/*"}}}, "/a/x", "/b", 0, 0},
		"absorbed-with-an-except": {[]Rule{{Match: []string{"/a/**"}}, {Match: []string{"/b/**"}, Except: []string{"/b/*.c"}}}, "/a", "/b", 1, 0},
		"out-of-a-but":            {[]Rule{{Match: []string{"/a/**"}, Except: []string{"/a/b/*"}}}, "/a/x", "/a/b", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m := mustCompileMoves(t, tc.rules)
			from, to := m.enter(tc.from), m.enter(tc.to)
			if got := Lost(m.table, m.layout, &from, &to); got != tc.lost {
				t.Errorf("%s to %s loses %x, want %x", tc.from, tc.to, got, tc.lost)
			}
			if got := Lost(m.table, m.layout, &to, &from); got&^tc.lost != tc.back&^tc.lost {
				t.Errorf("%s to %s loses %x, want %x", tc.to, tc.from, got, tc.back)
			}
		})
	}
}

func FuzzMoves(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		d := newDraw(seed)
		rules, paths := exceptRules(d), d.shortPath
		if d.IntN(2) == 0 {
			rules, paths = awkwardRules(d), d.awkwardPath
		}
		m := &mover{image: mustCompileMoves(t, rules), paths: paths}
		m.gather(200)
		if !m.judge(m.image.lost, d, 100, 60) {
			t.Fatalf("%s by\n%+v", m.wrong, rules)
		}
	})
}
