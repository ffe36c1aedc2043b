// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/plugins/api"
	"github.com/reeve-sensor/reeve/plugins/host"
	"github.com/reeve-sensor/reeve/plugins/plugintest"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

// TestNewPluginCompilesAndServes: what is written is a plugin, with its own test, that a host can run.
func TestNewPluginCompilesAndServes(t *testing.T) {
	source, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "reeve-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	e, out := shown(false)
	if code := dispatch(context.Background(), e, []string{"plugin", "new", "pager"}); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	if code := dispatch(context.Background(), e, []string{"plugin", "new", "pager"}); code != 2 || !strings.Contains(out.String(), "reeve: plugin new: pager is there already") {
		t.Errorf("exit %d: %s", code, out)
	}
	t.Chdir("pager")
	sums, err := os.ReadFile(filepath.Join(source, "go.sum")) // so that nothing is downloaded
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("go.sum", sums, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"mod", "edit", "-replace", "github.com/reeve-sensor/reeve=" + source}, {"test", "-mod=mod", "./..."}, {"vet", "-mod=mod", "./..."},
		{"build", "-mod=mod", "-o", "../pager-built", "."},
	} {
		cmd := exec.Command("go", args...)
		cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOPROXY=off")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, text)
		}
	}
	if text, err := exec.Command("gofmt", "-l", ".").CombinedOutput(); err != nil || len(text) > 0 {
		t.Errorf("not formatted: %s, %v", text, err)
	}
	serve(t, filepath.Join(dir, "pager-built"))
}

func serve(t *testing.T, program string) {
	t.Helper()
	dir := filepath.Dir(program)
	h, err := host.New(host.Options{
		Run: filepath.Join(dir, "run"), State: filepath.Join(dir, "state"), QueueBytes: 1 << 20, Host: api.Host{Name: "ws1"},
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Tell: func(host.Notice) {},
		Plugins: []host.Spec{{Name: "pager", Path: program, User: "61601", Events: host.All, Timeout: 5 * time.Second, Memory: 256 << 20,
			Settings: map[string]any{"prefix": "p: "}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	h.Export(host.Event{Make: func() (*api.Event, error) { return &api.Event{ID: "1", Message: "m"}, nil }})
	h.Order("pager", "tell", 1, &api.Event{ID: "1", Rule: "r"})
	plugintest.Wait(t, "an export and a response", func() bool { s := h.Status()[0]; return s.Exported == 1 && s.Answered == 1 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestPluginsAreShown(t *testing.T) {
	e, out := shown(false)
	row := func(what, text string) { out.WriteString(pad(what, 9) + "  " + text + "\n") }
	printPlugins(e, []*pb.Plugin{
		{Name: "contain", Version: "1.0", State: "running", SinceMs: ms(0), Answered: 2},
		{Name: "syslog", Version: "1.0", State: "waiting", SinceMs: ms(0), Problem: "connection\x1b refused", UntilMs: ms(80), Exported: 3, Queued: 10, Dropped: 1},
	}, began.Add(60*time.Second), row)
	want := "plugins    contain 1.0 running since 1m00s: 2 responded\n           syslog 1.0 waiting since 1m00s: 3 exported, 10 queued, 1 dropped\n"
	if got := out.String(); !strings.HasPrefix(got, want) || !strings.Contains(got, "refused; next attempt in 20s") || strings.Contains(got, "\x1b ") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
