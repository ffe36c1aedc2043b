// SPDX-License-Identifier: Apache-2.0

// This file is the form of a segment: how a record is written, and what is still one.

package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// headerSize is the length and the CRC before each record.
const headerSize = 8

// RecordMax bounds a record: a longer one is not written, and a longer length is no length.
const RecordMax = 1 << 20

var table = crc32.MakeTable(crc32.Castagnoli)

// errTorn says that what follows is no whole record.
var errTorn = errors.New("not a whole record")

// segment is one file of the queue.
type segment struct {
	name  string
	first uint64 // number of its first record
	size  int64
}

const suffix = ".segment"

func segmentName(dir string, first uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%016x%s", first, suffix))
}

// segments lists the files of a queue in their order.
func segments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []segment
	for _, e := range entries {
		number, isSegment := strings.CutSuffix(e.Name(), suffix)
		first, err := strconv.ParseUint(number, 16, 64)
		if !isSegment || err != nil {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		all = append(all, segment{filepath.Join(dir, e.Name()), first, info.Size()})
	}
	slices.SortFunc(all, func(a, b segment) int {
		if a.first < b.first {
			return -1
		}
		return 1
	})
	return all, nil
}

// encode puts a record behind its header.
func encode(record []byte) []byte {
	out := make([]byte, headerSize, headerSize+len(record))
	binary.LittleEndian.PutUint32(out, uint32(len(record)))
	binary.LittleEndian.PutUint32(out[4:], sum(out[:4], record))
	return append(out, record...)
}

func sum(length, record []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, table), table, record)
}

// readRecord reads the record at an offset of a segment.
func readRecord(r io.ReaderAt, at int64) ([]byte, error) {
	var header [headerSize]byte
	if _, err := r.ReadAt(header[:], at); err != nil {
		return nil, torn(err)
	}
	size := binary.LittleEndian.Uint32(header[:])
	if size > RecordMax {
		return nil, errTorn
	}
	record := make([]byte, size)
	if _, err := r.ReadAt(record, at+headerSize); err != nil {
		return nil, torn(err)
	}
	if sum(header[:4], record) != binary.LittleEndian.Uint32(header[4:]) {
		return nil, errTorn
	}
	return record, nil
}

func torn(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTorn
	}
	return err
}

// whole counts the records of a file up to the first that is torn, and says where that begins.
func whole(f io.ReaderAt) (records uint64, end int64, err error) {
	for {
		record, err := readRecord(f, end)
		if errors.Is(err, errTorn) {
			return records, end, nil
		}
		if err != nil {
			return records, end, err
		}
		records++
		end += headerSize + int64(len(record))
	}
}
