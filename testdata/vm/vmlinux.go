// SPDX-License-Identifier: Apache-2.0

package vm

// QEMU boots an uncompressed ELF kernel directly (PVH), which saves the guest a firmware menu and a
// decompression under emulation. A distribution ships a bzImage; this file takes the ELF out of it.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// Offsets of the x86 boot protocol (Documentation/arch/x86/boot.rst).
const (
	setupSectorsAt  = 0x1f1
	payloadOffsetAt = 0x248
	payloadLengthAt = 0x24c
	sectorSize      = 512
)

// unpackers names the tool for each compression by its magic. cut is what the kernel's build appends
// to the compressed stream: the unpacked size, which lz4 and zstd would take for a broken frame.
var unpackers = []struct {
	magic string
	tool  string
	cut   int
}{
	{"\x02\x21\x4c\x18", "lz4", 4},
	{"\x28\xb5\x2f\xfd", "zstd", 4},
	{"\xfd7zXZ", "xz", 0},
	{"\x1f\x8b", "gzip", 0},
}

// extractVmlinux writes the ELF kernel inside the bzImage to the file to.
func extractVmlinux(bzImage, to string) error {
	image, err := os.ReadFile(bzImage)
	if err != nil {
		return err
	}
	payload, err := payloadOf(image)
	if err != nil {
		return fmt.Errorf("%s: %w", bzImage, err)
	}
	elf, err := decompress(payload)
	if err != nil {
		return fmt.Errorf("unpacking %s: %w", bzImage, err)
	}
	if !bytes.HasPrefix(elf, []byte("\x7fELF")) {
		return fmt.Errorf("unpacking %s: the payload is no ELF file", bzImage)
	}
	return writeWhole(to, elf)
}

func payloadOf(image []byte) ([]byte, error) {
	if len(image) < payloadLengthAt+4 || string(image[0x202:0x206]) != "HdrS" {
		return nil, errors.New("not a bzImage")
	}
	sectors := int(image[setupSectorsAt])
	if sectors == 0 {
		sectors = 4
	}
	start := (sectors+1)*sectorSize + int(binary.LittleEndian.Uint32(image[payloadOffsetAt:]))
	end := start + int(binary.LittleEndian.Uint32(image[payloadLengthAt:]))
	if end > len(image) || start >= end {
		return nil, errors.New("payload outside the file")
	}
	return image[start:end], nil
}

func decompress(payload []byte) ([]byte, error) {
	for _, u := range unpackers {
		if !bytes.HasPrefix(payload, []byte(u.magic)) {
			continue
		}
		cmd := exec.Command(u.tool, "-dc")
		cmd.Stdin = bytes.NewReader(payload[:len(payload)-u.cut])
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		// Padding after the stream makes xz and gzip complain once everything is out.
		if err != nil && len(out) == 0 {
			return nil, fmt.Errorf("%s: %w: %s", u.tool, err, bytes.TrimSpace(stderr.Bytes()))
		}
		return out, nil
	}
	return nil, fmt.Errorf("unknown compression %x", payload[:min(4, len(payload))])
}
