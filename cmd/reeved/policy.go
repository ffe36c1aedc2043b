// SPDX-License-Identifier: Apache-2.0

// This file holds the policy in force: it changes it as a whole or not at all, and names what earlier ones decided.

package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/plugins/host"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/api"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/procfs"
)

// target is where images go. Roles moves users to the roles of a new image, and running sessions whose role is no more;
// all of them where the image does not follow the numbers they carry.
type target interface {
	Apply(*enforce.Image) error
	Roles(followed bool, now *enforce.Image, roleOf func(uid uint32) uint32) error
}

// live is one policy that was in force.
type live struct {
	policy  *enforce.Policy
	image   *enforce.Image
	files   []string
	applied time.Time
}

// remembered is how many policies back events can still be named by.
const remembered = 16

type policies struct {
	config  site.Config
	agents  *inventory.Catalogue
	target  target
	clock   clock
	notices *notices
	plugins func() []host.Status // nil until there are any

	change  sync.Mutex // one change at a time
	mu      sync.Mutex // of what follows
	past    []*live    // the last one is in force
	undo    *time.Timer
	before  *live  // what an unconfirmed change replaced
	trial   *trial // the same as it is kept
	begun   *begun // what a starting daemon found kept
	fault   string
	nextGen uint64
	changed func()           // told that another policy is in force
	kept    *enforce.Numbers // of the policy that an earlier daemon left in force
}

func newPolicies(c site.Config, agents *inventory.Catalogue) *policies {
	return &policies{config: c, agents: agents, nextGen: 1, clock: machineClock(), changed: func() {}, notices: &notices{}}
}

// compile makes an image of a policy.
func (p *policies) compile(policy *enforce.Policy, files []string) (*live, error) {
	p.mu.Lock()
	generation := p.nextGen
	p.nextGen++
	p.mu.Unlock()
	if n := p.numbers(); n != nil {
		policy.Follow(n) // running sessions carry them
	}
	im, err := enforce.Compile(policy, site.Compiled(p.agents), generation, p.config.Options())
	if err != nil {
		return nil, err
	}
	return &live{policy: policy, image: im, files: files}, nil
}

// read loads and compiles what the configuration names, or the files at hand.
func (p *policies) read(files []*pb.PolicyFile) (*live, enforce.Problems) {
	var policy *enforce.Policy
	var ps enforce.Problems
	c := p.told()
	names := c.Files()
	if len(files) > 0 {
		texts := map[string]string{}
		names = nil
		for _, f := range files {
			texts[f.Name] = f.Text
			names = append(names, f.Name)
		}
		policy, ps = c.Parse(texts, p.agents)
	} else {
		policy, ps = c.Load(names, p.agents)
	}
	if policy == nil {
		return nil, ps
	}
	return p.compiled(policy, names, ps)
}

func (p *policies) compiled(policy *enforce.Policy, names []string, ps enforce.Problems) (*live, enforce.Problems) {
	l, err := p.compile(policy, names)
	if err != nil {
		return nil, append(ps, &enforce.Problem{Reason: err.Error()})
	}
	return l, ps
}

// put brings a policy into force.
func (p *policies) put(l *live) error {
	p.change.Lock()
	defer p.change.Unlock()
	return p.swap(l)
}

// swap is put for who holds the lock.
func (p *policies) swap(l *live) error {
	defer p.sayChanged()
	followed := p.numbers() != nil
	if err := p.target.Apply(l.image); err != nil {
		return err
	}
	l.applied = time.Now()
	p.mu.Lock()
	p.past = append(p.past, l)
	p.past = p.past[max(0, len(p.past)-remembered):]
	p.fault = ""
	p.mu.Unlock()
	return p.target.Roles(followed, l.image, p.RoleOf)
}

// whenChanged has f called after each change.
func (p *policies) whenChanged(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed = f
}

func (p *policies) sayChanged() {
	p.mu.Lock()
	f := p.changed
	p.mu.Unlock()
	f()
}

// follow goes on with what an earlier daemon left in force.
func (p *policies) follow(n *enforce.Numbers) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept, p.nextGen = n, max(p.nextGen, n.Generation+1)
}

// numbers are those that running sessions carry, or nil.
func (p *policies) numbers() *enforce.Numbers {
	if l := p.now(); l != nil {
		return l.image.Numbers()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kept
}

func (p *policies) now() *live {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.past) == 0 {
		return nil
	}
	return p.past[len(p.past)-1]
}

// Apply changes the policy. What is wrong with the new one leaves the old one in force.
func (p *policies) Apply(ctx context.Context, files []*pb.PolicyFile, confirmWithin time.Duration) (*pb.PolicyApplyReply, error) {
	p.change.Lock()
	defer p.change.Unlock()
	by := api.ActorOf(ctx)
	l, ps := p.read(files)
	reply := &pb.PolicyApplyReply{}
	for _, q := range ps {
		reply.Problems = append(reply.Problems, &pb.PolicyProblem{Text: q.Error(), Hint: q.Hint, Warning: q.Warning})
	}
	if l == nil {
		p.refuse(by, ps.Errors())
		reply.Policy = p.Summary()
		return reply, nil
	}
	if err := p.try(l, len(files) == 0, confirmWithin, by); err != nil {
		err = fmt.Errorf("applying the policy: %w", err)
		p.notices.tell(event.Said{Name: event.PolicyRefused, Severity: "high", By: by, Message: err.Error()})
		return nil, err
	}
	reply.Applied, reply.Policy = true, p.Summary()
	p.notices.tell(event.Said{Name: event.PolicyApplied, By: by, Message: applied(reply.Policy, confirmWithin)})
	return reply, nil
}

func (p *policies) refuse(by *event.Actor, err error) {
	p.blame(err.Error())
	p.notices.tell(event.Said{Name: event.PolicyRefused, By: by, Message: "a policy was refused: " + strings.ReplaceAll(err.Error(), "\n", "; ")})
}

func applied(now *pb.Policy, confirmWithin time.Duration) string {
	text := fmt.Sprintf("policy generation %d in force: base %s, rules: %d, roles: %d", now.Generation, now.Base, now.Rules, now.Roles)
	if confirmWithin > 0 {
		text += fmt.Sprintf("; taken back unless confirmed within %s", confirmWithin)
	}
	return text
}

// Summary describes the policy in force.
func (p *policies) Summary() *pb.Policy {
	l := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if l == nil {
		return &pb.Policy{Fault: p.fault}
	}
	return &pb.Policy{
		Generation: l.image.Generation, Base: l.policy.Base, Files: l.files, Rules: uint32(len(l.policy.Rules)),
		Roles: uint32(len(l.policy.Roles)), Bytes: uint32(len(l.image.Table)), AppliedMs: l.applied.UnixMilli(), Fault: p.fault,
	}
}

// Text is the policy in force, rule by rule.
func (p *policies) Text(asJSON bool) string {
	l := p.now()
	switch {
	case l == nil:
		return ""
	case asJSON:
		return site.DescribeJSON(l.policy)
	}
	return site.Describe(l.policy)
}

// at finds the policy that a generation belongs to, or the one in force.
func (p *policies) at(generation uint64) *live {
	p.mu.Lock()
	for _, l := range p.past {
		if l.image.Generation == generation {
			p.mu.Unlock()
			return l
		}
	}
	p.mu.Unlock()
	return p.now()
}

// Role names a role of the policy that decided.
func (p *policies) Role(generation uint64, role uint16) string {
	if l := p.at(generation); l != nil && int(role) < len(l.image.Roles) {
		return l.image.Roles[role]
	}
	return enforce.DefaultRole
}

// Principal names a principal of the policy that decided.
func (p *policies) Principal(generation uint64, principal uint16) string {
	number, _ := enforce.PrincipalNumber(uint32(principal))
	if l := p.at(generation); l != nil && int(number) < len(l.image.Principals) {
		return l.image.Principals[number]
	}
	return "agent"
}

// Name is what the policy that decided calls what was started.
func (p *policies) Name(generation uint64, op event.Op, number uint32) string {
	if l := p.at(generation); l != nil {
		return l.image.NameOf(enforce.Op(op), number)
	}
	return enforce.Undeclared
}

// Rule names what decided.
func (p *policies) Rule(e *event.Event) sensor.Rule {
	if e.Head.Switched() {
		return sensor.Rule{ID: "switch", Reason: "a switch of the session refuses it, whatever policy says", Severity: "medium"}
	}
	if e.Head.Guarded() && e.Object == "" && enforce.Op(e.Head.Op) == enforce.OpFileWrite {
		return sensor.Rule{ID: enforce.GuardTerminal, Reason: "typing into a terminal would be typing for the person who reads it", Severity: "high"}
	}
	if e.View == event.ViewRefused {
		return sensor.Rule{ID: "unnameable", Reason: "what cannot be named is refused", Severity: "high"}
	}
	if !e.ByPolicy() {
		return sensor.Rule{Reason: e.Why(), Severity: "medium"} // no rule has a say in it
	}
	l := p.at(e.Head.Policy)
	if l == nil {
		return sensor.Rule{}
	}
	r := l.rule(e)
	if r == nil && l.takenBack(e) {
		return sensor.Rule{ID: "revoked", Reason: "an administrator took its approval back", Severity: "medium"}
	}
	if r == nil {
		return sensor.Rule{ID: "default", Reason: fmt.Sprintf("what no rule of role %s allows", p.Role(e.Head.Policy, e.Head.Role))}
	}
	return sensor.Rule{ID: r.ID, Place: r.Place.String(), Reason: reason(r, e), Severity: r.Severity}
}

// reason is the rule's own, and which program the object is a copy of where it speaks of that one.
func reason(r *enforce.Rule, e *event.Event) string {
	if e.CopyOf == "" {
		return r.Reason
	}
	return strings.TrimSuffix("a copy of "+e.CopyOf+": "+r.Reason, ": ")
}

// takenBack reports whether a start was refused that policy does not refuse: people did.
func (l *live) takenBack(e *event.Event) bool {
	if !e.Starts() || enforce.Action(e.Head.Action) != enforce.Deny {
		return false
	}
	who := enforce.Subject{Role: uint32(e.Head.Role), Principal: uint32(e.Head.Principal), Taints: e.Head.Taints}
	return l.image.Oracle().Named(who, enforce.Op(e.Head.Op), e.Wanted, 0).Action != enforce.Deny
}

func (l *live) rule(e *event.Event) *enforce.Rule {
	who := enforce.Subject{Role: uint32(e.Head.Role), Principal: uint32(e.Head.Principal), Taints: e.Head.Taints}
	if e.Head.Moved() {
		r, _ := l.image.AttributeMove(who, e.Lost, []byte(e.Object), nil, true)
		return r
	}
	if e.Head.Guarded() {
		return l.policy.Guard(enforce.Op(e.Head.Op), e.Meant(), nil)
	}
	if e.Reached() {
		return l.image.AttributeReached(who, e.Object, enforce.Action(e.Head.Action))
	}
	return l.image.Attribute(who, enforce.Op(e.Head.Op), enforce.View(e.View), []byte(e.Meant()), enforce.Action(e.Head.Action))
}

// approvals are how what starts is let start.
var approvals = map[enforce.Op]string{
	enforce.OpConnectorStart: "it starts once an administrator has approved it: reeve inventory names it, reeve approve connector:NAME does that",
	enforce.OpAgentStart:     "it starts once an administrator has approved it: reeve inventory names it, reeve approve agent:NAME does that",
	enforce.OpSkillLoad:      "it loads once an administrator has approved it: reeve inventory names it, reeve approve skill:NAME does that",
}

// Instead tells what a rule lets through of what it refuses, and what helps where more than a rule refused it.
func (p *policies) Instead(e *event.Event) string {
	l := p.at(e.Head.Policy)
	if l == nil || e.Rule == "" || e.Head.Switched() {
		return e.Advice()
	}
	r := l.policy.Rule(e.Rule)
	if advice := approvals[enforce.Op(e.Head.Op)]; advice != "" && e.Starts() && enforce.Action(e.Head.Action) == enforce.Ask {
		return advice
	}
	switch {
	case r == nil:
		return e.Advice()
	case r.Action == enforce.Ask:
		return "it may be granted: ask an administrator"
	case len(r.Except) > 0:
		return "allowed by exception: " + strings.Join(r.Except, ", ")
	}
	return e.Advice()
}

// RoleName names a role of the policy in force.
func (p *policies) RoleName(index uint16) string {
	l := p.now()
	if l == nil {
		return enforce.DefaultRole
	}
	return p.Role(l.image.Generation, index)
}

// RoleByName finds a role of the policy in force. One that is gone keeps its number, and is none any more.
func (p *policies) RoleByName(name string) (uint32, bool) {
	l := p.now()
	if l == nil {
		return 0, false
	}
	index, ok := l.image.RoleIndex(name)
	return index, ok && !l.image.Retired(index)
}

// RoleOf is the role of a user, by name and groups as the host knows them.
func (p *policies) RoleOf(uid uint32) uint32 {
	l := p.now()
	if l == nil {
		return 0
	}
	name, _ := procfs.User(uid)
	groups, err := procfs.Groups(uid)
	if err != nil {
		groups = nil // a user whom the host does not know has the default role, unless named by number
	}
	index, _ := l.image.RoleIndex(l.policy.RoleOf(name, groups))
	return index
}
