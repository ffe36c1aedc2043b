// SPDX-License-Identifier: Apache-2.0

package vm

// The harness proved on guests: a harness that reports success wrongly would make every other test
// worthless, so each way in which a guest can end is tried.

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/need"
)

// needVM is for tests that run a guest.
func needVM(t *testing.T) {
	t.Helper()
	for _, name := range []string{"qemu-system-x86_64", "busybox", "modprobe"} {
		if _, err := exec.LookPath(name); err != nil {
			need.Missing(t, need.VM, err)
		}
	}
	if os.Getuid() != 0 {
		need.Missing(t, need.VM, "not root, whom modules and virtiofs need")
	}
}

func boot(t *testing.T, c Config) Result {
	t.Helper()
	needVM(t)
	c.Log = t.Output()
	result, err := Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s %s: code %d, job after %s, whole %s, processors busy %s", result.Kernel, c.Mode, result.Code, result.Up,
		result.Elapsed.Round(100*time.Millisecond), result.Busy.Round(100*time.Millisecond))
	return result
}

func TestExitCodeOnEveryKernel(t *testing.T) {
	for _, series := range Series() {
		t.Run(series, func(t *testing.T) {
			r := boot(t, Config{Kernel: series, Command: "uname -r; exit 5"})
			if r.Code != 5 {
				t.Errorf("code %d, want 5\n%s", r.Code, r.Console)
			}
			if !strings.HasPrefix(r.Kernel, series+".") || !strings.Contains(r.Console, r.Kernel) {
				t.Errorf("kernel %q", r.Kernel)
			}
			if !strings.Contains(r.LSM, "bpf") {
				t.Errorf("security modules %q, want bpf among them", r.LSM)
			}
		})
	}
}

func TestSuccessComesWithFilesDisksAndModules(t *testing.T) {
	out := t.TempDir()
	input := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(input, []byte("from the host"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := boot(t, Config{
		LSM: NoBPF, Ext4: "/scratch", Out: out, Env: []string{"WORD=it's here"},
		Files:   []File{{From: input}, {From: input, To: "/etc/other"}},
		Command: "set -e; cmp input /etc/other; cp input /scratch/a; mkdir /out/sub; cp /scratch/a /out/sub/a; echo \"$WORD\" > /out/word; grep ' /scratch ext4 ' /proc/mounts",
	})
	if r.Code != 0 {
		t.Fatalf("code %d\n%s", r.Code, r.Console)
	}
	if strings.Contains(r.LSM, "bpf") {
		t.Errorf("security modules %q, want none of bpf", r.LSM)
	}
	for name, want := range map[string]string{"sub/a": "from the host", "word": "it's here\n"} {
		if got, err := os.ReadFile(filepath.Join(out, name)); string(got) != want {
			t.Errorf("%s came back as %q, want %q (%v)", name, got, want, err)
		}
	}
}

func TestTimeOut(t *testing.T) {
	r := boot(t, Config{Command: "echo started; sleep 600", Timeout: 15 * time.Second})
	if r.Code != CodeTimeout {
		t.Errorf("code %d, want %d", r.Code, CodeTimeout)
	}
}

func TestGuestThatDies(t *testing.T) {
	for name, c := range map[string]Config{
		"no-first-program":                     {Command: "true", Append: "rdinit=/missing"},
		"no-first-program-under-a-host's-root": {Mode: Root, Command: "true", Append: "rdinit=/missing"},
		"panic-under-the-job":                  {Command: "echo c > /proc/sysrq-trigger; sleep 60"},
	} {
		t.Run(name, func(t *testing.T) {
			r := boot(t, c)
			if r.Code != CodeDied || !strings.Contains(r.Console, "Kernel panic") {
				t.Errorf("code %d, want %d and a panic\n%s", r.Code, CodeDied, r.Console)
			}
		})
	}
}

func TestRootOfTheHost(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	layer := t.TempDir()
	if err := os.WriteFile(filepath.Join(layer, "from-layer"), []byte("layer\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := boot(t, Config{Mode: Root, Layers: []string{layer}, Command: `set -e
		git --version
		/usr/bin/python3 -c 'print(6*7)'
		su alice -c 'touch ~/mine && id -un'
		cat /from-layer
		modprobe dummy
		! touch /host` + mark + `
		touch /usr/bin/new`})
	if r.Code != 0 {
		t.Fatalf("code %d\n%s", r.Code, r.Console)
	}
	for _, want := range []string{"git version", "42\n", "alice\n", "layer\n", "Read-only file system"} {
		if !strings.Contains(r.Console, want) {
			t.Errorf("the console lacks %q\n%s", want, r.Console)
		}
	}
	if exists(mark) || exists("/usr/bin/new") {
		t.Error("the guest wrote to the host")
	}
}

func TestSystemdOnEveryKernel(t *testing.T) {
	for _, series := range Series() {
		t.Run(series, func(t *testing.T) {
			r := boot(t, Config{Kernel: series, Mode: Systemd, Command: `set -e
				systemctl is-active basic.target dbus.socket systemd-logind.service reeve-job.service
				systemd-run --quiet --wait --pipe echo from a transient unit
				test "$(hostname)" = reeve-vm
				! systemctl --quiet is-active console-getty.service apt-daily.timer
				exit 7`})
			if r.Code != 7 || !strings.Contains(r.Console, "from a transient unit") {
				t.Errorf("code %d, want 7\n%s", r.Code, r.Console)
			}
		})
	}
}

// Two boots that count instructions agree, whatever the host does meanwhile.
func TestInstructionCountsRepeat(t *testing.T) {
	var counts []time.Duration
	for range 2 {
		r := boot(t, Config{ICount: true, Command: "true"})
		if r.Code != 0 {
			t.Fatalf("code %d\n%s", r.Code, r.Console)
		}
		counts = append(counts, r.Up)
	}
	if low, high := min(counts[0], counts[1]), max(counts[0], counts[1]); high-low > low/20 {
		t.Errorf("the job began at %s and %s of the guest's clock", counts[0], counts[1])
	}
}

func TestGoTestRunsInTheGuest(t *testing.T) {
	needVM(t)
	for name, tc := range map[string]struct {
		args []string
		code int
		want string
	}{
		"passes-the-success-through": {[]string{"-test.v", "-test.run", "^TestReportOfTheGuest$"}, 0, "--- PASS: TestReportOfTheGuest"},
		"passes-the-failure-through": {[]string{"-test.run", "^TestTimeOut$"}, 1, "executable file not found"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := GoTest(context.Background(), Config{Env: []string{"REQUIRE=vm"}}, ".", tc.args...)
			if err != nil {
				t.Fatal(err)
			}
			if r.Code != tc.code || !strings.Contains(r.Console, tc.want) {
				t.Errorf("code %d, want %d and %q\n%s", r.Code, tc.code, tc.want, r.Console)
			}
		})
	}
}
