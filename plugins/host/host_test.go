// SPDX-License-Identifier: Apache-2.0

package host_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/plugins/api"
	"github.com/reeve-sensor/reeve/plugins/host"
	"github.com/reeve-sensor/reeve/plugins/plugintest"
	"github.com/reeve-sensor/reeve/testdata/need"
)

// programs are built once for all tests.
var programs = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "reeve-plugins-")
	if err != nil {
		panic(err)
	}
	return dir
})

var built sync.Once

func program(t testing.TB, name string) string {
	t.Helper()
	built.Do(func() {
		from := plugintest.Build(t, "plugins/plugintest/hostile", "plugins/contain")
		for _, p := range []string{"hostile", "contain"} {
			raw, err := os.ReadFile(filepath.Join(from, p))
			if err == nil {
				err = os.WriteFile(filepath.Join(programs(), p), raw, 0o755)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	return filepath.Join(programs(), name)
}

func TestMain(m *testing.M) {
	if os.Getenv(daemonVariable) != "" {
		daemon()
		return
	}
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil { // they wait more than they work
		panic(err)
	}
	if err := os.Setenv("REEVE_TEST_INHERITED", "1"); err != nil { // what no plugin may have
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(programs())
	os.Exit(code)
}

// fast is how much faster than the machine's the host's clock runs.
const fast = plugintest.Clock(100)

// users are numbers that nobody has.
var users atomic.Uint32

// spec is a plugin with a user of its own.
func spec(t testing.TB, name string, b *plugintest.Backend) host.Spec {
	s := host.Spec{
		Name: name, Path: program(t, "hostile"), User: fmt.Sprint(61300 + users.Add(1)), Events: host.Notable, Timeout: 2 * time.Second, Memory: 256 << 20,
		Settings: map[string]any{},
	}
	if b != nil {
		s.Settings["backend"] = b.Address
	}
	return s
}

// running is a host, and what it said and was asked.
type running struct {
	*host.Host
	stop func()

	mu      sync.Mutex
	notices []host.Notice
	acts    []host.Act
}

func options(t testing.TB, specs ...host.Spec) host.Options {
	t.Helper()
	dir, err := os.MkdirTemp("", "reeve-") // short, for the names of sockets
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return host.Options{
		Run: filepath.Join(dir, "run"), State: filepath.Join(dir, "state"), QueueBytes: 64 << 20, Plugins: specs,
		Host: api.Host{Name: "machine", Version: "1"}, Log: slog.New(slog.NewTextHandler(testWriter{t}, nil)), Clock: fast, Patience: 3 * time.Second,
	}
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func start(t testing.TB, o host.Options) *running {
	t.Helper()
	r := &running{}
	o.Act = func(_ context.Context, a host.Act) (int, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.acts = append(r.acts, a)
		if a.Reason == "fail" {
			return 0, errors.New("the kernel does not")
		}
		return 1, nil
	}
	o.Tell = func(n host.Notice) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.notices = append(r.notices, n)
	}
	var err error
	if r.Host, err = host.New(o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

func (r *running) told(name string) (all []host.Notice) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.notices {
		if n.Name == name {
			all = append(all, n)
		}
	}
	return all
}

func (r *running) asked() []host.Act {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.acts)
}

// event makes one.
func event(id string) host.Event {
	return host.Event{Notable: true, Make: func() (*api.Event, error) {
		return &api.Event{ID: id, Time: time.Unix(1, 0), Kind: "access", Severity: "medium", Message: "deny \xff", OCSF: []byte(`{}`)}, nil
	}}
}

func export(r *running, from, to int) {
	for n := from; n < to; n++ {
		r.Export(event(fmt.Sprintf("e%d", n)))
	}
}

// complete waits until every event arrived, each under its own id.
func complete(t testing.TB, b *plugintest.Backend, to int) (twice int) {
	t.Helper()
	seen := map[string]int{}
	missing := func() int {
		clear(seen)
		for _, l := range b.Lines() {
			seen[l]++
		}
		n := 0
		for i := range to {
			if seen[fmt.Sprintf("e%d", i)] == 0 {
				n++
			}
		}
		return n
	}
	plugintest.Wait(t, fmt.Sprintf("%d events", to), func() bool { return missing() == 0 })
	if len(seen) != to {
		t.Errorf("%d different events arrived, %d were sent", len(seen), to)
	}
	for _, n := range seen {
		twice += n - 1
	}
	return twice
}

func status(r *running) host.Status { return r.Status()[0] }

func TestEventsArriveInOrder(t *testing.T) {
	b := plugintest.NewBackend(t)
	r := start(t, options(t, spec(t, "good", b)))
	began := time.Now()
	export(r, 0, 2000)
	if took := time.Since(began); took > time.Second {
		t.Errorf("2000 events took %s of who had them happen", took)
	}
	if twice := complete(t, b, 2000); twice != 0 || b.Lines()[1999] != "e1999" {
		t.Errorf("%d twice, the last is %s", twice, b.Lines()[1999])
	}
	plugintest.Wait(t, "the count", func() bool { return status(r).Exported == 2000 })
	if s := status(r); s.State != host.Running || s.Version != "1" || s.PID == 0 || len(s.SHA256) != 64 || s.Queued != 0 {
		t.Errorf("%+v", s)
	}
}

func TestWhoCrashesOrHangsAtAnyMomentLosesNothing(t *testing.T) {
	for _, name := range []string{
		"crash-start", "crash-configure", "crash-health", "crash-export", "exit-start", "exit-export", "hang-start", "hang-configure",
		"hang-health", "hang-export", "garbage-start", "longline-start", "address-start", "network-start", "version-start", "leak-configure",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := plugintest.NewBackend(t)
			o := options(t, spec(t, name, b))
			o.Patience = time.Second
			o.Plugins[0].Timeout = time.Second
			if name == "leak-configure" {
				o.Plugins[0].Memory = 64 << 20
			}
			r := start(t, o)
			export(r, 0, 100)
			plugintest.Wait(t, "two restarts", func() bool { return status(r).Restarts >= 2 })
			plugintest.Wait(t, "a problem", func() bool { return status(r).Problem != "" })
			began := time.Now()
			export(r, 100, 1000)
			if took := time.Since(began); took > time.Second {
				t.Errorf("900 events took %s", took)
			}
			r.stop()
			if len(r.told(host.NoticeLost)) > 0 {
				t.Errorf("lost: %v", r.told(host.NoticeLost))
			}
			o.Plugins[0].Name, o.Plugins[0].Memory = "good", 256<<20 // the next version of the plugin
			if err := os.Rename(filepath.Join(o.State, name), filepath.Join(o.State, "good")); err != nil {
				t.Fatal(err)
			}
			start(t, o)
			complete(t, b, 1000)
		})
	}
}

func TestOtherVersionOfTheContractIsRefused(t *testing.T) {
	t.Parallel()
	r := start(t, options(t, spec(t, "version-start", nil)))
	plugintest.Wait(t, "the problem", func() bool { return strings.Contains(status(r).Problem, "Plugin version: 7, Client versions: [1]") })
	plugintest.Wait(t, "a notice", func() bool { return len(r.told(host.NoticeDown)) == 1 })
}

func TestWhoLeaksIsEnded(t *testing.T) {
	t.Parallel()
	s := spec(t, "leak-configure", nil)
	s.Memory = 64 << 20
	r := start(t, options(t, s))
	plugintest.Wait(t, "the end", func() bool { return strings.Contains(status(r).Problem, "memory") })
}

func TestWhoFloodsIsHeardALittle(t *testing.T) {
	b := plugintest.NewBackend(t)
	o := options(t, spec(t, "flood-configure", b))
	var log countingWriter
	begin := time.Now()
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	o.Clock = nil
	r := start(t, o)
	export(r, 0, 500)
	complete(t, b, 500)
	time.Sleep(time.Second)
	// thirty at once, one a second, and what the host itself says
	if n, most := log.lines(), 60+int(time.Since(begin).Seconds()); n > most {
		t.Errorf("%d lines of it are in the log, want %d at most", n, most)
	}
}

type countingWriter struct {
	mu sync.Mutex
	n  int
}

func (w *countingWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n++
	return len(b), nil
}

func (w *countingWriter) lines() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n
}

func TestBackEndThatIsDownForFiveMinutes(t *testing.T) {
	t.Parallel()
	b := plugintest.NewBackend(t)
	b.Down()
	o := options(t, spec(t, "good", b))
	o.Patience, o.Plugins[0].Timeout = time.Minute, time.Minute // no restart is to come of a busy machine
	r := start(t, o)
	export(r, 0, 3000)
	plugintest.Wait(t, "a notice", func() bool { return len(r.told(host.NoticeDown)) == 1 })
	if s := status(r); s.State != host.Waiting || !strings.Contains(s.Problem, "refused") || s.Until.Before(s.Since) {
		t.Errorf("%+v", s)
	}
	sent := 3000
	for began := fast.Now(); fast.Now().Sub(began) < 5*time.Minute; time.Sleep(10 * time.Millisecond) {
		handed := time.Now()
		export(r, sent, sent+10)
		if took := time.Since(handed); took > 250*time.Millisecond {
			t.Errorf("10 events took %s of who had them happen", took)
		}
		sent += 10
	}
	if n := len(r.told(host.NoticeDown)); n != 1 {
		t.Errorf("it was told %d times", n)
	}
	b.Up(t)
	if twice := complete(t, b, sent); twice > 0 {
		t.Errorf("%d came twice", twice)
	}
	plugintest.Wait(t, "the all-clear", func() bool { return len(r.told(host.NoticeUp)) == 1 && status(r).State == host.Running })
	if s := status(r); s.Restarts != 0 || s.Dropped != 0 {
		t.Errorf("%+v", s)
	}
}

// A plugin that runs and says that it is not well is shown as that, and goes on.
func TestHealthIsInTheStatus(t *testing.T) {
	t.Parallel()
	b := plugintest.NewBackend(t)
	r := start(t, options(t, spec(t, "ill-health", b)))
	plugintest.Wait(t, "what it says", func() bool { return status(r).Health == "its certificate ends tomorrow" })
	export(r, 0, 100)
	complete(t, b, 100)
	if s := status(r); s.State != host.Running || s.Restarts != 0 {
		t.Errorf("%+v", s)
	}
}

func TestBackEndThatRefusesOrIsSlow(t *testing.T) {
	t.Parallel()
	b := plugintest.NewBackend(t)
	b.Behave(0, "no")
	r := start(t, options(t, spec(t, "good", b)))
	export(r, 0, 200)
	plugintest.Wait(t, "its answer", func() bool { return strings.Contains(status(r).Problem, "says no") })
	b.Behave(5*time.Millisecond, "ok") // a batch takes longer than the host waits: then smaller ones are sent
	complete(t, b, 200)
	plugintest.Wait(t, "the end", func() bool { return status(r).Queued == 0 })
	b.Behave(0, "ok")
	export(r, 200, 500)
	complete(t, b, 500)
}

func TestEventThatEndsThePluginIsLeftOutAndTold(t *testing.T) {
	t.Parallel()
	b := plugintest.NewBackend(t)
	s := spec(t, "good", b)
	s.Settings["poison"] = "poison"
	r := start(t, options(t, s))
	export(r, 0, 100)
	r.Export(event("poison"))
	export(r, 100, 300)
	complete(t, b, 300)
	plugintest.Wait(t, "the count", func() bool { return status(r).Refused == 1 && status(r).Exported == 300 })
	if told := r.told(host.NoticeLost); len(told) != 1 || !strings.Contains(told[0].Message, "event poison") {
		t.Errorf("%v", told)
	}
}

func TestFullQueueIsCountedAndDelaysNobody(t *testing.T) {
	b := plugintest.NewBackend(t)
	b.Down()
	o := options(t, spec(t, "good", b))
	o.QueueBytes = 1 << 20
	r := start(t, o)
	began := time.Now()
	const many = 60000
	export(r, 0, many)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("%d events took %s", many, took)
	}
	plugintest.Wait(t, "all to be stored or counted", func() bool { s := status(r); return s.Queued+s.Dropped == many })
	s := status(r)
	if s.Dropped == 0 || s.Bytes > 1<<20 {
		t.Errorf("%+v", s)
	}
	plugintest.Wait(t, "a notice", func() bool { return len(r.told(host.NoticeLost)) == 1 })
	b.Up(t)
	complete(t, b, int(s.Queued)) // the first ones
}

// What is said to be settled is on disk, for every plugin.
func TestSettledIsOnDisk(t *testing.T) {
	b := plugintest.NewBackend(t)
	b.Down()
	r := start(t, options(t, spec(t, "one", b), spec(t, "two", b)))
	const many = 5000
	export(r, 0, many)
	queued := make(chan []uint64, 1)
	r.Settle(func() {
		var n []uint64
		for _, s := range r.Status() {
			n = append(n, s.Queued)
		}
		queued <- n
	})
	select {
	case n := <-queued:
		if !slices.Equal(n, []uint64{many, many}) {
			t.Errorf("%v of %d each were on disk when that was said to be so", n, many)
		}
	case <-time.After(time.Minute):
		t.Fatal("nobody says that events are on disk")
	}
}

// Who asks where there is no room is told so, and may ask again.
func TestSettledIsNotAskedWhereNothingFits(t *testing.T) {
	b := plugintest.NewBackend(t)
	b.Down()
	o := options(t, spec(t, "one", b), spec(t, "two", b))
	o.Tell = func(host.Notice) {}
	h, err := host.New(o)
	if err != nil {
		t.Fatal(err)
	}
	for h.Status()[1].Dropped == 0 {
		h.Export(event("e"))
	}
	if h.Settle(func() { t.Error("it is said that events are on disk, and nobody writes") }) {
		t.Error("there was no room to ask")
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	settled := make(chan struct{})
	plugintest.Wait(t, "room to ask", func() bool { return h.Settle(sync.OnceFunc(func() { close(settled) })) })
	<-settled
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestProgramThatIsSwappedIsRefused(t *testing.T) {
	for name, pinned := range map[string]bool{"pinned by the configuration": true, "as it was found first": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "good")
			raw, err := os.ReadFile(program(t, "hostile"))
			if err == nil {
				err = os.WriteFile(file, raw, 0o755)
			}
			if err != nil {
				t.Fatal(err)
			}
			b := plugintest.NewBackend(t)
			s := spec(t, "good", b)
			s.Path = file
			first := start(t, options(t, s))
			export(first, 0, 1)
			complete(t, b, 1)
			sum := status(first).SHA256
			if pinned {
				s.SHA256 = sum
				first.stop()
				first = start(t, options(t, s))
				plugintest.Wait(t, "the start", func() bool { return status(first).State == host.Running })
			}
			// As an attacker would: in place, while the plugin runs. It goes on from the copy.
			if err := os.WriteFile(file, append(raw, 0), 0o755); err != nil {
				t.Fatal(err)
			}
			endProcess(t, status(first).PID)
			plugintest.Wait(t, "the refusal", func() bool { return strings.Contains(status(first).Problem, "is not what is pinned") })
			if err := os.WriteFile(file, raw, 0o755); err != nil {
				t.Fatal(err)
			}
			plugintest.Wait(t, "the next start", func() bool { return status(first).State == host.Running })
		})
	}
}

func TestUnpinnedProgramThatOthersMayWriteIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "good")
	raw, err := os.ReadFile(program(t, "hostile"))
	if err == nil {
		err = os.WriteFile(file, raw, 0o755)
	}
	if err == nil {
		err = os.Chmod(file, 0o757)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := spec(t, "good", nil)
	s.Path = file
	r := start(t, options(t, s))
	plugintest.Wait(t, "the refusal", func() bool { return strings.Contains(status(r).Problem, "others may write good") })
}

func TestSettingsAreHeldAgainstWhatThePluginKnows(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(*host.Spec)
		want   string
	}{
		"unknown":       {func(s *host.Spec) { s.Settings["bakend"] = "x" }, "bakend is unknown, there are backend, poison"},
		"other kind":    {func(s *host.Spec) { s.Settings["backend"] = int64(1) }, "backend is not a text"},
		"not secret":    {func(s *host.Spec) { s.Settings["token"] = "x" }, "token is secret"},
		"open secret":   {func(s *host.Spec) { s.Secrets = map[string]string{"token": open} }, "others may read the secret"},
		"secret's gone": {func(s *host.Spec) { s.Secrets = map[string]string{"token": open + "x"} }, "no such file"},
		"no program":    {func(s *host.Spec) { s.Path, s.Name = "", "none" }, "no program none"},
		"root":          {func(s *host.Spec) { s.User = "0" }, "root"},
		"a person":      {func(s *host.Spec) { s.User = "1000" }, "is a person's by its number 1000"},
		"no user":       {func(s *host.Spec) { s.User = "reeve-nobody-has-it" }, "no user reeve-nobody-has-it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "root" || name == "no user" || name == "a person" {
				need.Root(t) // who alone changes users
			}
			s := spec(t, "good", nil)
			tc.change(&s)
			r := start(t, options(t, s))
			plugintest.Wait(t, tc.want, func() bool { return strings.Contains(status(r).Problem, tc.want) })
		})
	}
}
