// SPDX-License-Identifier: Apache-2.0

// This file is the cursor: a number that is replaced as a whole or not at all.

package queue

import (
	"encoding/binary"
	"os"
	"path/filepath"
)

const cursorName = "cursor"

// readCursor reads the number, 0 where there is none: everything is wanted then.
func readCursor(dir string) uint64 {
	raw, err := os.ReadFile(filepath.Join(dir, cursorName))
	if err != nil || len(raw) != 12 || sum(raw[:8], nil) != binary.LittleEndian.Uint32(raw[8:]) {
		return 0
	}
	return binary.LittleEndian.Uint64(raw)
}

func writeCursor(dir string, number uint64) error {
	raw := binary.LittleEndian.AppendUint64(nil, number)
	raw = binary.LittleEndian.AppendUint32(raw, sum(raw, nil))
	name := filepath.Join(dir, cursorName)
	if err := os.WriteFile(name+".new", raw, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
