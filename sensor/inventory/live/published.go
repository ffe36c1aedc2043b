// SPDX-License-Identifier: Apache-2.0

// This file joins what extensions were unpacked to with the signed packages that they came in: a signature is over the package,
// what runs is the folder. A folder is a publisher's as long as a package of just its files lies where a pass finds it,
// whoever's home that is in, and its signature holds.

package live

import (
	"slices"
	"time"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/risk"
	"github.com/reeve-sensor/reeve/sensor/inventory/signed"
)

// published are packages whose publisher was verified, by what is in them.
type published map[string]publication

type publication struct {
	Publisher string    `json:"publisher"`
	Root      string    `json:"root"`
	Owner     string    `json:"owner"`
	File      string    `json:"file"`
	Until     time.Time `json:"until"`
}

// learn takes in the packages among items.
func (p published) learn(items []inventory.Item) {
	for i := range items {
		if it := &items[i]; len(it.Facts.Packed) > 0 && it.Identity.Publisher != "" {
			packed := inventory.Identity{Files: it.Facts.Packed}
			p[packed.Content()] = publication{it.Identity.Publisher, it.Identity.Root, it.Owner, it.File, it.Facts.Until}
		}
	}
}

// unpacked reports whether an item is an installed extension.
func unpacked(it *inventory.Item) bool {
	return it.Kind == inventory.KindConnector && it.Scope == inventory.ScopeExtension && !it.Packed()
}

// settle says of an installed extension whose it is, and reports whether that is something else than before.
func (p published) settle(it *inventory.Item, now time.Time) bool {
	if !unpacked(it) {
		return false
	}
	was := it.Identity
	it.Identity.Publisher, it.Identity.Root, it.Signature = "", "", nil
	if by, ok := p[it.Identity.Content()]; ok && it.Error == "" && now.Before(by.Until) {
		it.Identity.Publisher, it.Identity.Root = by.Publisher, by.Root
		it.Signature = &inventory.Signature{State: string(signed.Verified), Claims: by.Publisher}
		if by.Owner == it.Owner { // what others have in their homes is told to nobody
			it.Signature.File = by.File
		}
	}
	risk.Judge(it)
	return another(&was, &it.Identity)
}

// another reports whether something became something else, or somebody else's.
func another(was, is *inventory.Identity) bool {
	return was.Publisher != is.Publisher || was.Root != is.Root || was.Digest() != is.Digest()
}

// change is an item that became something else without being looked at.
type change struct {
	was inventory.Identity
	is  inventory.Item
}

// republish says of all installed extensions whose they are. The caller holds the lock.
func (k *Keeper) republish() []change {
	now := k.o.Now()
	var out []change
	for p, part := range k.parts {
		if !slices.ContainsFunc(part.Items, func(it inventory.Item) bool { return unpacked(&it) }) {
			continue
		}
		part.Items = slices.Clone(part.Items) // others may be reading the old ones
		for i := range part.Items {
			was := part.Items[i].Identity
			if k.memory.Published.settle(&part.Items[i], now) {
				out = append(out, change{was, part.Items[i]})
			}
		}
		k.parts[p] = part
	}
	return out
}

// forget leaves the packages that are still there. The caller holds the lock.
func (k *Keeper) forget() []change {
	k.memory.Published, k.sought = published{}, map[string]map[string]bool{}
	for _, part := range k.parts {
		k.memory.Published.learn(part.Items)
	}
	return k.republish()
}

// soughtMax is how many extensions of one person packages are searched for between two full passes: whoever makes more of them
// must not keep us at it.
const soughtMax = 64

// seeks reports whether there is an extension whose package may have come since its person's home was searched. A full pass
// does that anyway. The caller holds the lock.
func (k *Keeper) seeks(user string, items []inventory.Item) bool {
	if k.progress.Passing || !k.whole {
		return false
	}
	seeks := false
	for i := range items {
		it := &items[i]
		content := it.Identity.Content()
		if !unpacked(it) || it.Error != "" || it.Identity.Publisher != "" || k.sought[user][content] || len(k.sought[user]) >= soughtMax {
			continue
		}
		if k.sought[user] == nil {
			k.sought[user] = map[string]bool{}
		}
		k.sought[user][content], seeks = true, true
	}
	return seeks
}

// seek searches a person's folders once more.
func (k *Keeper) seek(user string) {
	k.mu.Lock()
	person := k.people[user]
	k.mu.Unlock()
	for _, dir := range append([]string{person.Dir}, person.Folders...) {
		k.touch(place{user, "search", dir})
	}
}

// say tells of changes.
func (k *Keeper) say(changes []change) {
	if len(changes) > 0 {
		k.revision.Add(1)
	}
	for i := range changes {
		k.o.Changed(changes[i].is, inventory.Diff(&changes[i].was, &changes[i].is.Identity))
	}
}
