// SPDX-License-Identifier: Apache-2.0

// This file reads the frame of xz itself (https://tukaani.org/xz/xz-file-format.txt, 1.2.1) and leaves LZMA2 to the library:
// the library's own frame reader believes a header that asks for 4 GiB of dictionary.

package unpack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// Sizes of the frame's parts, in bytes.
const (
	xzHeader = 12
	xzFooter = 12
	lzma2ID  = 0x21
)

var errXz = errors.New("xz: a frame that is not understood")

// xzReader gives the content of all blocks, one after the other. Checksums are not looked at: content that is damaged is
// scanned as it comes out.
type xzReader struct {
	data  []byte // not yet read
	check int    // bytes of checksum behind each block
	block io.Reader
	rest  *bytes.Reader
	begun bool
}

func (x *xzReader) Read(p []byte) (int, error) {
	for {
		if x.block == nil {
			if err := x.next(); err != nil {
				return 0, err
			}
		}
		n, err := x.block.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		x.endBlock()
		if n > 0 {
			return n, nil
		}
	}
}

// next opens the next block, or ends with io.EOF behind the last stream.
func (x *xzReader) next() error {
	if !x.begun {
		if err := x.stream(); err != nil {
			return err
		}
	}
	for len(x.data) > 0 && x.data[0] == 0 {
		if err := x.index(); err != nil {
			return err
		}
	}
	if len(x.data) < 8 {
		return errXz
	}
	size := (int(x.data[0]) + 1) * 4
	if size > len(x.data) {
		return errXz
	}
	dict, err := dictionary(x.data[:size])
	if err != nil {
		return err
	}
	x.rest = bytes.NewReader(x.data[size:])
	x.block, err = lzma.Reader2Config{DictCap: dict}.NewReader2(x.rest)
	return err
}

// stream reads a stream's header.
func (x *xzReader) stream() error {
	if len(x.data) < xzHeader || string(x.data[:6]) != "\xfd7zXZ\x00" {
		return errXz
	}
	x.check = [...]int{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}[x.data[7]&15]
	x.data, x.begun = x.data[xzHeader:], true
	return nil
}

// index skips what stands behind a stream's last block, and begins the next stream where there is one.
func (x *xzReader) index() error {
	at := bytes.Index(x.data, []byte("YZ"))
	for ; at >= 0; at = after(x.data, at) {
		if end := at + 2; end >= xzFooter && end%4 == 0 && int(binary.LittleEndian.Uint32(x.data[end-8:])+1)*4 == end-xzFooter {
			x.data = bytes.TrimLeft(x.data[end:], "\x00")
			if len(x.data) == 0 {
				return io.EOF
			}
			return x.stream()
		}
	}
	return errXz
}

func after(data []byte, at int) int {
	next := bytes.Index(data[at+1:], []byte("YZ"))
	if next < 0 {
		return -1
	}
	return at + 1 + next
}

// endBlock skips a block's padding and checksum.
func (x *xzReader) endBlock() {
	left := int(x.rest.Len())
	used := len(x.data) - left // header and content: only their padding is to a multiple of four
	used += (4-used%4)%4 + x.check
	x.data, x.block = x.data[min(used, len(x.data)):], nil
}

// dictionary reads the size of the LZMA2 dictionary out of a block's header.
func dictionary(header []byte) (int, error) {
	flags := header[1]
	at := 2
	for _, bit := range []byte{0x40, 0x80} { // sizes that may stand there
		if flags&bit != 0 {
			_, n := binary.Uvarint(header[at:])
			if n <= 0 {
				return 0, errXz
			}
			at += n
		}
	}
	if flags&3 != 0 || at+3 > len(header) || header[at] != lzma2ID || header[at+1] != 1 {
		return 0, fmt.Errorf("%w: a filter other than LZMA2", errXz)
	}
	size, err := lzma.DecodeDictCap(header[at+2])
	if err != nil || size > window {
		return 0, fmt.Errorf("%w: a dictionary of %d bytes", errXz, size)
	}
	return int(max(size, lzma.MinDictCap)), nil
}
