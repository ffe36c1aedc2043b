// SPDX-License-Identifier: Apache-2.0

// This file is a build of a native agent: what its program is known by where the catalogue does not name the file.

package inventory

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/reeve-sensor/reeve/bpf"
)

// Build is how long a program is, and its first bytes: what the kernel has at hand when it is executed. Two files with one Build
// may differ behind these.
type Build struct {
	Size int64
	Head [bpf.BuildHead]byte
}

// ErrNotNative says that a file is no program that the processor runs itself: a script, or one that is too short.
var ErrNotNative = errors.New("no native program")

// ReadBuild reads the build of a program of so many bytes from its beginning. The error is ErrNotNative where it has none.
func ReadBuild(r io.Reader, size int64) (Build, error) {
	b := Build{Size: size}
	if size < int64(len(b.Head)) {
		return Build{}, ErrNotNative
	}
	if _, err := io.ReadFull(r, b.Head[:]); err != nil {
		return Build{}, fmt.Errorf("reading the first bytes of a program: %w", err)
	}
	if string(b.Head[:4]) != "\x7fELF" {
		return Build{}, ErrNotNative
	}
	return b, nil
}

// entryAt is where an ELF of 64 bits says at which address it begins (e_entry; elf(5)).
const entryAt = 24

// Entry is the address at which the program begins to run.
func (b *Build) Entry() uint64 { return binary.NativeEndian.Uint64(b.Head[entryAt:]) }

// Shipped is a build that an entry of the catalogue knows without having seen a file: `stat -c %s` and `head -c 256 | base64 -w 0`.
type Shipped struct {
	Version string `toml:"version"`
	Size    int64  `toml:"size"`
	Head    string `toml:"head"` // base64
}

// Build is what the row says.
func (s *Shipped) Build() (Build, error) {
	b := Build{Size: s.Size}
	raw, err := base64.StdEncoding.DecodeString(s.Head)
	switch {
	case err != nil:
		return Build{}, fmt.Errorf("head: %w", err)
	case len(raw) != len(b.Head):
		return Build{}, fmt.Errorf("head: %d bytes, not %d", len(raw), len(b.Head))
	case string(raw[:4]) != "\x7fELF":
		return Build{}, fmt.Errorf("head: %w", ErrNotNative)
	case s.Size < int64(len(b.Head)):
		return Build{}, fmt.Errorf("size: %d bytes hold no head", s.Size)
	}
	copy(b.Head[:], raw)
	return b, nil
}

// Marked reports whether the agent is known by its builds too. What only contains is not: editors and desktops share their programs
// with others, and a false one would hold everything below it.
func (a *Agent) Marked() bool { return !a.Host && !a.Shared }
