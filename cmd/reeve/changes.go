// SPDX-License-Identifier: Apache-2.0

// This file compares two inventories, and shows one item whole.

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/approve"
)

// difference is what became of one item.
type difference struct {
	Change string             `json:"change"` // added, removed, changed
	Item   inventory.Item     `json:"item"`
	Diff   []inventory.Change `json:"diff,omitempty"`
}

// compare pairs items by where they are and what they are called.
func compare(before, now []inventory.Item) []difference {
	old := map[string]*inventory.Item{}
	for i := range before {
		old[before[i].Key()] = &before[i]
	}
	var out []difference
	for _, it := range now {
		was, there := old[it.Key()]
		delete(old, it.Key())
		switch {
		case !there:
			out = append(out, difference{Change: "added", Item: it})
		case was.Digest != it.Digest:
			out = append(out, difference{"changed", it, inventory.Diff(&was.Identity, &it.Identity)})
		case was.Disabled != it.Disabled:
			out = append(out, difference{"changed", it, []inventory.Change{{What: "disabled", Old: fmt.Sprint(was.Disabled), New: fmt.Sprint(it.Disabled)}}})
		case was.Error != it.Error:
			out = append(out, difference{"changed", it, []inventory.Change{{What: "error", Old: was.Error, New: it.Error}}})
		}
	}
	for i := range before {
		if gone := old[before[i].Key()]; gone == &before[i] {
			out = append(out, difference{Change: "removed", Item: *gone})
		}
	}
	return out
}

// showDiff tells what changed. The exit status is 0 whether anything did or not.
func (e *env) showDiff(ctx context.Context, s *stock, w *wanted) error {
	before, since, err := e.before(ctx, w)
	if err != nil {
		return err
	}
	before = slices.DeleteFunc(before, func(it inventory.Item) bool { return !w.fits(&it) })
	list := compare(before, s.items)
	if w.json {
		for i := range list {
			if err := writeJSON(e.stdout, &list[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list) == 0 {
		fmt.Fprintf(e.stdout, "no difference since %s\n", since)
	}
	signs := map[string]string{"added": e.paint.green("+"), "removed": e.paint.red("-"), "changed": e.paint.amber("~")}
	for i := range list {
		it := &list[i].Item
		fmt.Fprintf(e.stdout, "%s %s of %s (%s): %s\n", signs[list[i].Change], safe(it.ID()), safe(it.Owner), it.Scope, safe(what(it)))
		e.printChanges(list[i].Diff)
	}
	return nil
}

// before is the inventory to compare with, and what it is called.
func (e *env) before(ctx context.Context, w *wanted) ([]inventory.Item, string, error) {
	if w.diff.name != "true" {
		items, err := readItems(w.diff.name)
		return items, w.diff.name, err
	}
	c, err := e.dial(ctx)
	if err != nil {
		return nil, "", err
	}
	defer c.Close()
	answer, err := c.Inventory(ctx, &pb.InventoryRequest{Earlier: true})
	if err != nil {
		return nil, "", told(err)
	}
	first, err := answer.Recv()
	if err != nil {
		return nil, "", told(err)
	}
	if first.State.GetEndedMs() == 0 {
		return nil, "", &exit{exitNo, site.Hint(fmt.Errorf("the daemon has no earlier inventory yet"), "reeve inventory --refresh makes a full pass")}
	}
	s, err := e.fromDaemon(ctx, c, &pb.InventoryRequest{Earlier: true})
	if err != nil {
		return nil, "", err
	}
	return s.items, time.UnixMilli(first.State.EndedMs).Format("2006-01-02 15:04"), nil
}

func (e *env) printChanges(list []inventory.Change) {
	for _, c := range list {
		fmt.Fprintf(e.stdout, "    %s\n", safe(c.What))
		if c.Old != "" {
			fmt.Fprintf(e.stdout, "      %s\n", e.paint.red("- "+safe(c.Old)))
		}
		if c.New != "" {
			fmt.Fprintf(e.stdout, "      %s\n", e.paint.green("+ "+safe(c.New)))
		}
	}
}

// inventoryShow shows what is known of the items of a name.
func inventoryShow(ctx context.Context, e *env, args []string) error {
	f := e.flags("inventory show")
	asJSON := f.Bool("json", false, "one object a line")
	own := f.Bool("own", false, "do not ask the daemon: a pass of its own")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if err := count("inventory show", rest, 1, 1, "KIND:NAME"); err != nil {
		return err
	}
	kind, name, digest, err := approve.ParseTarget(rest[0])
	if err != nil {
		return site.Hint(fmt.Errorf("inventory show: %w", err), "reeve inventory lists what there is")
	}
	s, err := e.stock(ctx, &wanted{own: *own})
	if err != nil {
		return err
	}
	n := 0
	for i := range s.items {
		it := &s.items[i]
		if it.Kind != kind || it.Name != name || !strings.HasPrefix(it.Digest, digest) {
			continue
		}
		if *asJSON {
			if err := writeJSON(e.stdout, it); err != nil {
				return err
			}
		} else {
			if n > 0 {
				fmt.Fprintln(e.stdout)
			}
			e.printItem(it)
		}
		n++
	}
	if n == 0 {
		return &exit{exitNo, site.Hint(fmt.Errorf("nothing called %s is in the inventory", rest[0]), "reeve inventory lists what there is")}
	}
	return nil
}

func (e *env) printItem(it *inventory.Item) {
	fmt.Fprintf(e.stdout, "%s, of %s (%s)\n", e.paint.bold(safe(it.ID())), safe(it.Owner), it.Scope)
	line := func(what, text string) {
		if text != "" {
			fmt.Fprintf(e.stdout, "  %s %s\n", pad(what, 12), safe(text))
		}
	}
	place := it.File
	if it.Line > 0 {
		place = fmt.Sprintf("%s:%d", it.File, it.Line)
	}
	line("file", place)
	line("in", it.Project)
	line("part of", it.Part)
	line("read by", strings.Join(it.Agents, ", "))
	line("runs", it.Command())
	line("package", it.Identity.Package.String())
	line("version", it.Version)
	if by := it.Identity.Publisher; by != "" {
		line("publisher", by+" sha256:"+it.Identity.Root)
	}
	if s := it.Signature; s != nil && it.Identity.Publisher == "" {
		line("signature", s.State+": "+s.Why)
		line("claims", s.Claims)
	}
	line("from", it.Identity.From.String())
	line("vendor", it.Identity.Vendor)
	if it.Pinned != nil {
		line("pinned", map[bool]string{true: "yes", false: "no"}[*it.Pinned])
	}
	line("transport", it.Transport)
	line("credentials", strings.Join(it.Secrets, ", "))
	line("not held", it.NotHeld)
	line("brings", strings.Join(it.Traits, ", "))
	line("content", it.Identity.Content())
	line("identity", it.Digest)
	for _, p := range it.Installed {
		line("installed", p.Name+" "+p.Value)
	}
	for _, t := range it.Identity.Tools {
		line("tool", t.Name+": "+t.Value)
	}
	line("error", it.Error)
	line("evidence", strings.Join(it.Evidence, "; "))
	line("risk", it.Risk)
	for _, r := range it.Reasons {
		fmt.Fprintf(e.stdout, "    %s %s\n", e.paint.severity(r.Level, pad(r.Level, 8)), safe(r.Text))
	}
	line("approval", approvalOf(it))
	e.printChanges(it.Approval.Diff)
	if !it.First.IsZero() {
		line("seen", it.First.Local().Format("2006-01-02 15:04")+" to "+it.Last.Local().Format("2006-01-02 15:04"))
	}
	for _, u := range it.Sessions {
		line("used by", "session "+u.Session+" at "+u.At.Local().Format("2006-01-02 15:04:05"))
	}
}

func approvalOf(it *inventory.Item) string {
	a := it.Approval
	text := a.State
	switch {
	case a.By != "" && len(a.Diff) > 0:
		text += " since " + a.By + " decided about it at " + a.At
	case a.By != "":
		text += " by " + a.By + " at " + a.At
	}
	if a.Rule != "" {
		text += " by rule " + a.Rule
	}
	if a.Reason != "" {
		text += ": " + a.Reason
	}
	return text
}
