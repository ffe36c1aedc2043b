// SPDX-License-Identifier: Apache-2.0

// This file keeps the kernel told of what starts: of the commands of connectors, and of what was decided about agents. Anew whenever policy,
// decisions or inventory change.

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/inventory/approve"
	"github.com/reeve-sensor/reeve/sensor/inventory/disk"
	keeping "github.com/reeve-sensor/reeve/sensor/inventory/live"
)

// How often it is looked whether something changed, and how often programs are looked for all the same: an update of the system puts
// others in their place.
const (
	startsEvery   = 200 * time.Millisecond
	programsEvery = 15 * time.Second
)

// starts keeps the kernel's maps of connectors' commands and of decisions about agents.
type starts struct {
	stock    *stock
	people   func() []keeping.Person
	kernel   startsKernel
	log      *slog.Logger
	programs site.Programs
	fillings *fillings

	told    seen
	at      time.Time
	trouble string
}

// startsKernel is what is told.
type startsKernel interface {
	SetCommands(known map[bpf.Command]bpf.Start, all bool) error
	SetDecided(known sensor.Decisions, all bool) error
}

// seen is what the kernel was told from.
type seen struct {
	parts, decisions, policy uint64
	sessions                 string // where commands depend on them
}

// begin tells the kernel before anything is attached, from what is remembered.
func (c *starts) begin(k startsKernel, now time.Time) {
	c.kernel, c.told = k, seen{}
	c.look(now)
}

func (c *starts) keep(ctx context.Context) {
	often(ctx, startsEvery, func() { c.look(time.Now()) })
}

// look tells the kernel anew where something changed. Before the first full pass of the inventory what an earlier daemon set stays, and is
// added to.
func (c *starts) look(now time.Time) {
	l := c.stock.policies.now()
	if l == nil {
		return
	}
	if c.fillings == nil {
		c.fillings = newFillings(c.stock)
	}
	is := seen{parts: c.stock.keeper.Revision(), decisions: c.stock.decided.Load(), policy: l.image.Generation}
	if c.fillings.wanted() {
		is.sessions = c.fillings.sessions()
	}
	if is == c.told && !c.fillings.late && now.Sub(c.at) < programsEvery {
		return
	}
	err := c.tell(l)
	c.told, c.at = is, now
	c.say(err)
}

func (c *starts) tell(l *live) error {
	records, err := c.stock.approved.Read()
	if err != nil {
		return err // what cannot be read takes back no decision, and makes none
	}
	people := c.people()
	var homes []string
	for _, p := range people {
		homes = append(homes, p.Dir)
	}
	if c.programs.Avoid, err = disk.Remote(homes); err != nil {
		return err
	}
	all, items := c.stock.keeper.Whole(), c.stock.keeper.Items(records)
	for _, it := range c.stock.keeper.Remembered() {
		it.Approval = approve.Decide(records, &it)
		it.Facts.Spell(it.Identity.Command, "/") // where that holds a secret, it is another one until the file is read
		it.Facts.Environment = unknown
		items = append(items, it)
	}
	c.fillings.begin(items)
	defer c.fillings.end()
	known, untold := site.Commands(l.policy, l.image, items, people, c.fillings.of, &c.programs)
	err = errors.Join(c.kernel.SetCommands(known, all), c.kernel.SetDecided(site.Decided(c.stock.agents, items, people), all))
	if untold > 0 {
		err = errors.Join(err, fmt.Errorf("%d connectors are of people who have more than the kernel is told of", untold))
	}
	return err
}

// unknown keeps what is remembered from being pinned: with which settings it is started is read with its file.
var unknown = []string{"?"}

// say tells of trouble once.
func (c *starts) say(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != c.trouble {
		c.log.Error("connectors and agents are not all known to the kernel", "problem", err)
	}
	c.trouble = text
}
