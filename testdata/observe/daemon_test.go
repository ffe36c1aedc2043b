// SPDX-License-Identifier: Apache-2.0

package observe

// The daemon and the command line as a whole on the kernel at hand, in folders of the test's own and with nothing pinned.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/api"
	"github.com/reeve-sensor/reeve/testdata/need"
)

// host is a daemon at work.
type host struct {
	t      *testing.T
	dir    string
	reeve  string
	config string
	group  string // below which networks are judged
	policy string // the configured folder
	log    string // what the daemon says, a file
	pid    int    // of the daemon
	gated  bool   // networks are judged here
}

// nothingRefuses is for tests of what is left where no enforcing program loads.
func nothingRefuses(t *testing.T) {
	t.Helper()
	need.Programs(t)
	k, err := sensor.Load(sensor.Options{Form: bpf.FormLSM})
	if err == nil {
		must(t, k.Close())
		need.OtherKernel(t, "enforcing programs load here: what is refused is tested elsewhere")
	}
	if !errors.Is(err, sensor.ErrRefused) {
		t.Fatal(err)
	}
}

// startHost builds both programs and starts the daemon.
func startHost(t *testing.T, dir string) *host {
	t.Helper()
	h := newHost(t, dir)
	h.serve()
	return h
}

// newHost builds both programs and writes what the daemon reads.
func newHost(t *testing.T, dir string) *host {
	t.Helper()
	nothingRefuses(t)
	if _, err := exec.LookPath("go"); err != nil {
		need.Missing(t, need.BPF, "nothing to build the daemon with:", err)
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, "../../cmd/reeve", "../../cmd/reeved").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	h := &host{
		t: t, dir: dir, reeve: filepath.Join(bin, "reeve"), config: filepath.Join(bin, "reeve.toml"), group: need.Cgroup(t),
		policy: filepath.Join(bin, "policy.d"), log: filepath.Join(bin, "log"),
	}
	for path, text := range map[string]string{
		h.config: fmt.Sprintf("policy = [%q]\nagents = %q\nrun = %q\nstate = %q\npins = \"\"\n",
			bin+"/policy.d", bin+"/agents.d", bin+"/run", bin+"/state"),
		bin + "/policy.d/p.toml": "version = 1\nbase = \"none\"\n[[rule]]\nid = \"secret\"\non = [\"file.read\"]\nmatch = [\"" + dir + "/secret\"]\naction = \"deny\"\nreason = \"test\"\n" +
			"[[rule]]\nid = \"flags\"\non = [\"exec.argv\"]\nmatch = [\"tool --flag *\"]\naction = \"kill\"\nreason = \"test\"\n" + networks,
		bin + "/agents.d/a.toml": fmt.Sprintf("id = 931\nname = \"stage\"\ntitle = \"Stage\"\nvendor = \"test\"\nexec = [%q]\nverified = \"run\"\n", dir+"/agent"),
		bin + "/run/x":           "",
	} {
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return h
}

const hostWait = 2 * time.Minute // of a busy machine; who ends earlier is not waited for

// daemon is one that is not started yet.
func (h *host) daemon(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, filepath.Join(filepath.Dir(h.config), "reeved"), append([]string{"--config", h.config, "--cgroup", h.group}, args...)...)
}

func (h *host) socket() string {
	return filepath.Join(filepath.Dir(h.config), "run", api.Sockets[api.Admin])
}

// said is what the daemon has said so far.
func (h *host) said() string {
	h.t.Helper()
	raw, err := os.ReadFile(h.log)
	must(h.t, err)
	return string(raw)
}

func (h *host) serve(args ...string) {
	h.t.Helper()
	daemon := h.daemon(context.Background(), args...)
	log, err := os.Create(h.log)
	must(h.t, err)
	defer log.Close()
	daemon.Stderr = log
	must(h.t, daemon.Start())
	h.pid = daemon.Process.Pid
	ended := make(chan error, 1)
	go func() { ended <- daemon.Wait() }()
	h.t.Cleanup(func() {
		_ = daemon.Process.Signal(unix.SIGTERM)
		if err := <-ended; err != nil {
			h.t.Errorf("the daemon: %v\n%s", err, h.said())
		}
	})
	for deadline := time.Now().Add(hostWait); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(h.socket()); err == nil {
			return
		}
		select {
		case err := <-ended:
			ended <- err
			h.t.Fatalf("the daemon does not run: %v\n%s", err, h.said())
		default:
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("no daemon\n%s", h.said())
		}
	}
}

// do runs reeve and returns what it wrote and its status.
func (h *host) do(args ...string) (out string, status int) {
	h.t.Helper()
	cmd := exec.Command(h.reeve, args...)
	cmd.Env = append(os.Environ(), "REEVE_CONFIG="+h.config, "NO_COLOR=1")
	raw, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		h.t.Fatal(err)
	}
	return string(raw), cmd.ProcessState.ExitCode()
}

// want fails the test where reeve ends or says otherwise.
func (h *host) want(status int, says string, args ...string) {
	h.t.Helper()
	if out, got := h.do(args...); got != status || !strings.Contains(out, says) {
		h.t.Errorf("reeve %s: exit %d, want %d and %q in\n%s", strings.Join(args, " "), got, status, says, out)
	}
}

// until repeats until reeve says it: events take a moment.
func (h *host) until(says string, args ...string) string {
	h.t.Helper()
	var out string
	for deadline := time.Now().Add(hostWait); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if out, _ = h.do(args...); strings.Contains(out, says) {
			return out
		}
	}
	h.t.Errorf("reeve %s: %q is missing in\n%s", strings.Join(args, " "), says, out)
	return out
}

// gated reports whether this kernel's programs of control groups can judge networks by themselves.
func gated(t *testing.T) bool {
	t.Helper()
	k, err := sensor.Load(sensor.Options{Form: bpf.FormNetwork})
	if errors.Is(err, bpf.ErrTaskless) {
		return false
	}
	must(t, err)
	must(t, k.Close())
	return true
}

func TestDaemonWhereNoEnforcingProgramLoads(t *testing.T) {
	dir := stage(t)
	h := startHost(t, dir)
	coverage, says := "observe", "nothing is blocked"
	if gated(t) {
		coverage, says = "network", "only what goes over networks is blocked"
	}
	var status struct {
		Coverage string
		Programs []struct {
			Name     string
			Attached bool
		}
	}
	out, _ := h.do("status", "--json")
	must(t, json.Unmarshal([]byte(out), &status))
	if status.Coverage != coverage {
		t.Fatalf("coverage is %s where no enforcing program loads, want %s", status.Coverage, coverage)
	}
	for _, p := range status.Programs {
		if strings.HasPrefix(p.Name, "enforce") || !p.Attached {
			t.Errorf("program %+v", p)
		}
	}
	h.want(0, says, "status")
	h.want(1, "coverage: "+coverage, "doctor", "--cgroup", h.group)
	h.doctorJSON()
	h.want(125, "coverage is "+coverage+", full is required", "run", "--require", "full", "--", "true")
	h.want(toolStatus, "", "run", "--", "/bin/sh", "-c", "exit 3")
	if _, said := run(t, "agent", filepath.Join(dir, "agent"), dir); said != agentStatus {
		t.Errorf("the agent ended with %d: something was refused", said)
	}
	list := h.until("stage ended", "events", "--all", "--limit", "200")
	for _, want := range []string{"stage begins", "! would kill  exec.argv   tool --flag with space", "flags: test", "› tool left behind", "stage ended"} {
		if !strings.Contains(list, want) {
			t.Errorf("%q is missing in\n%s", want, list)
		}
	}
	if strings.Contains(list, "secret") {
		t.Errorf("an open that nobody saw is claimed:\n%s", list)
	}
	h.until("Stage", "sessions", "--all")
	h.events()
}

// doctorJSON wants what doctor finds as objects, one a line, and the status that says that it is not everything.
func (h *host) doctorJSON() {
	h.t.Helper()
	out, status := h.do("doctor", "--json", "--cgroup", h.group)
	states := map[string]string{}
	for line := range strings.Lines(out) {
		var row struct{ Name, State, Detail, Hint string }
		if err := json.Unmarshal([]byte(line), &row); err != nil || row.Name == "" || row.State == "missing" && row.Hint == "" && row.Detail == "" {
			h.t.Errorf("%v: %s", err, line)
		}
		states[strings.TrimSpace(row.Name)] = row.State
	}
	if status != 1 || states["programs"] != "missing" || states["exec"] != "missing" || states["kernel"] != "ok" {
		h.t.Errorf("exit %d, %v\n%s", status, states, out)
	}
}

// events checks each event as programs get it: nothing was stopped.
func (h *host) events() {
	h.t.Helper()
	out, _ := h.do("events", "--all", "--json")
	for line := range strings.Lines(out) {
		var e struct {
			Disposition int `json:"disposition_id"`
			Action      int `json:"action_id"`
			Unmapped    struct{ Reeve struct{ Applied bool } }
		}
		must(h.t, json.Unmarshal([]byte(line), &e))
		if e.Disposition == 2 || e.Action == 2 || e.Unmapped.Reeve.Applied {
			h.t.Errorf("something was stopped: %s", line)
		}
	}
}

// refusesToStart runs a daemon that must end by itself, and gives its pid and what it said.
func (h *host) refusesToStart(args ...string) (pid int, said string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), hostWait)
	defer cancel()
	daemon := h.daemon(ctx, args...)
	var text strings.Builder
	daemon.Stderr = &text
	if err := daemon.Run(); daemon.ProcessState.ExitCode() != 2 {
		h.t.Errorf("reeved %v ends with %v, want status 2\n%s", args, err, &text)
	}
	return daemon.Process.Pid, text.String()
}

// Two real daemons: the second one says who holds the lock, and leaves the first one at work.
func TestSecondDaemonNamesTheFirst(t *testing.T) {
	h := startHost(t, stage(t))
	second, said := h.refusesToStart()
	if want := fmt.Sprintf("reeved: already running: process %d holds %s/reeved.lock\n", h.pid, filepath.Dir(h.socket())); said != want || second == h.pid {
		t.Errorf("process %d says %q, want %q", second, said, want)
	}
	h.want(0, "", "status")
}

// Where no form enforces, a daemon that has to does not begin, and says what is missing.
func TestRequiredCoverageIsNotToBeHad(t *testing.T) {
	h := newHost(t, stage(t))
	coverage := "observe"
	if gated(t) {
		coverage = "network"
	}
	h.lacks(coverage, "--require", "full")
	config, err := os.ReadFile(h.config)
	must(t, err)
	must(t, os.WriteFile(h.config, append([]byte("require = \"full\"\n"), config...), 0o600))
	h.lacks(coverage)
	h.serve("--require", coverage) // the control: what there is may be required
	h.want(0, coverage, "status")
}

// lacks wants a daemon to refuse for want of full coverage, and to leave nothing behind that answers.
func (h *host) lacks(coverage string, args ...string) {
	h.t.Helper()
	_, said := h.refusesToStart(args...)
	for _, want := range []string{
		"reeved: coverage is " + coverage + ", full is required: as lsm: the kernel does not let this process load enforcing programs",
		"; as fmod_ret: the kernel does not ", "hint: reeve doctor says",
	} {
		if !strings.Contains(said, want) {
			h.t.Errorf("reeved %v does not say %q:\n%s", args, want, said)
		}
	}
	if _, err := os.Stat(h.socket()); !errors.Is(err, os.ErrNotExist) {
		h.t.Errorf("it left its socket behind: %v", err)
	}
}
