// SPDX-License-Identifier: Apache-2.0

// This file keeps the kernel told of skills: anew whenever policy, decisions or inventory change.

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/inventory/approve"
	"github.com/reeve-sensor/reeve/sensor/inventory/disk"
	keeping "github.com/reeve-sensor/reeve/sensor/inventory/live"
)

// How often it is looked whether something changed, how often files are looked at all the same, and how soon those again that were
// changed a moment before.
const (
	skillsEvery  = 200 * time.Millisecond
	filesEvery   = 15 * time.Second
	pendingEvery = time.Second
)

// skills keeps the kernel's maps of skills.
type skills struct {
	stock  *stock
	people func() []keeping.Person
	kernel skillsKernel
	log    *slog.Logger
	known  site.Skills

	told    seen
	next    time.Time // when files are looked at again
	trouble string
}

// skillsKernel is what is told, and asked once.
type skillsKernel interface {
	SetSkills(skills []sensor.Skill, all bool) error
	SkillFolders() (map[string]uint32, error)
}

// begin tells the kernel before anything is attached, from what is remembered, here and there.
func (c *skills) begin(k skillsKernel, now time.Time) {
	c.kernel, c.told = k, seen{}
	folders, err := k.SkillFolders()
	c.say(err)
	if l := c.stock.policies.now(); l != nil {
		c.known.Remember(l.image, folders)
	}
	c.look(now)
}

func (c *skills) keep(ctx context.Context) {
	often(ctx, skillsEvery, func() { c.look(time.Now()) })
}

// look tells the kernel anew where something changed. Before the first full pass of the inventory what an earlier daemon set stays, and is
// added to.
func (c *skills) look(now time.Time) {
	l := c.stock.policies.now()
	if l == nil {
		return
	}
	is := seen{parts: c.stock.keeper.Revision(), decisions: c.stock.decided.Load(), policy: l.image.Generation}
	if is == c.told && now.Before(c.next) {
		return
	}
	c.told, c.next = is, now.Add(filesEvery)
	c.say(c.tell(l, now))
}

func (c *skills) tell(l *live, now time.Time) error {
	records, err := c.stock.approved.Read()
	if err != nil {
		return err // what cannot be read takes back no decision, and makes none
	}
	var homes []string
	for _, p := range c.people() {
		homes = append(homes, p.Dir)
	}
	if c.known.Programs.Avoid, err = disk.Remote(homes); err != nil {
		return err
	}
	all, items := c.stock.keeper.Whole(), c.stock.keeper.Items(records)
	for _, it := range c.stock.keeper.Remembered() {
		it.Approval = approve.Decide(records, &it)
		items = append(items, it)
	}
	found := c.known.Found(l.policy, l.image, items, all)
	if found.Pending {
		c.next = now.Add(pendingEvery)
	}
	err = c.kernel.SetSkills(found.Skills, all)
	if found.Untold > 0 {
		err = errors.Join(err, fmt.Errorf("%d of them are of people who have more than the kernel is told of", found.Untold))
	}
	return err
}

// say tells of trouble once.
func (c *skills) say(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != c.trouble {
		c.log.Error("skills are not all known to the kernel", "problem", err)
	}
	c.trouble = text
}
