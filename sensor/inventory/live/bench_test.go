// SPDX-License-Identifier: Apache-2.0

// This file measures a full pass over a home of 200,000 files, in a process of its own on one processor, beside find on the
// same tree in the same run; and how far behind the inventory of that home is when something in it changes.

package live

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/discover"
	"github.com/reeve-sensor/reeve/sensor/inventory/disk"
)

// passIn has this test binary make one pass over a home and end.
const passIn = "REEVE_TEST_PASS_IN"

func TestMain(m *testing.M) {
	if home := os.Getenv(passIn); home != "" {
		if err := passOnce(home); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// over is a keeper over one home.
func over(home string, eager bool) (*Keeper, error) {
	c, err := inventory.Builtin()
	if err != nil {
		return nil, err
	}
	bounds := discover.Defaults
	bounds.System = nil
	return New(Options{
		Catalogue: c, Bounds: bounds, Every: time.Hour, Limit: time.Hour, Eager: eager, Log: slog.New(slog.DiscardHandler),
		People: func() []Person {
			return []Person{{discover.Home{User: "alice", Dir: home}, disk.Person{UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}, nil}}
		},
	})
}

func passOnce(home string) error {
	k, err := over(home, true)
	if err != nil {
		return err
	}
	k.Once(context.Background())
	return json.NewEncoder(os.Stdout).Encode(map[string]int{"items": len(k.Items(nil)), "projects": k.Progress().Projects})
}

const (
	homeFiles    = 200_000
	homeProjects = 100
	homeSkills   = 100
)

// makeHome makes a home as developers have them: projects with modules and histories, caches, skills, connectors.
func makeHome(b *testing.B, home string) {
	b.Helper()
	n := 0
	put := func(name, text string) {
		full := filepath.Join(home, name)
		err := os.WriteFile(full, []byte(text), 0o644)
		if os.IsNotExist(err) {
			if err = os.MkdirAll(filepath.Dir(full), 0o755); err == nil {
				err = os.WriteFile(full, []byte(text), 0o644)
			}
		}
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	var servers []string
	for i := range 50 {
		servers = append(servers, fmt.Sprintf(`"s%d":{"command":"npx","args":["-y","@x/s%d@1.2.%d"],"env":{"TOKEN":"x"}}`, i, i, i))
	}
	// Claude Code's file of a year: histories beside what counts.
	put(".claude.json", `{"history":"`+strings.Repeat("x", 4<<20)+`","mcpServers":{`+strings.Join(servers, ",")+`}}`)
	for i := range homeSkills {
		put(fmt.Sprintf(".claude/skills/s%d/SKILL.md", i), fmt.Sprintf("---\nname: s%d\nallowed-tools: Read, Bash(git *)\n---\n%s", i, strings.Repeat("text ", 500)))
		for j := range 5 {
			put(fmt.Sprintf(".claude/skills/s%d/scripts/%d.py", i, j), strings.Repeat("pass\n", 200))
		}
	}
	for i := range homeProjects {
		p := fmt.Sprintf("src/team%d/p%d/", i%7, i)
		put(p+".mcp.json", `{"mcpServers":{"a":{"command":"node","args":["./server.js"]}}}`)
		put(p+".claude/settings.json", `{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"true"}]}]}}`)
		put(p+"server.js", "x")
	}
	for i := 0; n < homeFiles; i++ {
		p := fmt.Sprintf("src/team%d/p%d/", i%homeProjects%7, i%homeProjects)
		switch {
		case i%10 < 6:
			put(fmt.Sprintf("%snode_modules/m%d/lib/d%d/f%d.js", p, i/1000, i/100%10, i), "x")
		case i%10 < 8:
			put(fmt.Sprintf("%s.git/objects/%02x/f%d", p, i%256, i), "x")
		default:
			put(fmt.Sprintf("%sinternal/pkg%d/f%d.go", p, i/500, i), "x")
		}
	}
}

const (
	changes   = 21
	soon      = time.Second      // that the inventory may be behind
	notAtAll  = 20 * time.Second // that a change is waited for
	noPass    = 5 * time.Minute  // that the first pass is
	lookEvery = time.Millisecond
)

// behind is how long after a change of a kept home's settings, skills and projects the inventory has it: in the middle, and at
// worst.
func behind(b *testing.B, home string) (middle, worst time.Duration) {
	b.Helper()
	k, err := over(home, false)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			b.Error(err)
		}
	}()
	for begun := time.Now(); k.Progress().Ended.IsZero(); time.Sleep(lookEvery) {
		if time.Since(begun) > noPass {
			b.Fatal("the first pass does not end")
		}
	}
	var took []time.Duration
	for i := range changes {
		file := filepath.Join(home, []string{".cursor/mcp.json", "src/team0/p0/.mcp.json", ".claude/skills/s1/SKILL.md"}[i%3])
		text := fmt.Sprintf(`{"mcpServers":{"late":{"command":"/opt/late","args":["%d"]}}}`, i)
		before := k.Revision()
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file+".new", []byte(text), 0o644), os.Rename(file+".new", file)); err != nil {
			b.Fatal(err)
		}
		sum := sha256.Sum256([]byte(text))
		has := func(it inventory.Item) bool {
			return it.File == file && (slices.Contains(it.Identity.Command, fmt.Sprint(i)) || slices.Contains(it.Identity.Files, inventory.Part{Name: "SKILL.md", Value: hex.EncodeToString(sum[:])}))
		}
		at := time.Now()
		for ; k.Revision() == before || !slices.ContainsFunc(k.Items(nil), has); time.Sleep(lookEvery) {
			if time.Since(at) > notAtAll {
				b.Fatalf("%s: the change is not seen", file)
			}
		}
		took = append(took, time.Since(at))
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)-1]
}

func BenchmarkHomeOf200000Files(b *testing.B) {
	home := b.TempDir()
	makeHome(b, home)
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	spent := func(c *exec.Cmd) (cpu float64, memory float64, out string) {
		b.Helper()
		raw, err := c.Output()
		if err != nil {
			b.Fatal(err)
		}
		u, _ := c.ProcessState.SysUsage().(*syscall.Rusage)
		return (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(), float64(u.Maxrss) / 1024, string(raw)
	}
	b.ResetTimer()
	for b.Loop() {
		pass := exec.Command(self)
		pass.Env = append(os.Environ(), passIn+"="+home, "GOMAXPROCS=1")
		ours, memory, out := spent(pass)
		theirs, _, listed := spent(exec.Command("find", home))
		var found struct{ Items, Projects int }
		if err := json.Unmarshal([]byte(out), &found); err != nil {
			b.Fatal(err)
		}
		// One hook and one connector of each project, its own servers and skills.
		if want := 2*homeProjects + 50 + homeSkills; found.Items != want || found.Projects != homeProjects {
			b.Fatalf("%+v, %d items expected", found, want)
		}
		if files := strings.Count(listed, "\n"); files < homeFiles {
			b.Fatalf("find saw %d", files)
		}
		b.ReportMetric(ours, "cpu-s/pass")
		b.ReportMetric(theirs, "cpu-s/find")
		b.ReportMetric(ours/theirs, "x-find")
		b.ReportMetric(memory, "MB-peak")
		if ours > 60 || memory > 100 {
			b.Errorf("a pass took %.1f s of one processor and %.0f MB: a minute and 100 MB are the limit", ours, memory)
		}
		middle, worst := behind(b, home)
		b.ReportMetric(float64(middle.Milliseconds()), "ms/change")
		b.ReportMetric(float64(worst.Milliseconds()), "ms/change-worst")
		if middle > soon {
			b.Errorf("a change is seen after %s: within a second is the limit", middle)
		}
	}
}
