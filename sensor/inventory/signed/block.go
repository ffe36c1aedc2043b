// SPDX-License-Identifier: Apache-2.0

// This file takes a signed extension apart: an archive, then MCPB_SIG_V1, the length of the signature, the signature, zeros or
// nothing, MCPB_SIG_END. An archive ends with a record that may count what follows as its comment. Readers look for that record from
// the end of the file, so that a second one, in the signature or behind the first, would show them another archive than was signed.

package signed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	begins     = "MCPB_SIG_V1"
	ends       = "MCPB_SIG_END"
	lengthSize = 4
	blockLeast = len(begins) + lengthSize + len(ends)
	blockMost  = 1<<16 - 1 // bytes of a block: an archive's comment has no more
)

// The record with which an archive ends, up to its comment (PKWARE's APPNOTE, 4.3.16).
const (
	recordMark  = "PK\x05\x06"
	recordSize  = 22
	commentSize = 20 // at which the comment's length stands
)

// block is what an archive is followed by.
type block struct {
	size      int64  // of the archive
	length    int64  // of the block
	signature []byte // DER
}

// readBlock finds the block at the end of a file; nil where there is none. What is not just as it should be is an error.
func readBlock(r io.ReaderAt, size int64) (*block, error) {
	tail := make([]byte, min(size, int64(blockMost+recordSize)))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.Contains(tail, []byte(ends)) {
		return nil, nil
	}
	if !bytes.HasSuffix(tail, []byte(ends)) {
		return nil, errors.New("something follows the signature")
	}
	at := bytes.LastIndex(tail, []byte(begins))
	if at < 0 {
		return nil, fmt.Errorf("no signature begins in the last %d bytes", len(tail))
	}
	b := &block{size: size - int64(len(tail)-at), length: int64(len(tail) - at)}
	der, err := inside(tail[at:])
	if err != nil {
		return nil, err
	}
	b.signature = der
	return b, b.single(tail[:at], tail[at:])
}

// inside is the signature in a block.
func inside(raw []byte) ([]byte, error) {
	if len(raw) < blockLeast {
		return nil, errors.New("the block of the signature is cut short")
	}
	length := int64(binary.LittleEndian.Uint32(raw[len(begins):]))
	rest := raw[len(begins)+lengthSize : len(raw)-len(ends)]
	if length == 0 || length > int64(len(rest)) {
		return nil, fmt.Errorf("a signature of %d bytes in %d", length, len(rest))
	}
	if len(bytes.Trim(rest[length:], "\x00")) > 0 {
		return nil, errors.New("something follows the signature")
	}
	return rest[:length], nil
}

// single checks that the archive before a block ends where the block begins, and that nobody finds another end.
func (b *block) single(before, raw []byte) error {
	if bytes.HasSuffix(bytes.TrimRight(before, "\x00"), []byte(ends)) {
		return errors.New("it is signed twice")
	}
	if len(before) < recordSize {
		return errors.New("no archive ends before the signature")
	}
	record := before[len(before)-recordSize:]
	if !bytes.HasPrefix(record, []byte(recordMark)) {
		return errors.New("no archive ends where the signature begins")
	}
	if bytes.Contains(append(bytes.Clone(record[1:]), raw...), []byte(recordMark)) {
		return errors.New("an archive ends within the signature")
	}
	if n := int64(binary.LittleEndian.Uint16(record[commentSize:])); n != 0 && n != b.length {
		return fmt.Errorf("the archive's comment has %d bytes, the signature %d", n, b.length)
	}
	return nil
}

// contents are the bytes that may have been signed: the archive as it is, or as it was before its comment came to be the block.
func (b *block) contents(r io.ReaderAt) []func() io.Reader {
	comment := b.size - recordSize + commentSize
	return []func() io.Reader{
		func() io.Reader { return io.NewSectionReader(r, 0, b.size) },
		func() io.Reader {
			return io.MultiReader(io.NewSectionReader(r, 0, comment), bytes.NewReader([]byte{0, 0}))
		},
	}
}
