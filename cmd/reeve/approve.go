// SPDX-License-Identifier: Apache-2.0

// This file decides about what is in the inventory. A decision is bound to what the thing is: what it was approved as before,
// and what changed since, is shown with it.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/approve"
)

// decisions are the commands by what they decide.
var decisions = map[approve.State]string{approve.Approved: "approve", approve.Pinned: "pin", approve.Revoked: "revoke"}

// decide is the command for a decision.
func decide(state approve.State) func(context.Context, *env, []string) error {
	verb := decisions[state]
	return func(ctx context.Context, e *env, args []string) error {
		f := e.flags(verb)
		owner := f.String("user", "", "what is this `USER`'s")
		file := f.String("file", "", "what this `FILE` says")
		reason := f.String("reason", "", "why, for the record")
		asJSON := f.Bool("json", false, "one object a line")
		rest, err := parse(f, args)
		if err != nil {
			return err
		}
		if err := count(verb, rest, 1, 1, "KIND:NAME"); err != nil {
			return err
		}
		kind, name, digest, err := approve.ParseTarget(rest[0])
		if err != nil {
			return site.Hint(fmt.Errorf("%s: %w", verb, err), "reeve inventory lists what there is")
		}
		q := &approve.Request{State: state, Kind: kind, Name: name, Owner: *owner, File: *file, Digest: digest, Reason: strings.TrimSpace(*reason)}
		items, err := e.decided(ctx, q)
		if err != nil {
			return e.refused(verb, rest[0], items, err)
		}
		return e.sayDecided(q, items, *asJSON)
	}
}

// decided asks the daemon to decide; without one root does it itself.
func (e *env) decided(ctx context.Context, q *approve.Request) ([]inventory.Item, error) {
	c, err := e.dial(ctx)
	if err != nil {
		if os.Geteuid() != 0 {
			return nil, err
		}
		return e.decideAlone(ctx, q)
	}
	defer c.Close()
	reply, err := c.Approve(ctx, &pb.ApproveRequest{
		State: string(q.State), Kind: string(q.Kind), Name: q.Name, Owner: q.Owner, File: q.File, Digest: q.Digest, Reason: q.Reason,
	})
	if err != nil {
		return nil, told(err)
	}
	var items []inventory.Item
	for _, raw := range reply.Items {
		var it inventory.Item
		if err := json.Unmarshal([]byte(raw), &it); err != nil {
			return nil, fmt.Errorf("reading the daemon's answer: %w", err)
		}
		items = append(items, it)
	}
	for _, known := range []struct {
		name string
		err  error
	}{{"none", approve.ErrNone}, {"ambiguous", approve.ErrAmbiguous}, {"loose", approve.ErrLoose}, {"unknown", approve.ErrUnknown}} {
		if reply.Refused == known.name {
			return items, &refusal{known.err, reply.Message}
		}
	}
	return items, nil
}

// refusal is the daemon's reason in its words.
type refusal struct {
	kind error
	text string
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.kind }

// decideAlone is for a machine whose daemon does not run. The daemon reads what is decided.
func (e *env) decideAlone(ctx context.Context, q *approve.Request) ([]inventory.Item, error) {
	c, err := site.ReadConfig(e.config)
	if err != nil {
		return nil, err
	}
	s, err := e.stock(ctx, &wanted{own: true})
	if err != nil {
		return nil, err
	}
	found, err := approve.Choose(s.items, q)
	if err != nil {
		return found, err
	}
	return found, approve.Store{Dir: c.State}.Add(approve.Make(found, q, me(), time.Now()))
}

// me is who decides, and who that was before sudo.
func me() string {
	name := strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if login := os.Getenv("SUDO_USER"); login != "" {
		name += " (login " + login + ")"
	}
	return name
}

// refused says why nothing was decided, and what to do about it.
func (e *env) refused(verb, target string, items []inventory.Item, err error) error {
	switch {
	case errors.Is(err, approve.ErrNone):
		return &exit{exitNo, site.Hint(fmt.Errorf("%s: nothing called %s is in the inventory", verb, target), "reeve inventory lists what there is")}
	case errors.Is(err, approve.ErrAmbiguous):
		fmt.Fprintln(e.stdout, "Which one?")
		seen := map[string]bool{}
		for i := range items {
			it := &items[i]
			if !seen[it.Digest] {
				seen[it.Digest] = true
				fmt.Fprintf(e.stdout, "  reeve %s %s@%.12s   %s, %s: %s\n", verb, safe(it.ID()), it.Digest, safe(it.Owner), safe(it.File), safe(what(it)))
			}
		}
		return &exit{exitNo, site.Hint(fmt.Errorf("%s: %d different things are called %s", verb, len(seen), target), "--user and --file narrow, and so does the identity after an @")}
	case errors.Is(err, approve.ErrLoose):
		return &exit{exitNo, site.Hint(fmt.Errorf("%s %s: %w", verb, target, err), "name an exact version, or approve it as it is: reeve approve "+target)}
	case errors.Is(err, approve.ErrUnknown):
		return &exit{exitNo, site.Hint(fmt.Errorf("%s %s: %w", verb, target, err), "reeve inventory show "+target)}
	}
	return err
}

func (e *env) sayDecided(q *approve.Request, items []inventory.Item, asJSON bool) error {
	if asJSON {
		for i := range items {
			o := map[string]any{"id": items[i].ID(), "state": q.State, "digest": items[i].Digest, "identity": items[i].Identity, "was": items[i].Approval}
			if err := writeJSON(e.stdout, o); err != nil {
				return err
			}
		}
		return nil
	}
	it := &items[0]
	fmt.Fprintf(e.stdout, "%s: %s\n", safe(it.ID()), q.State)
	fmt.Fprintf(e.stdout, "  what      %s\n", safe(what(it)))
	if p := it.Identity.Package; p != nil {
		fmt.Fprintf(e.stdout, "  package   %s\n", safe(p.String()))
	}
	fmt.Fprintf(e.stdout, "  identity  %s\n", it.Digest)
	if len(it.Approval.Diff) > 0 {
		fmt.Fprintf(e.stdout, "  what changed since it was decided about (%s by %s):\n", it.Approval.At, safe(it.Approval.By))
		e.printChanges(it.Approval.Diff)
	}
	if q.State == approve.Approved && it.Identity.Loose != "" {
		fmt.Fprintf(e.stdout, "  %s\n", e.paint.amber("not known whole: "+safe(it.Identity.Loose)))
	}
	for _, r := range it.Reasons {
		if q.State != approve.Revoked && (r.Level == "high" || r.Level == "critical") {
			fmt.Fprintf(e.stdout, "  %s %s\n", e.paint.severity(r.Level, r.Level+":"), safe(r.Text))
		}
	}
	if q.State == approve.Pinned {
		fmt.Fprint(e.stdout, declaration(it))
	}
	return nil
}

// declaration is the item as a policy declares it, so that rules may name it as principal.
func declaration(it *inventory.Item) string {
	var b strings.Builder
	write := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "    %-7s = %s\n", key, value)
		}
	}
	quote := func(s string) string {
		if s == "" {
			return ""
		}
		raw, err := json.Marshal(s) // a JSON text is a basic string of TOML
		if err != nil {
			return ""
		}
		return string(raw)
	}
	switch it.Kind {
	case inventory.KindConnector, inventory.KindSkill:
		fmt.Fprintf(&b, "  in a policy:\n    [[%s]]\n", it.Kind)
	default:
		return ""
	}
	write("name", quote(it.Name))
	if it.Kind == inventory.KindConnector {
		var words []string
		for _, a := range it.Identity.Command {
			words = append(words, quote(a))
		}
		if len(words) > 0 {
			write("command", "["+strings.Join(words, ", ")+"]")
		}
		write("url", quote(it.Identity.URL))
	}
	write("sha256", quote(it.Identity.Content()))
	return b.String()
}
