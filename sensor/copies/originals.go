// SPDX-License-Identifier: Apache-2.0

// This file compares files with programs: by size, then byte for byte, so that nothing is kept of a program that could be out of date.

package copies

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Originals are the programs that policy refuses, by size. Their paths are those by which the kernel names them.
type Originals map[int64][]string

// Of is the program whose bytes an open file has, or "". The program itself is no copy, whatever else it is called.
func (o Originals) Of(f *os.File) (string, error) {
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("looking at a file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return "", nil
	}
	for _, program := range o[info.Size()] {
		same, err := Same(f, program)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		if same {
			return program, nil
		}
	}
	return "", nil
}

// piece is how much is compared at a time.
const piece = 128 << 10

// Same reports whether a program is another file with the same bytes.
func Same(f *os.File, program string) (bool, error) {
	p, err := os.OpenFile(program, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return false, err
	}
	defer p.Close()
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	its, err := p.Stat()
	if err != nil || os.SameFile(mine, its) || mine.Size() != its.Size() || !its.Mode().IsRegular() {
		return false, err
	}
	return equal(io.NewSectionReader(f, 0, mine.Size()), io.NewSectionReader(p, 0, mine.Size()), mine.Size())
}

// equal reads until a difference. A file that became shorter meanwhile is another one.
func equal(a, b io.Reader, size int64) (bool, error) {
	x, y := make([]byte, piece), make([]byte, piece)
	for size > 0 {
		n := min(size, piece)
		for r, buf := range map[io.Reader][]byte{a: x[:n], b: y[:n]} {
			_, err := io.ReadFull(r, buf)
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return false, nil
			}
			if err != nil {
				return false, err
			}
		}
		if !bytes.Equal(x[:n], y[:n]) {
			return false, nil
		}
		size -= n
	}
	return true, nil
}
