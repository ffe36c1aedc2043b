// SPDX-License-Identifier: Apache-2.0

// Package plugintest is what tests of plugins need: plugins that are built, a back end that can be as bad as real ones are,
// and a clock that lets minutes pass in a second.
package plugintest

import (
	"bufio"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Build builds programs of this module, by their folders below it, and returns the folder that they are in.
func Build(t testing.TB, packages ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range packages {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, filepath.Base(p)), "github.com/reeve-sensor/reeve/"+p)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", p, err, out)
		}
	}
	return dir
}

// Clock is the machine's, so many times as fast.
type Clock int

// Now is the time, for differences.
func (c Clock) Now() time.Time { return began.Add(time.Since(began) * time.Duration(c)) }

// After waits.
func (c Clock) After(d time.Duration) <-chan time.Time { return time.After(d / time.Duration(c)) }

var began = time.Now()

// Wait waits for something to become true.
func Wait(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s: in vain", what)
		}
	}
}

// Backend takes lines: an event's id each, answered by "ok".
type Backend struct {
	Address string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	lines    []string
	delay    time.Duration
	answer   string
}

// NewBackend makes one that is up.
func NewBackend(t testing.TB) *Backend {
	t.Helper()
	b := &Backend{Address: "127.0.0.1:0", conns: map[net.Conn]bool{}, answer: "ok"}
	b.Up(t)
	t.Cleanup(b.Down)
	return b
}

// Up listens, at the same address as before.
func (b *Backend) Up(t testing.TB) {
	t.Helper()
	l, err := net.Listen("tcp", b.Address)
	if err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	b.listener, b.Address = l, l.Addr().String()
	b.mu.Unlock()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b.mu.Lock()
			b.conns[c] = true
			b.mu.Unlock()
			go b.serve(c)
		}
	}()
}

// Down ends all connections and refuses new ones.
func (b *Backend) Down() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listener.Close()
	for c := range b.conns {
		c.Close()
		delete(b.conns, c)
	}
}

// Behave makes it slow, or lets it answer something else.
func (b *Backend) Behave(delay time.Duration, answer string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.delay, b.answer = delay, answer
}

func (b *Backend) serve(c net.Conn) {
	defer c.Close()
	for s := bufio.NewScanner(c); s.Scan(); {
		b.mu.Lock()
		delay, answer := b.delay, b.answer
		if answer == "ok" {
			b.lines = append(b.lines, s.Text())
		}
		b.mu.Unlock()
		time.Sleep(delay)
		if _, err := fmt.Fprintln(c, answer); err != nil {
			return
		}
	}
}

// Lines are what arrived.
func (b *Backend) Lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.lines...)
}

// Has reports whether some line has a text in it.
func (b *Backend) Has(text string) bool { return strings.Contains(strings.Join(b.Lines(), "\n"), text) }
