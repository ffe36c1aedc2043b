// SPDX-License-Identifier: Apache-2.0

package enforce

import (
	"slices"
	"testing"
)

func TestNetworksAreSpeltAsPaths(t *testing.T) {
	for object, tc := range map[string]struct {
		op   Op
		want string // "" is no object
	}{
		"api.github.com":            {OpNetDomain, "/-/com/github/api"},
		"API.GitHub.com.:443":       {OpNetDomain, "/443/com/github/api"},
		"localhost:8080":            {OpNetDomain, "/8080/localhost"},
		"":                          {OpNetDomain, ""},
		".":                         {OpNetDomain, ""},
		"a..b":                      {OpNetDomain, ""},
		"a/b.example.com":           {OpNetDomain, ""},
		"example.com:":              {OpNetDomain, ""},
		"example.com:0":             {OpNetDomain, ""},
		"10.0.0.1:443/tcp":          {OpNetAddr, "/a/tcp/443/40a000001"},
		"10.0.0.1":                  {OpNetAddr, "/a/-/-/40a000001"},
		"[::ffff:10.0.0.1]:53/udp":  {OpNetAddr, "/a/udp/53/40a000001"},
		"[2001:db8::1]:443/udp":     {OpNetListen, "/a/udp/443/620010db8000000000000000000000001"},
		"10.0.0.0/8":                {OpNetAddr, ""},
		"10.0.0.1:0/1":              {OpNetAddr, "/a/1/0/40a000001"},
		"[::]:0/58":                 {OpNetAddr, "/a/58/0/600000000000000000000000000000000"},
		"10.0.0.1:443/6":            {OpNetAddr, "/a/tcp/443/40a000001"},
		"0.0.0.0:0/tcp":             {OpNetListen, "/a/tcp/0/400000000"},
		"10.0.0.1:9/256":            {OpNetAddr, ""},
		"10.0.0.1:9/01":             {OpNetAddr, ""},
		"10.0.0.1:080/tcp":          {OpNetAddr, ""},
		"10.0.0.1:65536/tcp":        {OpNetAddr, ""},
		"example.com:+80":           {OpNetDomain, ""},
		"example.com:443/tcp":       {OpNetAddr, ""},
		"AF_PACKET":                 {OpNetFamily, "/AF_PACKET"},
		"AF_INET/SOCK_RAW":          {OpNetFamily, "/AF_INET/SOCK_RAW"},
		"AF_INET/SOCK_STREAM/262":   {OpNetFamily, "/AF_INET/SOCK_STREAM/262"},
		"AF_INET/SOCK_RAW/whatever": {OpNetFamily, ""},
	} {
		got, ok := TableText(tc.op, []byte(object))
		if string(got) != tc.want || ok != (tc.want != "") {
			t.Errorf("%s %q: %q %t, want %q", tc.op, object, got, ok, tc.want)
		}
	}
}

func TestNetworksBecomeGlobs(t *testing.T) {
	for name, tc := range map[string]struct {
		on     Op
		action Action
		glob   string
		except bool
		want   []string
	}{
		"name":                     {OpNetDomain, Allow, "api.github.com", false, []string{"/*/com/github/api"}},
		"all-below":                {OpNetDomain, Deny, "*.github.com", false, []string{"/*/com/github/*/**"}},
		"part-of-a-label":          {OpNetDomain, Deny, "api-*.x.org", false, []string{"/*/org/x/api-*"}},
		"one-label":                {OpNetDomain, Deny, "*", false, []string{"/*/*"}},
		"every-name":               {OpNetDomain, Deny, "**", false, []string{"/*/**"}},
		"may-find-what-it-may-use": {OpNetDomain, Allow, "x.org:443", false, []string{"/443/org/x", "/-/org/x"}},
		"may-find-other-ports":     {OpNetDomain, Deny, "x.org:25", false, []string{"/25/org/x"}},
		"may-find-what-is-spared":  {OpNetDomain, Deny, "x.org:443", true, []string{"/443/org/x", "/-/org/x"}},
		"may-find-the-rest":        {OpNetDomain, Allow, "x.org:25", true, []string{"/25/org/x"}},
		"network":                  {OpNetAddr, Deny, "10.0.0.0/8", false, []string{"/*/*/*/40a*"}},
		"network-that-is-allowed":  {OpNetAddr, Allow, "10.0.0.0/8:443/tcp", false, []string{"/a/tcp/443/40a*"}},
		"network-that-is-spared":   {OpNetAddr, Allow, "10.0.0.0/8", true, []string{"/*/*/*/40a*"}},
		"amid-a-digit":             {OpNetAddr, Deny, "192.168.128.0/18", false, []string{"/*/*/*/4c0a8[89ab]*"}},
		"address":                  {OpNetAddr, Deny, "127.0.0.1:22", false, []string{"/*/*/22/47f000001"}},
		"protocol-by-number":       {OpNetAddr, Deny, "10.0.0.0/8:0/1", false, []string{"/*/1/0/40a*"}},
		"protocol-with-a-name":     {OpNetAddr, Deny, "10.0.0.0/8:53/17", false, []string{"/*/udp/53/40a*"}},
		"every-v4":                 {OpNetAddr, Deny, "0.0.0.0/0:25", false, []string{"/*/*/25/4*"}},
		"every-v6":                 {OpNetAddr, Deny, "::/0", false, []string{"/*/*/*/6*"}},
		"every-address":            {OpNetAddr, Deny, "**", false, []string{"/a/**"}},
		"family":                   {OpNetFamily, Deny, "AF_PACKET", false, []string{"/AF_PACKET/**"}},
		"family-and-type":          {OpNetFamily, Deny, "AF_*/SOCK_RAW", false, []string{"/AF_*/SOCK_RAW/**"}},
		"family-type-and-protocol": {OpNetFamily, Deny, "AF_INET/SOCK_STREAM/132", false, []string{"/AF_INET/SOCK_STREAM/132"}},
	} {
		r := &Rule{On: []Op{tc.on}, Action: tc.action}
		if got := netGlobs(r, []string{tc.glob}, tc.except); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// A name answers for the address that it led to, but not for the network and the port.
func TestNameAnswersForItsAddress(t *testing.T) {
	p, err := Parse(map[string]string{"a.toml": `version = 1
base = "none"
[[role]]
name = "default"
defaults = { net = "deny" }
[[rule]]
id = "no-address"
on = ["net.addr"]
match = ["**"]
action = "kill"
[[rule]]
id = "metadata"
on = ["net.addr"]
match = ["169.254.0.0/16"]
except = ["169.254.1.1"]
action = "deny"
[[rule]]
id = "mail"
on = ["net.addr"]
match = ["0.0.0.0/0:25"]
action = "ask"
[[rule]]
id = "own"
on = ["net.addr"]
match = ["10.0.0.0/8"]
action = "audit"
[[rule]]
id = "friend"
on = ["net.domain"]
match = ["friend.example"]
action = "allow"
`}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	im, err := Compile(p, nil, 1, Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := im.Oracle()
	for object, want := range map[string]struct { // by its address, and by a name
		number, reached Action
		rule            string // of what was reached by a name
	}{
		"203.0.113.7:443/tcp":     {Kill, Allow, ""},
		"203.0.113.7:25/tcp":      {Kill, Ask, "mail"},
		"169.254.169.254:443/tcp": {Kill, Deny, "metadata"},
		"169.254.169.254:25/tcp":  {Kill, Deny, "metadata"},
		"169.254.1.1:443/tcp":     {Kill, Allow, ""},
		"10.0.0.1:443/tcp":        {Kill, Allow, ""},
		"[2001:db8::1]:25/tcp":    {Kill, Allow, ""},
	} {
		_, reached := o.Reached(Subject{}, object)
		number := o.Decide(Subject{}, OpNetAddr, ViewHost, []byte(object)).Action
		if number != want.number || reached.Action != want.reached {
			t.Errorf("%s: %v and %v, want %v", object, number, reached.Action, want)
		}
		rule := ""
		if r := im.AttributeReached(Subject{}, object, reached.Action); r != nil {
			rule = r.ID
		}
		if rule != want.rule {
			t.Errorf("%s: %q is named, want %q", object, rule, want.rule)
		}
		explained := Explain(p, Query{Op: OpNetAddr, Object: object, By: "friend.example"})
		if want.rule == "" {
			want.rule = "friend"
		}
		if explained.Action != want.reached || explained.Rule == nil || explained.Rule.ID != want.rule {
			t.Errorf("%s: explained as %+v", object, explained)
		}
		if stranger := Explain(p, Query{Op: OpNetAddr, Object: object, By: "stranger.example"}); stranger.Action != min(Deny, want.reached) {
			t.Errorf("%s by a name that nothing allows: %+v", object, stranger)
		}
		if r := im.Attribute(Subject{}, OpNetAddr, ViewHost, []byte(object), number); r == nil || r.ID != "no-address" {
			t.Errorf("%s: by its number %v is named", object, r)
		}
	}
}
