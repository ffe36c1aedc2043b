// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"maps"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
)

func openKey(user uint32, args int, name, fixed string) bpf.Command {
	return alike{user, name, args}.key(fixed)
}

// What is alike is told by as much as all of it has, with everybody's beside a person's own.
func TestOpenCommandsAreToldAsFarAsTheyAreCertain(t *testing.T) {
	head := func(n uint64) bpf.Start { return bpf.Start{Size: n} }
	revoked := bpf.Start{Flags: uint16(bpf.StartRevoked)}
	for name, c := range map[string]struct {
		open []Open
		want map[bpf.Command]bpf.Start
	}{
		"nothing is certain": {[]Open{{1, "/opt/x", 1, "", 0}}, map[bpf.Command]bpf.Start{openKey(1, 1, "x", ""): {}}},
		"an argument is": {[]Open{{1, "x", 2, "-y\x00", 0}}, map[bpf.Command]bpf.Start{
			openKey(1, 2, "x", ""): head(3), openKey(1, 2, "x", "-y\x00"): {},
		}},
		"an empty one is no name alone": {[]Open{{1, "x", 2, "\x00", 0}}, map[bpf.Command]bpf.Start{
			openKey(1, 2, "x", ""): head(1), openKey(1, 2, "x", "\x00"): {},
		}},
		"two, as far as both go": {[]Open{{1, "x", 1, "--a=", 0}, {1, "x", 1, "--longer=", bpf.StartRevoked}}, map[bpf.Command]bpf.Start{
			openKey(1, 1, "x", ""): head(4), openKey(1, 1, "x", "--a="): {}, openKey(1, 1, "x", "--lo"): revoked,
		}},
		"two of which one has nothing": {[]Open{{1, "x", 1, "", bpf.StartRevoked | bpf.StartApproved}, {1, "x", 1, "a", 0}}, map[bpf.Command]bpf.Start{openKey(1, 1, "x", ""): revoked}},
		"other numbers of arguments": {[]Open{{1, "x", 1, "", 0}, {1, "x", 2, "a", 0}}, map[bpf.Command]bpf.Start{
			openKey(1, 1, "x", ""): {}, openKey(1, 2, "x", ""): head(1), openKey(1, 2, "x", "a"): {},
		}},
		"everybody's, and one person's": {[]Open{{bpf.CommandAnyone, "x", 1, "ab", 0}, {1, "x", 1, "c", 0}}, map[bpf.Command]bpf.Start{
			openKey(bpf.CommandAnyone, 1, "x", ""): head(2), openKey(bpf.CommandAnyone, 1, "x", "ab"): {},
			openKey(1, 1, "x", ""): head(1), openKey(1, 1, "x", "a"): {}, openKey(1, 1, "x", "c"): {},
		}},
	} {
		if got := OpenCommands(c.open); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// What has no room in the kernel's text is certain as far as that goes, and what is open is nothing that is known whole.
func TestOpenCommandsKeepToTheirRoom(t *testing.T) {
	long := string(make([]byte, 4*bpf.CommandText))
	for key, start := range OpenCommands([]Open{{1, "x", 9, long, 0}}) {
		if start.Size != 0 && start.Size != uint64(bpf.CommandText-2) || int(key.Fixed) > bpf.CommandText-2 || key.Length != bpf.CommandOpen {
			t.Errorf("%+v, %d of %d", start, key.Fixed, key.Length)
		}
	}
	if got := OpenCommands([]Open{{1, long[:bpf.CommandPath], 1, "", 0}}); len(got) != 0 {
		t.Errorf("%d entries of a name that no exec is looked at by", len(got))
	}
	whole := Commands([]Known{{Command: Command{User: 1, Name: "x", Args: []string{"a"}}}})
	for key := range OpenCommands([]Open{{1, "x", 1, "a\x00", 0}}) {
		if _, twice := whole[key]; twice {
			t.Error("an open command is the whole one")
		}
	}
}
