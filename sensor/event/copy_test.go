// SPDX-License-Identifier: Apache-2.0

package event

import (
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
)

// The program comes first, whatever the file is called; what had no room for both is the program alone.
func TestCopyHasBothNames(t *testing.T) {
	for text, want := range map[string]struct{ object, program, meant string }{
		"/usr/bin/sudo\x00/home/u/x":           {"/home/u/x", "/usr/bin/sudo", "/usr/bin/sudo"},
		"/usr/bin/sudo\x00/home/u/odd\x00name": {"/home/u/odd\x00name", "/usr/bin/sudo", "/usr/bin/sudo"},
		"/usr/bin/sudo\x00":                    {"/usr/bin/sudo", "/usr/bin/sudo", "/usr/bin/sudo"},
	} {
		for flags, copied := range map[uint16]bool{uint16(bpf.EventCopy): true, 0: false} {
			e := Single(&Record{Head: Head{Kind: Access, Op: Op(bpf.OpExec), Action: Deny, Flags: flags}, Text: []byte(text)})
			if copied && (e.Object != want.object || e.CopyOf != want.program || e.Meant() != want.meant) {
				t.Errorf("%q: %q is a copy of %q, meant %q", text, e.Object, e.CopyOf, e.Meant())
			}
			if !copied && (e.Object != text || e.CopyOf != "" || e.Meant() != text) {
				t.Errorf("%q, which is no copy: %q, copy of %q", text, e.Object, e.CopyOf)
			}
		}
	}
}
