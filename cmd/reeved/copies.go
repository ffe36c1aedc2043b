// SPDX-License-Identifier: Apache-2.0

// This file wires what finds copies of refused programs: told of what sessions write, and of the programs whenever the policy changes.

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/copies"
	"github.com/reeve-sensor/reeve/sensor/inventory/disk"
)

// How often it is looked whether the policy changed, and how often programs are looked for all the same: an update of the system puts others in
// their place.
const (
	refusedEvery   = time.Second
	originalsEvery = time.Minute
)

// copying keeps the kernel's table of copies.
type copying struct {
	watcher  *copies.Watcher
	wrote    func(*os.File) (bool, error)
	policies *policies
	log      *slog.Logger

	told   uint64 // generation of the policy from which programs were looked for
	at     time.Time
	warned bool
}

// copied is what the kernel knows of files.
type copied interface {
	copies.Table
	// IsWritten reports whether a session wrote an open file.
	IsWritten(*os.File) (bool, error)
}

func newCopying(table copied, p *policies, log *slog.Logger) *copying {
	return &copying{watcher: copies.New(copies.Options{Table: table, Near: (&nearby{}).near}), wrote: table.IsWritten, policies: p, log: log}
}

// run keeps it until ctx ends. Where it cannot be kept everything else goes on.
func (c *copying) run(ctx context.Context) {
	var wait sync.WaitGroup
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	wait.Go(func() { often(ctx, refusedEvery, func() { c.look(time.Now()) }) })
	if err := c.watcher.Run(ctx); err != nil {
		c.log.Warn("copies of programs that policy refuses are not found", "problem", err)
	}
	stop()
	wait.Wait()
}

// look looks for the programs anew where something may have changed.
func (c *copying) look(now time.Time) {
	l := c.policies.now()
	if l == nil || l.image.Generation == c.told && now.Sub(c.at) < originalsEvery {
		return
	}
	c.told, c.at = l.image.Generation, now
	avoid, err := disk.Remote(nil)
	if err != nil {
		c.log.Warn("which programs policy refuses is not known", "problem", err)
		return
	}
	programs, whole := site.Originals(l.image, avoid, c.wrote)
	if !whole && !c.warned {
		c.log.Warn("there are more programs than are looked through for copies of them")
		c.warned = true
	}
	c.watcher.Set(programs)
}

func (c *copying) facts() []*pb.Counter {
	return []*pb.Counter{{Name: "copies_found", Value: c.watcher.Counts().Found}}
}

// nearby knows which file systems may not answer. It is asked for each file that a session writes, so it reads the mounts where they changed
// alone. One goroutine uses it.
type nearby struct {
	mounts *os.File
	avoid  []string
}

func (n *nearby) near(name string) error {
	changed, err := n.changed()
	if err != nil {
		return fmt.Errorf("asking whether mounts changed: %w", err)
	}
	if changed {
		if n.avoid, err = disk.Remote(nil); err != nil {
			n.mounts.Close()
			n.mounts = nil // asked again for the next one
			return err
		}
	}
	return disk.Root{Avoid: n.avoid}.Near(name[1:])
}

// changed reports whether the mounts did since it was asked last.
func (n *nearby) changed() (bool, error) {
	if n.mounts == nil {
		fd, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0) // os.Open lets Go's own poller take the change
		if err == nil {
			n.mounts = os.NewFile(uintptr(fd), "mountinfo")
		}
		return true, err
	}
	fds := []unix.PollFd{{Fd: int32(n.mounts.Fd()), Events: unix.POLLPRI}}
	ready, err := unix.Poll(fds, 0)
	return ready > 0, err
}
