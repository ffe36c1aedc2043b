// SPDX-License-Identifier: Apache-2.0

// This file is what was decided, and what that says of an item.

package approve

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// State is what was decided.
type State string

// The states. Approved and Pinned let an item be; a pin also says that it is known whole.
const (
	Approved State = "approved"
	Pinned   State = "pinned"
	Revoked  State = "revoked"
	Changed  State = "changed" // something of its name was approved, and it is that no more
	Pending  State = "pending" // nobody has decided
)

// Record is one decision.
type Record struct {
	Kind     inventory.Kind     `json:"kind"`
	Name     string             `json:"name"` // as it was called; a label
	Owner    string             `json:"owner,omitempty"`
	File     string             `json:"file,omitempty"`
	State    State              `json:"state"`
	Digest   string             `json:"digest"`
	Identity inventory.Identity `json:"identity"`
	// Installed is what a package runner had fetched by then, if anything: the same version may not become something else.
	Installed []inventory.Part `json:"installed,omitempty"`
	By        string           `json:"by"`
	At        time.Time        `json:"at"`
	Reason    string           `json:"reason,omitempty"`
}

// Decide says what records mean for an item. A record of its very identity counts first; of several the newest. Without one, a
// record about what was in its place before says what changed, then one about something of its kind, name and owner.
func Decide(records []Record, it *inventory.Item) inventory.Approval {
	if !it.Kind.Governed() {
		return inventory.Approval{}
	}
	if r := newest(records, func(r *Record) bool { return r.Kind == it.Kind && r.Digest == it.Digest }); r != nil {
		a := r.approval(r.State)
		if diff := replaced(r.Installed, it.Installed); len(diff) > 0 && r.State != Revoked {
			a.State, a.Diff = string(Changed), diff
		}
		return a
	}
	before := newest(records, func(r *Record) bool {
		return r.Kind == it.Kind && r.Name == it.Name && r.Owner == it.Owner && r.File == it.File
	})
	if before == nil {
		before = newest(records, func(r *Record) bool { return r.Kind == it.Kind && r.Name == it.Name && r.Owner == it.Owner })
	}
	if before == nil {
		return inventory.Approval{State: string(Pending)}
	}
	a := before.approval(Changed)
	if before.State == Revoked {
		a.State = string(Pending) // what was revoked is not what is there, and nobody has decided about that
	}
	a.Diff = inventory.Diff(&before.Identity, &it.Identity)
	return a
}

// replaced tells of packages that are not what they were under the same version.
func replaced(was, is []inventory.Part) []inventory.Change {
	var out []inventory.Change
	for _, a := range was {
		for _, b := range is {
			if a.Name == b.Name && a.Value != b.Value {
				out = append(out, inventory.Change{What: "installed " + a.Name, Old: a.Value, New: b.Value})
			}
		}
	}
	return out
}

func (r *Record) approval(s State) inventory.Approval {
	return inventory.Approval{State: string(s), By: r.By, At: r.At.UTC().Format(time.RFC3339), Reason: r.Reason}
}

func newest(records []Record, fits func(*Record) bool) *Record {
	var found *Record
	for i := range records {
		if r := &records[i]; fits(r) && (found == nil || !r.At.Before(found.At)) {
			found = r
		}
	}
	return found
}

// Request is a decision as somebody asks for it.
type Request struct {
	State  State
	Kind   inventory.Kind
	Name   string
	Owner  string // "" is any
	File   string // "" is any
	Digest string // the beginning of one; "" is any
	Reason string
}

// ParseTarget reads KIND:NAME, with the beginning of a digest after an @ where the name alone says too little:
// connector:github@3fa9c1.
func ParseTarget(text string) (kind inventory.Kind, name, digest string, err error) {
	k, name, ok := strings.Cut(text, ":")
	kind = inventory.Kind(k)
	if !ok || name == "" || !kind.Governed() {
		return "", "", "", fmt.Errorf("%q: KIND:NAME is expected, as connector:github", text)
	}
	if at := strings.LastIndexByte(name, '@'); at > 0 && isDigest(name[at+1:]) {
		name, digest = name[:at], name[at+1:]
	}
	return kind, name, digest, nil
}

// digestMin is how much of a digest tells it from a version.
const digestMin = 12

func isDigest(s string) bool {
	return len(s) >= digestMin && len(s) <= 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// The reasons for which a request finds nothing to decide.
var (
	ErrNone      = errors.New("nothing of that name is in the inventory")
	ErrAmbiguous = errors.New("several different things have that name")
	ErrLoose     = errors.New("it cannot be pinned")
	ErrUnknown   = errors.New("nothing is known of what it is, so that there is nothing to bind an approval to")
)

// Choose finds what a request is about: items of one identity. A package beside what it was unpacked to is not meant, unless it
// is named by its digest.
func Choose(items []inventory.Item, q *Request) ([]inventory.Item, error) {
	var found []inventory.Item
	for _, it := range items {
		if it.Kind == q.Kind && it.Name == q.Name && (q.Owner == "" || it.Owner == q.Owner) && (q.File == "" || it.File == q.File) &&
			strings.HasPrefix(it.Digest, q.Digest) {
			found = append(found, it)
		}
	}
	if len(found) == 0 {
		return nil, ErrNone
	}
	if started := slices.DeleteFunc(slices.Clone(found), func(it inventory.Item) bool { return it.Packed() }); q.Digest == "" && len(started) > 0 {
		found = started
	}
	if slices.ContainsFunc(found, func(it inventory.Item) bool { return it.Digest != found[0].Digest }) {
		return found, ErrAmbiguous
	}
	first := &found[0]
	switch {
	case q.State != Revoked && (first.Error != "" || !first.Identity.Known()):
		return found, ErrUnknown
	case q.State == Pinned && first.Identity.Loose != "":
		return found, fmt.Errorf("%w: %s", ErrLoose, first.Identity.Loose)
	}
	return found, nil
}

// Make is the records of a decision: one for each place, so that the next change of any is told from what was decided.
func Make(found []inventory.Item, q *Request, by string, at time.Time) []Record {
	var out []Record
	for _, it := range found {
		out = append(out, Record{
			Kind: it.Kind, Name: it.Name, Owner: it.Owner, File: it.File, State: q.State, Digest: it.Digest, Identity: it.Identity, Installed: it.Installed,
			By: by, At: at, Reason: q.Reason,
		})
	}
	return out
}

// keep lays new records over old ones: of one identity in one place the last decision is kept, and of one place the last few.
func keep(records, more []Record) []Record {
	type place struct{ kind, name, owner, file string }
	of := func(r *Record) place { return place{string(r.Kind), r.Name, r.Owner, r.File} }
	for _, m := range more {
		records = slices.DeleteFunc(records, func(r Record) bool { return of(&r) == of(&m) && r.Digest == m.Digest })
		// A decision about an identity replaces every earlier one, wherever that was made.
		for i := range records {
			if records[i].Digest == m.Digest && records[i].Kind == m.Kind {
				records[i].State, records[i].By, records[i].At, records[i].Reason = m.State, m.By, m.At, m.Reason
			}
		}
		records = append(records, m)
	}
	count := map[place]int{}
	for i := len(records) - 1; i >= 0; i-- {
		if count[of(&records[i])]++; count[of(&records[i])] > historyMax && records[i].State != Revoked {
			records = slices.Delete(records, i, i+1)
		}
	}
	return records
}

// historyMax is how many identities of one place stay decided about. Revocations stay for ever.
const historyMax = 8
