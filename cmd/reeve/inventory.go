// SPDX-License-Identifier: Apache-2.0

// This file lists what the inventory holds: the daemon's where one answers, else that of a pass of its own.

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/bom"
	"github.com/reeve-sensor/reeve/sensor/inventory/risk"
)

// earlier is the flag --diff: alone it means the daemon's own earlier inventory.
type earlier struct{ name string }

func (d *earlier) String() string     { return d.name }
func (d *earlier) Set(s string) error { d.name = s; return nil }
func (d *earlier) IsBoolFlag() bool   { return true }

// wanted is what is asked of the inventory.
type wanted struct {
	kind, user, risk string
	json, cyclonedx  bool
	exposure         bool
	refresh, own     bool
	diff             earlier
}

func (e *env) wanted(args []string) (*wanted, error) {
	f := e.flags("inventory")
	w := &wanted{}
	f.StringVar(&w.kind, "kind", "", "only of this `KIND`: "+kinds())
	f.StringVar(&w.user, "user", "", "only what is this `USER`'s")
	f.StringVar(&w.risk, "risk", "", "only of this `LEVEL` or above: "+strings.Join(risk.Levels, ", "))
	f.BoolVar(&w.json, "json", false, "one object a line")
	f.BoolVar(&w.cyclonedx, "cyclonedx", false, "a CycloneDX bill of materials")
	f.BoolVar(&w.exposure, "exposure", false, "what items bring together: private data, untrusted content and a way out")
	f.BoolVar(&w.refresh, "refresh", false, "have the daemon pass over everything first")
	f.BoolVar(&w.own, "own", false, "do not ask the daemon: a pass of its own")
	f.Var(&w.diff, "diff", "what changed since an earlier inventory: `=FILE` of --json, or the daemon's own")
	rest, err := parse(f, args)
	if err != nil {
		return nil, err
	}
	if err := count("inventory", rest, 0, 0, "no argument"); err != nil {
		return nil, err
	}
	switch {
	case w.kind != "" && !slices.Contains(inventory.Kinds, inventory.Kind(w.kind)):
		return nil, site.Hint(fmt.Errorf("inventory: --kind %q: unknown", w.kind), kinds())
	case w.risk != "" && !slices.Contains(risk.Levels, w.risk):
		return nil, site.Hint(fmt.Errorf("inventory: --risk %q: unknown", w.risk), strings.Join(risk.Levels, ", "))
	case w.cyclonedx && (w.json || w.exposure || w.diff.name != ""), w.exposure && w.diff.name != "":
		return nil, site.Hint(fmt.Errorf("inventory: one of --cyclonedx, --exposure and --diff at a time"), "reeve inventory --help")
	case w.own && (w.refresh || w.diff.name == "true"):
		return nil, site.Hint(fmt.Errorf("inventory: a pass of its own has nothing earlier"), "--diff=FILE compares with what --json wrote before")
	}
	return w, nil
}

func kinds() string {
	names := make([]string, len(inventory.Kinds))
	for i, k := range inventory.Kinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}

func (w *wanted) fits(it *inventory.Item) bool {
	return (w.kind == "" || string(it.Kind) == w.kind) && (w.user == "" || it.Owner == w.user) && risk.Rank(it.Risk) >= risk.Rank(w.risk)
}

func inventoryCommand(ctx context.Context, e *env, args []string) error {
	w, err := e.wanted(args)
	if err != nil {
		return err
	}
	s, err := e.stock(ctx, w)
	if err != nil {
		return err
	}
	s.items = slices.DeleteFunc(s.items, func(it inventory.Item) bool { return !w.fits(&it) })
	switch {
	case w.diff.name != "":
		return e.showDiff(ctx, s, w)
	case w.cyclonedx:
		host, err := os.Hostname()
		if err != nil {
			host = "localhost"
		}
		return bom.Write(e.stdout, bom.Make(s.items, bom.Made{Host: host, Version: version, At: time.Now(), Serial: serial()}))
	case w.exposure:
		return e.showExposure(s, w)
	case w.json:
		for i := range s.items {
			if err := writeJSON(e.stdout, &s.items[i]); err != nil {
				return err
			}
		}
		return nil
	}
	e.printItems(s)
	return nil
}

// serial is a random UUID (RFC 9562, version 4).
func serial() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, and ends the process where it would
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (e *env) printItems(s *stock) {
	if len(s.items) == 0 {
		fmt.Fprintln(e.stdout, "nothing that agents use")
		return
	}
	var rows [][]string
	for i := range s.items {
		it := &s.items[i]
		rows = append(rows, []string{string(it.Kind), safe(it.Name), safe(it.Owner), scopeOf(it), safe(it.Version), it.Risk, stateOf(it), safe(what(it))})
	}
	columns(e, []string{"KIND", "NAME", "OWNER", "SCOPE", "VERSION", "RISK", "STATE", "WHAT"}, rows)
	fmt.Fprintln(e.stdout)
	fmt.Fprintln(e.stdout, e.paint.dim(s.summary()))
}

func scopeOf(it *inventory.Item) string {
	if it.Disabled {
		return string(it.Scope) + ",off"
	}
	return string(it.Scope)
}

func stateOf(it *inventory.Item) string {
	switch {
	case it.Error != "":
		return "error"
	case len(it.Running) > 0:
		return strings.TrimPrefix(it.Approval.State+",running", ",")
	case it.Approval.State == "":
		return "-"
	}
	return it.Approval.State
}

// what says in a few words what an item is: what it runs, or where it lies, or why it is not known.
func what(it *inventory.Item) string {
	switch command := it.Command(); {
	case it.Error != "":
		return it.Error + ": " + it.File
	case len(it.Evidence) > 0:
		return strings.Join(it.Evidence, "; ")
	case command != "":
		return command
	case it.NotHeld != "":
		return it.NotHeld
	}
	return it.File
}

// summary counts, and says what the list does not show.
func (s *stock) summary() string {
	levels := map[string]int{}
	outside, pending := 0, 0
	for i := range s.items {
		it := &s.items[i]
		levels[it.Risk]++
		if it.NotHeld != "" {
			outside++
		}
		if it.Approval.State == "pending" || it.Approval.State == "changed" {
			pending++
		}
	}
	parts := []string{fmt.Sprintf("%d items", len(s.items))}
	for _, l := range []string{"critical", "high"} {
		if levels[l] > 0 {
			parts = append(parts, fmt.Sprintf("%d of %s risk", levels[l], l))
		}
	}
	if outside > 0 {
		parts = append(parts, fmt.Sprintf("%d not held in the kernel", outside))
	}
	if pending > 0 {
		parts = append(parts, fmt.Sprintf("%d that nobody approved", pending))
	}
	if s.unwatched > 0 {
		parts = append(parts, fmt.Sprintf("%d folders wait for the next full pass (fs.inotify.max_user_watches)", s.unwatched))
	}
	return strings.Join(parts, ", ") + "; reeve inventory show KIND:NAME says why"
}

func (e *env) showExposure(s *stock, w *wanted) error {
	list := s.exposures
	if w.user != "" {
		list = slices.DeleteFunc(list, func(x risk.Exposure) bool { return x.User != w.user })
	}
	for i := range list {
		if w.json {
			if err := writeJSON(e.stdout, &list[i]); err != nil {
				return err
			}
			continue
		}
		e.printExposure(&list[i])
	}
	if len(list) == 0 && !w.json {
		fmt.Fprintln(e.stdout, "nothing is known to bring private data, untrusted content or a way out")
	}
	return nil
}

func (e *env) printExposure(x *risk.Exposure) {
	where := x.Agent + " of " + x.User
	if x.Session != "" {
		where += ", session " + x.Session
	}
	if x.Project != "" {
		where += ", in " + x.Project
	}
	verdict := e.paint.green("not all three")
	if x.Whole {
		verdict = e.paint.red(fmt.Sprintf("private data, untrusted content and a way out (%d chains)", x.Chains))
	}
	fmt.Fprintf(e.stdout, "%s: %s\n", safe(where), verdict)
	for _, t := range risk.Traits {
		if len(x.Brings[t]) > 0 {
			fmt.Fprintf(e.stdout, "  %s %s\n", pad(t, 18), safe(strings.Join(x.Brings[t], ", ")))
		}
	}
	if x.Remove != "" {
		fmt.Fprintf(e.stdout, "  removing %s helps most: %d chains are left\n", safe(x.Remove), x.Left)
	}
	if len(x.Unknown) > 0 {
		fmt.Fprintf(e.stdout, "  not known what they bring: %s\n", safe(strings.Join(x.Unknown, ", ")))
	}
}
