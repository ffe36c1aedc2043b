// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
)

func keyOf(t *testing.T, program string, args ...string) bpf.Command {
	t.Helper()
	key, ok := Command{User: 1000, Args: args}.key(program)
	if !ok {
		t.Fatalf("%s has no key", program)
	}
	return key
}

// Two commands that differ anywhere have different keys.
func TestCommandsAreToldApart(t *testing.T) {
	keys := map[bpf.Command][]string{}
	for _, argv := range [][]string{
		{"/bin/x"}, {"/bin/x", ""}, {"/bin/x", "", ""}, {"/bin/x", "a", "b c"}, {"/bin/x", "a b", "c"}, {"/bin/x", "a", "b", "c"}, {"/bin/x", "a b c"},
		{"/bin/x a"}, {"x"}, {"x", "a"}, {"/bin/x", strings.Repeat("y", 5000)}, {"/bin/x", strings.Repeat("y", 5000), "z"},
	} {
		key := keyOf(t, argv[0], argv[1:]...)
		if twin, ok := keys[key]; ok {
			t.Errorf("%q and %q are one", twin, argv)
		}
		keys[key] = argv
	}
}

func TestLongCommandIsNotWhole(t *testing.T) {
	room := bpf.CommandText - len("/bin/x\x00")
	for _, c := range []struct {
		args  []string
		whole bool
	}{
		{nil, true}, {[]string{strings.Repeat("y", room-1)}, true}, {[]string{strings.Repeat("y", room)}, false},
		{slices.Repeat([]string{""}, bpf.CommandArgs), true}, {slices.Repeat([]string{""}, bpf.CommandArgs+1), false},
	} {
		if got := (Command{Program: "/bin/x", Args: c.args}).Whole(); got != c.whole {
			t.Errorf("%d arguments: whole %t", len(c.args), got)
		}
	}
	if (Command{Program: "/" + strings.Repeat("p", bpf.CommandPath)}).Whole() {
		t.Error("a path that the kernel does not keep is whole")
	}
}

// Of two things that are one to the kernel, the stricter one counts; and each is there by its name, as something that nobody knows.
func TestStricterCommandCounts(t *testing.T) {
	approved, revoked, pinned, other := uint16(bpf.StartApproved), uint16(bpf.StartRevoked), uint16(bpf.StartPinned), uint16(bpf.StartOther)
	for name, c := range map[string]struct{ a, b, want bpf.Start }{
		"asked for":        {bpf.Start{Flags: approved}, bpf.Start{}, bpf.Start{}},
		"taken back":       {bpf.Start{Flags: approved}, bpf.Start{Flags: approved | revoked}, bpf.Start{Flags: approved | revoked}},
		"both approved":    {bpf.Start{Flags: approved, Principal: 3}, bpf.Start{Flags: approved, Principal: 3}, bpf.Start{Flags: approved, Principal: 3}},
		"different names":  {bpf.Start{Principal: 3}, bpf.Start{Principal: 4}, bpf.Start{}},
		"one is not known": {bpf.Start{Flags: pinned, Inode: 1}, bpf.Start{}, bpf.Start{Inode: 1}},
		"other content":    {bpf.Start{Flags: pinned, Inode: 1, Principal: 3}, bpf.Start{Flags: other, Principal: 3}, bpf.Start{Flags: other, Inode: 1, Principal: 3}},
		"different files":  {bpf.Start{Flags: pinned, Inode: 1}, bpf.Start{Flags: pinned, Inode: 2}, bpf.Start{Inode: 1}},
	} {
		command := Command{User: 1000, Name: "x", Program: "/bin/x", Args: []string{"a"}}
		got := Commands([]Known{{command, c.a}, {command, c.b}})
		if len(got) != 2 || got[keyOf(t, "/bin/x", "a")] != c.want || got[keyOf(t, "x", "a")] != (bpf.Start{}) {
			t.Errorf("%s: %+v", name, slices.Collect(maps.Values(got)))
		}
	}
	long := Command{User: 1000, Name: "./x", Program: "/bin/x", Args: []string{strings.Repeat("y", 2000)}}
	if got := Commands([]Known{{long, bpf.Start{Principal: 3, Flags: approved}}}); got[keyOf(t, "/bin/x", long.Args...)] != (bpf.Start{}) {
		t.Errorf("what the kernel knows in part is approved: %+v", got)
	}
}
