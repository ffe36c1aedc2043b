// SPDX-License-Identifier: Apache-2.0

// This file remembers the hashes of files, so that a pass reads what changed.

package disk

import (
	"io/fs"
	"sync"
	"syscall"
)

// stamp is what a file's change cannot leave as it is. Its times of change are the kernel's: nobody sets them back without root.
type stamp struct {
	dev, ino     uint64
	size         int64
	mtime, ctime syscall.Timespec
}

// Sums remembers so many hashes. It may be used by several goroutines.
type Sums struct {
	mu   sync.Mutex
	sums map[stamp]string
}

// sumsMax bounds them: about 10 MB.
const sumsMax = 50_000

// NewSums remembers nothing yet.
func NewSums() *Sums { return &Sums{sums: map[stamp]string{}} }

func stampOf(info fs.FileInfo) (stamp, bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stamp{}, false
	}
	return stamp{uint64(s.Dev), s.Ino, s.Size, s.Mtim, s.Ctim}, true
}

// Get gives the hash of a file that has not changed.
func (c *Sums) Get(_ string, info fs.FileInfo) (string, bool) {
	s, ok := stampOf(info)
	if !ok {
		return "", false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	sum, ok := c.sums[s]
	return sum, ok
}

// Put remembers one. info is from before the file was read: who writes meanwhile changes the stamp.
func (c *Sums) Put(_ string, info fs.FileInfo, sum string) {
	s, ok := stampOf(info)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sums) >= sumsMax {
		clear(c.sums)
	}
	c.sums[s] = sum
}
