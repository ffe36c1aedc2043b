// SPDX-License-Identifier: Apache-2.0

package actor

// The smallest program there is, with an interpreter of one's choice: the guest has static programs only.

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// pauses waits for ever: again: mov eax, 34 (pause); syscall; jmp again.
var pauses = []byte{0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7}

// Program is an executable that is started by way of an interpreter, or that runs itself where there is none, and pauses.
func Program(interpreter string) []byte { return ProgramOf(pauses, interpreter) }

// ProgramOf is one with code of one's choice, which lies wherever it is put.
func ProgramOf(code []byte, interpreter string) []byte {
	const headers = 64 + 2*56
	name := append([]byte(interpreter), 0)
	size := uint64(headers + len(code) + len(name))
	// kernel: 6.1 zeroes the rest of an interpreter's last page, which has to be writable.
	load := elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W | elf.PF_X), Filesz: size, Memsz: size, Align: 4096}
	other := elf.Prog64{Type: uint32(elf.PT_NULL)}
	if interpreter != "" {
		other = elf.Prog64{Type: uint32(elf.PT_INTERP), Flags: uint32(elf.PF_R), Off: headers + uint64(len(code)), Filesz: uint64(len(name)),
			Memsz: uint64(len(name)), Align: 1}
	}
	header := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Entry: headers, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 2,
	}
	var b bytes.Buffer
	for _, part := range []any{header, other, load, code, name} {
		_ = binary.Write(&b, binary.LittleEndian, part) // a buffer takes everything
	}
	return b.Bytes()
}
