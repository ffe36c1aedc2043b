// SPDX-License-Identifier: Apache-2.0

package churn

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

var (
	restarts = flag.Int("restarts", 3, "restarts of the daemon")
	upgrades = flag.Int("upgrades", 1, "upgrades between the two builds")
	kills    = flag.Int("kills", 2, "kills of the daemon")
	reloads  = flag.Int("reloads", 8, "reloads of the policy")
	pause    = flag.Duration("pause", time.Millisecond, "between two acts; 0 keeps every processor busy")
	one      = flag.String("one", "./reeved", "a build of the daemon")
	other    = flag.String("other", "./reeved-other", "another build of it")
)

func TestMain(m *testing.M) {
	if os.Getenv(hammerMark) != "" {
		hammer()
		return
	}
	os.Exit(m.Run())
}

const (
	agent     = "/data/agent/hammer"
	bystander = "/data/bystander/hammer"
)

// write puts policy and catalogue where the daemon looks. Each policy differs from the one before.
func write(t *testing.T, number int) {
	t.Helper()
	for path, text := range map[string]string{
		"/data/agents.d/hammer.toml": "id = 900\nname = \"hammer\"\ntitle = \"Hammer\"\nvendor = \"test\"\nexec = [\"" + agent + "\"]\nverified = \"run\"\n",
		"/data/policy.d/policy.toml": fmt.Sprintf(`version = 1
base = "none"
[[role]]
name = "default"
[[rule]]
id = "secret"
on = ["file.read", "file.write", "exec"]
match = ["/data/secret/**"]
action = "deny"
reason = "test"
[[rule]]
id = "number-%d"
on = ["file.read"]
match = ["/data/number/%d/**"]
action = "audit"
reason = "test"
`, number, number),
	} {
		must(t, os.MkdirAll(path[:strings.LastIndex(path, "/")], 0o755))
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
}

// steps are the disturbances, mixed.
func steps(d *daemon, seed uint64) []func() {
	var all []func()
	number := 0
	for _, kind := range []struct {
		name  string
		times int
		step  func()
	}{
		{"restart", *restarts, d.restart},
		{"upgrade", *upgrades, d.upgrade},
		{"kill", *kills, d.kill},
		{"reload", *reloads, func() { number++; write(d.t, number); d.reload() }},
	} {
		for range kind.times {
			all = append(all, func() {
				began := time.Now()
				kind.step()
				d.t.Logf("%s: %.1f s", kind.name, time.Since(began).Seconds())
			})
		}
	}
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func TestNothingPassesWhileTheDaemonComesAndGoes(t *testing.T) {
	if _, err := os.Stat(*one); err != nil {
		t.Skip("two builds of the daemon are needed: make test-churn")
	}
	must(t, os.MkdirAll("/data/secret", 0o755))
	must(t, os.WriteFile(secret, []byte("secret"), 0o644))
	install(t, "/bin/busybox", program)
	write(t, 0)
	d := newDaemon(t, [2]string{*one, *other})
	d.start()
	soFar, agentStop := smith(t, agent)
	_, bystanderStop := smith(t, bystander)
	before := d.sessions()
	for _, step := range steps(d, 1) {
		step()
		t.Logf("agent so far %+v%s", soFar(), d.trouble())
	}
	d.settled()
	after := d.sessions()
	held, killed := agentStop()
	free, lost := bystanderStop()
	t.Logf("agent %+v and %d times killed, bystander %+v", held, killed, free)
	for i, blow := range blows {
		if c := held[i]; c.Passed > 0 || c.Odd > 0 || c.Refused == 0 {
			t.Errorf("agent, %s: %+v", blow.name, c)
		}
		if c := free[i]; c.Refused > 0 || c.Odd > 0 || c.Passed == 0 {
			t.Errorf("bystander, %s: %+v", blow.name, c)
		}
	}
	if killed == 0 {
		same(t, before, after)
	}
	if lost > 0 {
		t.Errorf("the bystander was killed %d times", lost)
	}
}

// settled checks the daemon at the end, and shows what it counted.
func (d *daemon) settled() {
	d.t.Helper()
	s := d.status()
	if s.Coverage != "full" {
		d.t.Errorf("coverage %s at the end", s.Coverage)
	}
	for _, c := range s.Counters {
		if c.Value > 0 {
			d.t.Logf("%s %d", c.Name, c.Value)
		}
	}
	skipped(d.t)
}

// skipped shows which programs the kernel left out.
func skipped(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(pins, "*", "program_*"))
	must(t, err)
	for _, file := range files {
		p, err := ebpf.LoadPinnedProgram(file, nil)
		must(t, err)
		stats, err := p.Stats()
		must(t, err)
		if stats.RecursionMisses > 0 {
			t.Logf("left out %d times: %s", stats.RecursionMisses, filepath.Base(file))
		}
		p.Close()
	}
}

// same checks that the agent's session is the one that it was, with its program and processes.
func same(t *testing.T, before, after []*pb.SessionInfo) {
	t.Helper()
	for _, b := range before {
		if b.Program != agent || b.Parent != "" {
			continue
		}
		if !slices.ContainsFunc(after, func(now *pb.SessionInfo) bool {
			return now.Id == b.Id && now.Pid == b.Pid && now.Agent == b.Agent && now.Program == b.Program && now.Processes > 0
		}) {
			t.Errorf("session %v is gone; there are %v", b, after)
		}
		return
	}
	t.Errorf("the agent had no session: %v", before)
}
