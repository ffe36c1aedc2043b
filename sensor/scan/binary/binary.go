// SPDX-License-Identifier: Apache-2.0

// Package binary looks into programs for machines without running them: what they are, what they import, what strings they
// carry; and whether the bytecode of Python is that of the source beside it.
package binary

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// Kind is what a file is.
type Kind string

// Kinds.
const (
	None   Kind = ""
	ELF    Kind = "ELF"
	PE     Kind = "PE"
	MachO  Kind = "Mach-O"
	Pyc    Kind = "Python bytecode"
	Wasm   Kind = "WebAssembly"
	Class  Kind = "Java class"
	Other  Kind = "data"
	Medium Kind = "image, sound, font or document"
)

// Fault is one thing about a binary.
type Fault struct {
	Rule   string
	Detail string
}

// media are formats that are shown and not run.
var media = []string{"\x89PNG", "\xff\xd8\xff", "GIF8", "%PDF", "RIFF", "OggS", "ID3", "\x00\x00\x01\x00", "wOFF", "wOF2", "\x00\x01\x00\x00\x00", "OTTO", "BM", "II*\x00", "MM\x00*", "fLaC", "\x1aE\xdf\xa3", "SQLite format 3", "\xd0\xcf\x11\xe0"}

// Sniff says what a file is by its bytes. Text is None.
func Sniff(name string, data []byte) Kind {
	switch {
	case bytes.HasPrefix(data, []byte(elf.ELFMAG)):
		return ELF
	case bytes.HasPrefix(data, []byte("MZ")) && len(data) > 64:
		return PE
	case len(data) > 32 && (binary.LittleEndian.Uint32(data)|1 == macho.Magic64 || binary.BigEndian.Uint32(data) == macho.MagicFat && data[7] < 20):
		return MachO
	case bytes.HasPrefix(data, []byte("\x00asm")):
		return Wasm
	case bytes.HasPrefix(data, []byte("\xca\xfe\xba\xbe")):
		return Class
	case len(data) >= 16 && data[2] == '\r' && data[3] == '\n' && strings.HasSuffix(strings.ToLower(name), ".pyc") || strings.HasSuffix(strings.ToLower(name), ".pyo"):
		return Pyc
	}
	for _, m := range media {
		if bytes.HasPrefix(data, []byte(m)) && bytes.IndexByte(data[:min(len(data), 512)], 0) >= 0 {
			return Medium
		}
	}
	if len(data) > 12 && string(data[4:8]) == "ftyp" {
		return Medium
	}
	if bytes.IndexByte(data, 0) >= 0 && !utf16(data) {
		return Other
	}
	return None
}

// utf16 says that the zeros are those of wide text.
func utf16(data []byte) bool {
	return len(data) >= 2 && (data[0] == 0xff && data[1] == 0xfe || data[0] == 0xfe && data[1] == 0xff)
}

// Look judges a program.
func Look(kind Kind, name string, data []byte) []Fault {
	faults := []Fault{{"BIN-PROGRAM", string(kind) + " that nobody can read"}}
	switch kind {
	case ELF:
		return append(faults, lookELF(data)...)
	case PE:
		return append(faults, lookPE(data)...)
	case Pyc, MachO, Wasm, Class:
		return faults
	case Other:
		return []Fault{{"BIN-DATA", "bytes that are neither text nor a format that is known"}}
	}
	return nil
}

func lookELF(data []byte) []Fault {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return []Fault{{"BIN-MALFORMED", fmt.Sprintf("an ELF that is broken: %v", err)}}
	}
	defer f.Close()
	var faults []Fault
	if len(f.Sections) == 0 {
		faults = append(faults, Fault{"BIN-PACKED", "no sections: packed, or made by hand"})
	}
	for _, s := range f.Sections {
		if s.Type == elf.SHT_PROGBITS && s.Flags&(elf.SHF_EXECINSTR|elf.SHF_WRITE) == elf.SHF_EXECINSTR|elf.SHF_WRITE {
			faults = append(faults, Fault{"BIN-PACKED", "code that writes itself: section " + s.Name})
		}
	}
	return append(faults, packed(data)...)
}

func lookPE(data []byte) []Fault {
	f, err := pe.NewFile(bytes.NewReader(data))
	if err != nil {
		return []Fault{{"BIN-MALFORMED", fmt.Sprintf("a PE that is broken: %v", err)}}
	}
	defer f.Close()
	var faults []Fault
	for _, s := range f.Sections {
		if s.Characteristics&(pe.IMAGE_SCN_MEM_EXECUTE|pe.IMAGE_SCN_MEM_WRITE) == pe.IMAGE_SCN_MEM_EXECUTE|pe.IMAGE_SCN_MEM_WRITE {
			faults = append(faults, Fault{"BIN-PACKED", "code that writes itself: section " + strings.TrimRight(s.Name, "\x00")})
		}
	}
	return append(faults, packed(data)...)
}

// dense is the entropy above which code is compressed or encrypted, in bits a byte.
const dense = 7.4

// upxHead is where UPX leaves its mark, in bytes from the beginning.
const upxHead = 4096

func packed(data []byte) []Fault {
	if bytes.Contains(data[:min(len(data), upxHead)], []byte("UPX!")) {
		return []Fault{{"BIN-PACKED", "packed with UPX"}}
	}
	if len(data) > 4096 && entropy(data) > dense {
		return []Fault{{"BIN-PACKED", "compressed or encrypted: nothing in it can be read"}}
	}
	return nil
}

func entropy(data []byte) float64 {
	var count [256]int
	for _, c := range data {
		count[c]++
	}
	h := 0.0
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(data))
			h -= p * math.Log2(p)
		}
	}
	return h
}

// shortest is the least length of a string that is looked at.
const shortest = 6

// Strings are the printable runs of a binary, one a line, in which commands and addresses are looked for.
func Strings(data []byte) string {
	var b strings.Builder
	begin := 0
	flush := func(end int) {
		if end-begin >= shortest {
			b.Write(data[begin:end])
			b.WriteByte('\n')
		}
	}
	for i, c := range data {
		if c < ' ' || c > '~' {
			flush(i)
			begin = i + 1
		}
	}
	flush(len(data))
	return b.String()
}

// pycHeader is the length of a header since Python 3.7 (PEP 552).
const pycHeader = 16

// Bytecode compares bytecode with its source: source is nil where there is none beside it.
func Bytecode(data, source []byte, sourceSize int) []Fault {
	if len(data) < pycHeader {
		return []Fault{{"BIN-MALFORMED", "bytecode without a header"}}
	}
	if source == nil {
		return []Fault{{"BIN-PYC-ALONE", "bytecode without its source"}}
	}
	if flags := binary.LittleEndian.Uint32(data[4:]); flags&1 == 0 {
		if size := binary.LittleEndian.Uint32(data[12:]); int(size) != sourceSize {
			return []Fault{{"BIN-PYC-OTHER", fmt.Sprintf("made of a source of %d bytes; the one beside it has %d", size, sourceSize)}}
		}
	}
	if missing := strangers(data[pycHeader:], source); missing != "" {
		return []Fault{{"BIN-PYC-OTHER", "has " + missing + ", which the source beside it has not"}}
	}
	return nil
}

// telling are names whose presence in bytecode alone says that it does something else.
var telling = []string{"subprocess", "socket", "urlopen", "requests", "urllib", "b64decode", "system", "popen", "Popen", "exec", "eval", "marshal", "ctypes", "environ", "connect", "expanduser", "check_output", "http", "/bin/sh", ".ssh", "crontab"}

// strangers are telling names that the bytecode has and the source has not.
func strangers(code, source []byte) string {
	words := constants(code)
	if len(words) == 0 {
		words = code // not as Python writes it: whatever it is, nothing in it is passed over
	}
	var list []string
	for _, t := range telling {
		if bytes.Contains(words, []byte(t)) && !bytes.Contains(source, []byte(t)) {
			list = append(list, t)
		}
	}
	return strings.Join(list, ", ")
}

// constants are the strings of bytecode as marshal writes them, one a line: a letter for the kind, the length, the bytes. Taken
// as mere bytes a name would run on into the kind of what follows it. The path of the source is left out, since it is in every
// one: folders have telling names.
func constants(code []byte) []byte {
	var all []byte
	origin := ""
	for at := 0; at+1 < len(code); {
		from, n := at+2, int(code[at+1])
		switch code[at] &^ 0x80 { // the bit says that it may be referred to later
		case 'z', 'Z':
		case 'a', 'A', 'u', 't', 's':
			if at+5 > len(code) {
				return all
			}
			from, n = at+5, int(binary.LittleEndian.Uint32(code[at+1:]))
		default:
			at++
			continue
		}
		if n == 0 || n > len(code)-from || !plain(code[from:from+n]) {
			at++
			continue
		}
		s := code[from : from+n]
		at = from + n
		if origin == "" && bytes.HasSuffix(s, []byte(".py")) && bytes.IndexByte(s, '/') == 0 {
			origin = string(s)
		}
		if string(s) != origin {
			all = append(append(all, s...), '\n')
		}
	}
	return all
}

func plain(s []byte) bool {
	for _, c := range s {
		if c < ' ' && c != '\n' && c != '\t' && c != '\r' || c == 0x7f {
			return false
		}
	}
	return true
}
