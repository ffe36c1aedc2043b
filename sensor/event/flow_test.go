// SPDX-License-Identifier: Apache-2.0

package event

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
)

func flowTo(address string, port uint16, protocol uint32, domain string, reason bpf.NetReason, detail uint32) Flow {
	return Flow{Address: netip.MustParseAddr(address), Port: port, Protocol: protocol, Domain: domain, Reason: NetReason(reason), Detail: detail}
}

func TestFlowsAreToldAsPoliciesSpellThem(t *testing.T) {
	for name, tc := range map[string]struct {
		op       bpf.Op
		flow     Flow
		object   string
		where    string
		question bool
		byPolicy bool
		reached  bool
		why      string // its beginning and its end, three dots between
	}{
		"name": {bpf.OpNetDomain, flowTo("203.0.113.7", 443, 6, "a.example", bpf.NetByRule, 0), "a.example:443", "at 203.0.113.7:443/tcp", false, true, false, ""},
		"name at port 53": {bpf.OpNetDomain, flowTo("203.0.113.7", 53, 6, "a.example", bpf.NetByRule, 0), "a.example:53", "at 203.0.113.7:53/tcp",
			false, true, false, ""},
		"question": {bpf.OpNetDomain, flowTo("::1", 53, 17, "a.example", bpf.NetByRule, 28), "a.example", "(AAAA) of [::1]:53/udp", true, true, false, ""},
		"tunnel": {bpf.OpNetDomain, flowTo("127.0.0.53", 53, 17, "a.example", bpf.NetRecordType, 10), "a.example", "(NULL) of 127.0.0.53:53/udp",
			true, false, false, "records of this type...asked for"},
		"new type": {bpf.OpNetDomain, flowTo("127.0.0.53", 53, 17, "a.example", bpf.NetRecordType, 4711), "a.example", "(TYPE4711) of 127.0.0.53:53/udp",
			true, false, false, "records of this type...asked for"},
		"resolver": {bpf.OpNetAddr, flowTo("8.8.8.8", 53, 17, "a.example", bpf.NetResolver, 1), "8.8.8.8:53/udp", "for a.example",
			true, true, false, "the question goes to somebody...by its number"},
		"no question": {bpf.OpNetDomain, flowTo("8.8.8.8", 53, 6, "", bpf.NetQuestion, 9), "8.8.8.8:53/tcp", "", true, false, false,
			"what goes to port 53...: a byte that no host's name has"},
		"reached": {bpf.OpNetAddr, flowTo("10.0.0.1", 25, 6, "a.example", bpf.NetByRule, 0), "10.0.0.1:25/tcp", "for a.example", false, true, true, ""},
		"number": {bpf.OpNetAddr, flowTo("2001:db8::1", 443, 17, "", bpf.NetNoName, 0), "[2001:db8::1]:443/udp", "", false, true, false,
			"no answer gave a name...by its number"},
		"other name": {bpf.OpNetAddr, flowTo("10.0.0.1", 443, 6, "a.example", bpf.NetOtherName, 0), "10.0.0.1:443/tcp", "for a.example", false, true, false,
			"the name that the connection asks for...for the address"},
		"hello without a name": {bpf.OpNetAddr, flowTo("10.0.0.1", 443, 6, "", bpf.NetHello, 0), "10.0.0.1:443/tcp", "", false, true, false,
			"the TLS hello...can be judged"},
		"hello that is refused": {bpf.OpNetDomain, flowTo("10.0.0.1", 443, 6, "", bpf.NetHello, 3), "10.0.0.1:443/tcp", "", false, false, false,
			"the TLS hello...: a hello that is too long"},
		"request": {bpf.OpNetDomain, flowTo("10.0.0.1", 80, 6, "", bpf.NetRequest, 10), "10.0.0.1:80/tcp", "", false, false, false, "the HTTP request...: no Host"},
		"quic":    {bpf.OpNetAddr, flowTo("10.0.0.1", 443, 17, "", bpf.NetQUIC, 0), "10.0.0.1:443/udp", "", false, false, false, "QUIC hides...asks for"},
		"icmp": {bpf.OpNetAddr, flowTo("10.0.0.1", 0, 1, "", bpf.NetNoName, 0), "10.0.0.1:0/1", "", false, true, false,
			"no answer gave a name...by its number"},
		"server":      {bpf.OpNetListen, flowTo("::", 8080, 6, "", bpf.NetByRule, 0), "[::]:8080/tcp", "", false, true, false, ""},
		"name server": {bpf.OpNetListen, flowTo("127.0.0.1", 53, 17, "", bpf.NetPort53, 0), "127.0.0.1:53/udp", "", false, false, false, "a session may not...itself"},
		"newer":       {bpf.OpNetAddr, flowTo("10.0.0.1", 1, 6, "", 999, 0), "10.0.0.1:1/tcp", "", false, false, false, "for a reason...not know"},
		"newer detail": {bpf.OpNetDomain, flowTo("10.0.0.1", 443, 6, "", bpf.NetHello, 4711), "10.0.0.1:443/tcp", "", false, false, false,
			"the TLS hello...: 4711"},
	} {
		tc.flow.Question = tc.question
		e := Single(&Record{Head: Head{Kind: Network, Op: Op(tc.op), Action: Deny}, Flow: tc.flow})
		if e.Object != tc.object || e.Where() != tc.where || e.IsQuestion() != tc.question || e.ByPolicy() != tc.byPolicy || e.Reached() != tc.reached {
			t.Errorf("%s: %q %q, question %t, by policy %t, reached %t", name, e.Object, e.Where(), e.IsQuestion(), e.ByPolicy(), e.Reached())
		}
		begin, end, _ := strings.Cut(tc.why, "...")
		if why := e.Why(); !strings.HasPrefix(why, begin) || !strings.HasSuffix(why, end) || (why == "") != (tc.why == "") {
			t.Errorf("%s: why %q", name, why)
		}
		if e.Why() != "" && e.Flow.Reason.row().name != unknownReason.name && e.Advice() == "" {
			t.Errorf("%s: nobody says what to do", name)
		}
	}
}

func TestSwitchesAndAllowedActsNeedNoReason(t *testing.T) {
	e := Single(&Record{Head: Head{Kind: Network, Op: opNetAddr, Action: Deny, Flags: uint16(bpf.EventSwitch)}, Flow: flowTo("10.0.0.1", 1, 6, "", bpf.NetNoName, 0)})
	if e.Why() != "" || e.Advice() != "" {
		t.Errorf("%q, %q", e.Why(), e.Advice())
	}
	e.Head.Flags, e.Head.Action = 0, Allow
	if e.Why() != "" || e.Advice() != "" {
		t.Errorf("allowed: %q, %q", e.Why(), e.Advice())
	}
}

func TestSecretsInNamesAreTakenOut(t *testing.T) {
	token := "ghp_" + strings.Repeat("A1", 15)
	e := Single(&Record{Head: Head{Kind: Network, Op: opNetDomain}, Flow: flowTo("10.0.0.1", 443, 6, token+".evil.example", bpf.NetByRule, 0)})
	before := e.Flow
	e.Redact()
	raw, err := e.OCSF(Host{})
	if err != nil || strings.Contains(string(raw), token) || strings.Contains(e.Message(), token) || e.Flow.Domain != "‹redacted:github›.evil.example" {
		t.Errorf("%s, %v", raw, err)
	}
	if before.Domain != token+".evil.example" {
		t.Error("what others hold was changed")
	}
}

// enumOf gives the names of an enumeration of the kernel side, in order.
func enumOf(t *testing.T, file, name string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "bpf", "include", file))
	if err != nil {
		t.Fatal(err)
	}
	_, body, found := strings.Cut(string(raw), "enum "+name+" {")
	body, _, _ = strings.Cut(body, "};")
	body = regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(body, "")
	var out []string
	for c := range strings.SplitSeq(body, ",") {
		if c = strings.TrimSpace(c); c != "" {
			out = append(out, c)
		}
	}
	if !found || len(out) == 0 {
		t.Fatalf("%s has no enum %s", file, name)
	}
	return out
}

// Words are by number: a reason that comes into the kernel side comes into the tables, at its place.
func TestEveryReasonHasWords(t *testing.T) {
	var names []string
	for i, r := range netReasons {
		names = append(names, "NET_"+strings.ToUpper(strings.ReplaceAll(r.name, "-", "_")))
		if i > 0 && (r.why == "" || r.advice == "") {
			t.Errorf("%s does not say why, or what to do", r.name)
		}
	}
	names[0] = "NET_BY_RULE"
	if want := enumOf(t, "abi.h", "net_reason"); !slices.Equal(names, want) {
		t.Errorf("reasons are\n%v, want\n%v", names, want)
	}
	for kind, want := range map[detailOf][]string{
		detailHello: enumOf(t, "net/tls.h", "tls_reason"), detailRequest: enumOf(t, "net/http.h", "http_reason"), detailQuestion: enumOf(t, "net/dns.h", "dns_reason"),
	} {
		if got := detailNames[kind]; len(got) != len(want) {
			t.Errorf("%d words for %d of %s", len(got), len(want), want)
		}
		for i, word := range detailNames[kind] {
			if (word == "") != (i == 0) {
				t.Errorf("%s is %q", want[i], word)
			}
		}
	}
}
