// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

//go:build cgo

package parse_test

// DNS messages against golang.org/x/net/dns/dnsmessage, which reads them, and a plain walk over what it read, which finds
// the addresses. As with hellos, a difference without a reason in the tables is a bug.

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/reeve-sensor/reeve/bpf/parse"
	"github.com/reeve-sensor/reeve/bpf/parse/native"
)

// goMessage is what dnsmessage reads of a message.
type goMessage struct {
	header    dnsmessage.Header
	questions []dnsmessage.Question
	records   []goRecord
	err       error // where it stopped
}

type goRecord struct {
	owner, target string
	address       netip.Addr
	ttl           uint32
}

// lower is a name without its case; strings.ToLower would take bytes beyond ASCII for each other.
func lower(name dnsmessage.Name) string {
	text := []byte(name.String())
	for i, b := range text {
		if b >= 'A' && b <= 'Z' {
			text[i] = b | 0x20
		}
	}
	return string(text)
}

func goDNS(message []byte) (m goMessage) {
	var p dnsmessage.Parser
	if m.header, m.err = p.Start(message); m.err != nil {
		return m
	}
	if m.questions, m.err = p.AllQuestions(); m.err != nil || len(m.questions) == 0 {
		return m
	}
	for {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return m
		}
		if err == nil {
			err = m.read(&p, h)
		}
		if err != nil {
			m.err = err
			return m
		}
	}
}

func (m *goMessage) read(p *dnsmessage.Parser, h dnsmessage.ResourceHeader) error {
	r := goRecord{owner: lower(h.Name), ttl: h.TTL}
	if r.ttl >= 1<<31 {
		r.ttl = 0
	}
	if h.Class != dnsmessage.ClassINET {
		return p.SkipAnswer()
	}
	switch h.Type {
	case dnsmessage.TypeA:
		a, err := p.AResource()
		if err != nil {
			return err
		}
		r.address = netip.AddrFrom4(a.A)
	case dnsmessage.TypeAAAA:
		a, err := p.AAAAResource()
		if err != nil {
			return err
		}
		r.address = netip.AddrFrom16(a.AAAA).Unmap()
	case dnsmessage.TypeCNAME:
		c, err := p.CNAMEResource()
		if err != nil {
			return err
		}
		r.target = lower(c.CNAME)
	default:
		return p.SkipAnswer()
	}
	m.records = append(m.records, r)
	return nil
}

// learned walks the chain of CNAMEs over the first records.
func (m *goMessage) learned(count int) []parse.Learned {
	all := make([]parse.Learned, count)
	used := make([]bool, count)
	owner, ttl := lower(m.questions[0].Name), uint32(1<<32-1)
	for chain := 1; chain <= 13; chain++ {
		next, nextTTL := "", uint32(0)
		for i, r := range m.records[:count] {
			if used[i] || r.owner != owner {
				continue
			}
			used[i] = true
			if r.target == "" {
				all[i] = parse.Learned{Address: r.address, TTL: min(ttl, r.ttl), Chain: chain}
			} else if next == "" {
				next, nextTTL = r.target, min(ttl, r.ttl)
			}
		}
		if next == "" {
			break
		}
		owner, ttl = next, nextTTL
	}
	kept := all[:0]
	for _, l := range all {
		if l.Chain != 0 {
			kept = append(kept, l)
		}
	}
	return kept
}

// strictDNS are our reasons to stop where dnsmessage goes on, and when they hold.
var strictDNS = map[string]func(m goMessage) bool{
	"refused: questions": func(m goMessage) bool { return len(m.questions) != 1 },
	"refused: opcode":    func(m goMessage) bool { return m.header.OpCode != 0 },
	"refused: class":     func(m goMessage) bool { return m.questions[0].Class != dnsmessage.ClassINET },
	"refused: odd":       func(m goMessage) bool { return !isDomain(strings.TrimSuffix(lower(m.questions[0].Name), ".")) },
	// A question has nothing before it that it could point to; dnsmessage follows pointers into the header, and forward.
	"refused: compressed": func(goMessage) bool { return true },
	"malformed: pointer":  func(goMessage) bool { return true },
	// dnsmessage reads a resource's data, and not how much of it there is; of a question it looks at no OPT.
	"malformed: data":  func(goMessage) bool { return true },
	"malformed: short": func(goMessage) bool { return true },
	// Bytes behind a question, or behind its OPT, are a way to carry data out.
	"malformed: trailing": func(m goMessage) bool { return !m.header.Response },
	"refused: costly":     func(m goMessage) bool { return len(m.records) > 8 },
}

// strictGo are reasons of dnsmessage to stop where we go on.
var strictGo = []string{
	"invalid dns name",  // a dot inside of a label, in a name that is no question's
	"too many pointers", // more than ten; each of ours leads further back, so that none needs a bound
}

func FuzzDNS(f *testing.F) {
	for _, message := range messages(f, "dns") {
		f.Add(message)
	}
	f.Fuzz(agreeDNS)
}

func agreeDNS(t *testing.T, message []byte) {
	d, _ := native.User{}.DNS(message)
	m := goDNS(message)
	verdict := d.Verdict()
	if len(m.questions) == 1 && verdict == "fine" {
		if want := strings.TrimSuffix(lower(m.questions[0].Name), "."); d.Question() != want || d.Type != uint32(m.questions[0].Type) {
			t.Errorf("%q type %d, dnsmessage: %v: %x", d.Question(), d.Type, m.questions[0], message)
		}
	}
	count := int(d.Count)
	switch {
	case count > len(m.records):
		if !listed(m.err, strictGo) {
			t.Errorf("%s with %d records, dnsmessage: %d, %v: %x", verdict, count, len(m.records), m.err, message)
		}
		return
	case count < len(m.records) && !stopped(d, m):
		t.Errorf("%s with %d records, dnsmessage: %d: %x", verdict, count, len(m.records), message)
		return
	case verdict == "fine" && m.err != nil && !listed(m.err, strictGo) && d.Has("answer") && d.Rcode == 0 && !d.Has("cut"):
		t.Errorf("fine, dnsmessage: %v: %x", m.err, message)
		return
	case verdict != "fine" && m.err == nil && !stopped(d, m):
		t.Errorf("%s, dnsmessage takes it: %x", verdict, message)
		return
	}
	if verdict == "refused: costly" || len(m.questions) != 1 || count == 0 {
		return
	}
	if got, want := fmt.Sprint(d.Learned()), fmt.Sprint(m.learned(count)); got != want {
		t.Errorf("learned %s, want %s: %x", got, want, message)
	}
}

// stopped tells whether we stopped before dnsmessage for a reason of the table, or for none but our purpose.
func stopped(d *parse.DNS, m goMessage) bool {
	if d.Verdict() == "fine" {
		return d.Has("cut") || d.Rcode != 0 || !d.Has("answer")
	}
	reason := strictDNS[d.Verdict()]
	if reason == nil || !reason(m) {
		return false
	}
	met[d.Verdict()] = true
	return true
}

func listed(err error, reasons []string) bool {
	if err == nil {
		return false
	}
	for _, reason := range reasons {
		if strings.Contains(err.Error(), reason) {
			met[reason] = true
			return true
		}
	}
	return false
}
