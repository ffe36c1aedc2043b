// SPDX-License-Identifier: Apache-2.0

package resolvers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// fakeTable keeps what it is given.
type fakeTable struct {
	most int
	has  []netip.Addr
	err  error
}

func (f *fakeTable) MaxResolvers() int { return f.most }

func (f *fakeTable) SetResolvers(list []netip.Addr) error {
	if f.err == nil {
		f.has = slices.Clone(list)
	}
	return f.err
}

func (f *fakeTable) String() string {
	return strings.Trim(fmt.Sprint(f.has), "[]")
}

// following starts a Keeper on a machine's files.
func following(h host, t *fakeTable) (*Keeper, *bytes.Buffer) {
	var said bytes.Buffer
	k := New(h.sources(), slog.New(slog.NewTextHandler(&said, nil)))
	if err := k.Fill(t); err != nil {
		h.Fatal(err)
	}
	return k, &said
}

func TestKernelFollowsFiles(t *testing.T) {
	h := newHost(t)
	h.write("etc/resolv.conf", "nameserver 10.0.0.1\n")
	table := &fakeTable{most: 8}
	k, said := following(h, table)
	file := filepath.Join(h.root, "etc/resolv.conf")
	for _, step := range []struct {
		what string
		do   func()
		want string
	}{
		{"at the start", func() {}, "10.0.0.1"},
		{"written in place", func() { h.write("etc/resolv.conf", "nameserver 10.0.0.1\nnameserver 10.0.0.2\n") }, "10.0.0.1 10.0.0.2"},
		{"emptied for a moment", func() { h.write("etc/resolv.conf", "") }, "127.0.0.1 10.0.0.1 10.0.0.2"},
		{"and there again", func() { h.write("etc/resolv.conf", "nameserver 10.0.0.1\nnameserver 10.0.0.2\n") }, "10.0.0.1 10.0.0.2 127.0.0.1"},
		{"settled", func() {}, "10.0.0.1 10.0.0.2"},
		{"renamed over", func() {
			h.write("etc/new", "nameserver 10.0.0.3\n")
			if err := os.Rename(filepath.Join(h.root, "etc/new"), file); err != nil {
				t.Fatal(err)
			}
		}, "10.0.0.3 10.0.0.1 10.0.0.2"},
		{"who is gone stays gone", func() {}, "10.0.0.3"},
		{"made a link", func() {
			h.write(stub, "nameserver 127.0.0.53\n")
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			h.link("/"+stub, "etc/resolv.conf")
		}, "127.0.0.53 10.0.0.3"},
		{"whom it asks", func() { h.write(upstream, "nameserver 10.0.0.4\n") }, "127.0.0.53 10.0.0.4"},
		{"that cannot be read", func() {
			if err := errors.Join(os.Remove(filepath.Join(h.root, upstream)), os.Mkdir(filepath.Join(h.root, upstream), 0o755)); err != nil {
				t.Fatal(err)
			}
		}, "127.0.0.53 10.0.0.4"},
		{"and still cannot", func() {}, "127.0.0.53 10.0.0.4"},
		{"and is no more", func() {
			if err := os.Remove(filepath.Join(h.root, upstream)); err != nil {
				t.Fatal(err)
			}
		}, "127.0.0.53 10.0.0.4"},
		{"settled again", func() {}, "127.0.0.53"},
	} {
		step.do()
		if err := k.look(); err != nil {
			t.Fatal(err)
		}
		if table.String() != step.want {
			t.Errorf("%s: got %s, want %s", step.what, table, step.want)
		}
	}
	if now := k.Now(); shown(now) != "127.0.0.53<etc" {
		t.Errorf("now: %v", now)
	}
	if n := strings.Count(said.String(), "reading /run/systemd/resolve/resolv.conf"); n != 1 {
		t.Errorf("the problem was told %d times", n)
	}
	if n := strings.Count(said.String(), "removed=[10.0.0.4]"); n != 1 {
		t.Errorf("the removal was told %d times:\n%s", n, said)
	}
}

// A daemon that adopts what another one left makes it hold whom the files name, at once.
func TestFillTakesAwayWhatWasLeft(t *testing.T) {
	h := newHost(t)
	h.write("etc/resolv.conf", "nameserver 10.0.0.1\n")
	first, second := &fakeTable{most: 8}, &fakeTable{most: 8, has: []netip.Addr{netip.MustParseAddr("10.9.9.9")}}
	k, _ := following(h, first)
	if err := k.Fill(second); err != nil || second.String() != "10.0.0.1" {
		t.Errorf("%s, %v", second, err)
	}
}

func TestMoreThanTheKernelHoldsIsSaid(t *testing.T) {
	h := newHost(t)
	h.write("etc/resolv.conf", "nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n")
	table := &fakeTable{most: 2}
	_, said := following(h, table)
	if table.String() != "10.0.0.1 10.0.0.2" || !strings.Contains(said.String(), "3 resolvers are named, the kernel holds 2") {
		t.Errorf("%s\n%s", table, said)
	}
}

// What the kernel did not take is tried again.
func TestKernelThatRefusesIsAskedAgain(t *testing.T) {
	h := newHost(t)
	table := &fakeTable{most: 8}
	k, _ := following(h, table)
	h.write("etc/resolv.conf", "nameserver 10.0.0.1\n")
	table.err = errors.New("no")
	if err := k.look(); !errors.Is(err, table.err) {
		t.Errorf("got %v", err)
	}
	table.err = nil
	if err := errors.Join(k.look(), k.look()); err != nil || table.String() != "10.0.0.1" {
		t.Errorf("%s, %v", table, err)
	}
}

func TestRunLooksUntilItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t)
		table := &fakeTable{most: 8}
		k, _ := following(h, table)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { k.Run(ctx); close(done) }()
		h.write("etc/resolv.conf", "nameserver 10.0.0.1\n")
		time.Sleep(3 * every)
		if now := k.Now(); shown(now) != "10.0.0.1<etc" {
			t.Errorf("%v", now)
		}
		stop()
		<-done
	})
}
