// SPDX-License-Identifier: Apache-2.0

package binary

import (
	"os"
	"testing"
)

func TestOwnBinaryIsSeen(t *testing.T) {
	name, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if k := Sniff("logo.png", data); k != ELF && k != PE && k != MachO {
		t.Errorf("kind %q", k)
	}
	for _, f := range Look(ELF, "x", data) {
		if f.Rule != "BIN-PROGRAM" {
			t.Errorf("an ordinary program: %+v", f)
		}
	}
}

func TestBytecodeAgainstItsSource(t *testing.T) {
	header := "\x6f\x0d\r\n\x00\x00\x00\x00\x00\x00\x00\x00"
	for name, tc := range map[string]struct{ code, source, want string }{
		"its own":       {header + "\x05\x00\x00\x00code", "x = 1", ""},
		"other size":    {header + "\x07\x00\x00\x00code", "x = 1", "BIN-PYC-OTHER"},
		"other names":   {header + "\x05\x00\x00\x00\xe3\x00\xda\x0asubprocess\xda\x05check", "x = 1", "BIN-PYC-OTHER"},
		"names run on":  {header + "\x18\x00\x00\x00\xe3\xda\x05ctype\x73\x01\x00\x00\x00\x01", "ctype = object.request()", ""},
		"its own path":  {header + "\x05\x00\x00\x00\xe3\xda\x1b/usr/lib/socket/http/a/b.py\xda\x01x", "x = 1", ""},
		"two paths":     {header + "\x05\x00\x00\x00\xe3\xda\x05/b.py\xda\x0a/socket.py\xda\x01x", "x = 1", "BIN-PYC-OTHER"},
		"other content": {header + "\x05\x00\x00\x00subprocess", "x = 1", "BIN-PYC-OTHER"},
		"alone":         {header + "\x05\x00\x00\x00code", "", "BIN-PYC-ALONE"},
		"short":         {"x", "x", "BIN-MALFORMED"},
	} {
		t.Run(name, func(t *testing.T) {
			var source []byte
			if tc.source != "" {
				source = []byte(tc.source)
			}
			got := ""
			for _, f := range Bytecode([]byte(tc.code), source, len(source)) {
				got = f.Rule
			}
			if got != tc.want {
				t.Errorf("told %q, want %q", got, tc.want)
			}
		})
	}
}

func FuzzLook(f *testing.F) {
	f.Add("\x7fELF\x02\x01\x01", "x")
	f.Add("MZ\x00\x00PE\x00\x00", "y")
	f.Add("\x6f\x0d\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00code", "x = 1")
	f.Fuzz(func(_ *testing.T, data, source string) {
		for _, k := range []Kind{ELF, PE, Pyc, Other, Sniff("x", []byte(data))} {
			Look(k, "x", []byte(data))
		}
		Strings([]byte(data))
		Bytecode([]byte(data), []byte(source), len(source))
	})
}
