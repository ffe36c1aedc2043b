// SPDX-License-Identifier: Apache-2.0

// Package policytest makes random policies, subjects and objects for differential tests: the explanation against the
// oracle, the oracle against the kernel. It imports nothing of the product and promises the same case for the same seed.
//
// Objects are aimed at the rules: half are made from the policy's own globs, so that matches, excepts and near misses
// come up as often as defaults do.
package policytest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Case is one policy and what to ask it.
type Case struct {
	Files    map[string]string
	Subjects []Subject
	Objects  []Object
}

// Subject is who asks, in names.
type Subject struct {
	Role, Principal string
	Unpinned        bool // it is not known by its content
	Taints          []string
}

// Object is what is asked for. View is host, foreign or nameless.
type Object struct {
	Op, View, Text string
}

var (
	actions = []string{"kill", "deny", "ask", "audit", "allow"}
	// Rules act mildly more often than they refuse: of all that match the strictest wins, which tips the scales back.
	ruleActions = []string{"kill", "deny", "ask", "audit", "audit", "audit", "allow", "allow", "allow", "allow"}

	roles      = []string{"default", "red", "green", "blue"}
	principals = []string{"agent", "written", "connector:one", "connector:two", "skill:three"}
	taints     = []string{"secret", "foreign", "web"}
	pathOps    = []string{"exec", "exec.map", "file.read", "file.write", "file.create", "file.delete", "file.rename", "file.attr", "proc.signal", "proc.trace"}
	socketOp   = "unix.connect" // of paths too, in rules of its own
	words      = []string{"a", "ab", "src", ".env", ".ssh", "id_rsa", "bin", "x.pem", "home", "bob", "tmp", "é"}
	wild       = []string{"a", "a*", "*b", "?", "[ab]*", "{src,bin}", "*.pem", ".ssh", ".env", "bob", "tmp", "src", "bin", "a"}
	nets       = []net{
		{[]string{"net.domain"}, domains, names},
		{[]string{"net.addr", "net.listen"}, networks, addresses},
		{[]string{"net.family"}, families, sockets},
	}
	domains = []string{"**", "**:25", "*.com", "*.example.com", "www.example.com:443", "api.example.com", "api-*.example.com", "*.com:443", "www.*.org", "*", "WWW.Example.org."}
	names   = []string{"example.com", "example.com:443", "www.example.com", "www.example.com:443", "www.example.com:25", "api.example.com:443",
		"api-1.example.com:80", "a.b.c.example.com", "www.a.org", "www.a.b.org:443", "localhost:8080", "WWW.example.ORG:1", "com"}
	networks = []string{"**", "10.0.0.0/8", "192.168.6.0/23:443", "192.168.0.0/17:443/tcp", "127.0.0.1", "[2001:db8::/33]:443/udp", "0.0.0.0/0:25/tcp", "::/0",
		"[::1]:22", "10.1.2.3:80", "172.16.0.0/12:53/udp", "10.0.0.0/8:0/1", "192.168.0.0/16:443/132", "2001:db8:0:2::/63", "0.0.0.0/1"}
	addresses = []string{"10.1.2.3:80/tcp", "10.1.2.3:53/udp", "192.168.6.255:443/tcp", "192.168.8.0:443/tcp", "127.0.0.1:22/tcp", "[::1]:22/tcp",
		"[2001:db8:7fff::1]:443/udp", "[2001:db8:8000::1]:443/udp", "172.31.255.255:53/udp", "172.32.0.1:53/udp", "8.8.8.8:25/tcp", "[::ffff:10.0.0.1]:1/tcp",
		"[2001:db8:0:2::1]:1/tcp", "10.0.0.1", "128.0.0.1", "10.1.2.3:0/1", "192.168.6.1:443/132", "[2001:db8:7fff::1]:0/58", "0.0.0.0:0/tcp"}
	families = []string{"**", "AF_PACKET", "AF_INET/SOCK_RAW", "AF_INET/SOCK_STREAM/132", "AF_INET*/SOCK_STREAM", "AF_UNIX", "AF_*/SOCK_RAW", "AF_INET*", "AF_NETLINK/SOCK_RAW"}
	sockets  = []string{"AF_PACKET/SOCK_RAW/768", "AF_PACKET/SOCK_DGRAM/768", "AF_INET/SOCK_RAW/1", "AF_INET6/SOCK_STREAM/6", "AF_INET/SOCK_STREAM/132",
		"AF_INET/SOCK_DGRAM/17", "AF_INET/SOCK_DGRAM/1", "AF_UNIX/SOCK_STREAM/0", "AF_NETLINK/SOCK_RAW/0", "AF_VSOCK/SOCK_STREAM/0", "AF_ALG/SOCK_SEQPACKET/0"}
	verbs    = []string{"git", "push", "-f", "--force", "origin", "rm", "-rf", "/", "main", "x"}
	lineWild = []string{"git push *--force*", "git *", "rm -rf *", "* x", "git push {origin,main}", "git * -f", "rm [!-]*", "*--force*", "git push ?", "x *main"}
)

// net is a kind of rules on networks: its operations, what its globs are, and what they are asked about.
type net struct{ ops, globs, objects []string }

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func some(r *rand.Rand, from []string, most int) []string {
	var out []string
	for _, i := range r.Perm(len(from))[:1+r.IntN(min(most, len(from)))] {
		out = append(out, from[i])
	}
	return out
}

func chance(r *rand.Rand, percent int) bool { return r.IntN(100) < percent }

// Random makes a case.
func Random(r *rand.Rand) Case {
	g := &generator{r: r}
	var b strings.Builder
	onPreset := chance(r, 3)
	fmt.Fprintf(&b, "version = 1\nbase = %q\n", map[bool]string{true: "balanced", false: "none"}[onPreset])
	if chance(r, 30) {
		b.WriteString("homes = [\"/data/*\"]\n")
	}
	b.WriteString("[sets]\nsome = [\"/a/**\", \"**/bin\", \"~/src/*\"]\n")
	g.roles(&b)
	b.WriteString("[[connector]]\nname = \"one\"\ncommand = [\"one\"]\n[[connector]]\nname = \"two\"\nurl = \"https://two\"\n")
	b.WriteString("[[skill]]\nname = \"three\"\npublisher = \"x\"\n")
	// One rule sets each taint, or rules that ask for it would be refused as unknown.
	for i, t := range taints {
		fmt.Fprintf(&b, "[[rule]]\nid = \"mark%d\"\non = [\"file.read\"]\nmatch = [\"/marks/%s\"]\naction = \"audit\"\ntaint = %q\n", i, t, t)
	}
	files := map[string]string{"10.toml": b.String()}
	b.Reset()
	for i := range 8 + r.IntN(16) {
		g.rule(&b, i)
	}
	files["20.toml"] = b.String()
	c := Case{Files: files}
	subjects := 12
	if onPreset {
		subjects = 1 // explaining a preset rule by rule takes milliseconds
	}
	for range subjects {
		c.Subjects = append(c.Subjects, g.subject())
	}
	for range 60 {
		c.Objects = append(c.Objects, g.object())
	}
	g.starts(&c)
	return c
}

// What is started has bare names, of which there are few: two declared connectors, a skill, and what nobody declares.
var (
	startOps     = []string{"connector.start", "skill.load"}
	startGlobs   = []string{"one", "t*", "?", "*", "{one,three}"}
	startObjects = map[string][]string{"connector.start": {"one", "two", "?"}, "skill.load": {"three", "?"}}
)

// starts adds rules on what is started and objects for them, and subjects that are not known by their content.
func (g *generator) starts(c *Case) {
	var b strings.Builder
	for i := range g.r.IntN(4) {
		fmt.Fprintf(&b, "[[rule]]\nid = \"s%d\"\non = %s\nmatch = %s\naction = %q\n", i, quoteList(some(g.r, startOps, 2)),
			quoteList(some(g.r, startGlobs, 2)), pick(g.r, ruleActions))
		if chance(g.r, 30) {
			b.WriteString("except = [\"two\"]\n")
		}
		if chance(g.r, 30) {
			fmt.Fprintf(&b, "principal = %q\n", pick(g.r, principals))
		}
	}
	c.Files["30.toml"] = b.String()
	for range 6 {
		op := pick(g.r, startOps)
		c.Objects = append(c.Objects, Object{op, "host", pick(g.r, startObjects[op])})
	}
	for i := range c.Subjects {
		c.Subjects[i].Unpinned = chance(g.r, 25)
	}
}

type generator struct {
	r            *rand.Rand
	paths, lines []string // globs of the policy
}

// roles writes the roles; a role extends only those before it, so there is no circle.
func (g *generator) roles(b *strings.Builder) {
	for i, name := range roles {
		fmt.Fprintf(b, "[[role]]\nname = %q\n", name)
		if i > 1 && chance(g.r, 60) {
			fmt.Fprintf(b, "extends = [%q]\n", roles[1+g.r.IntN(i-1)])
		}
		if chance(g.r, 30) {
			b.WriteString("mode = \"observe\"\n")
		}
		// Sockets are open by default: moves do not ask what a default says of them (enforce/rows.go).
		if chance(g.r, 60) {
			fmt.Fprintf(b, "defaults = { exec = %q, file = %q, net = %q, foreign = %q, nameless = %q, unix = \"audit\" }\n",
				pick(g.r, actions), pick(g.r, actions), pick(g.r, actions), pick(g.r, actions), pick(g.r, actions))
		} else {
			b.WriteString("defaults = { unix = \"allow\" }\n")
		}
	}
}

func (g *generator) rule(b *strings.Builder, i int) {
	line := chance(g.r, 25)
	on, globs := some(g.r, pathOps, 9), g.globs(line, 3)
	if !line && chance(g.r, 10) {
		on = []string{socketOp}
	}
	var kind net
	switch {
	case line:
		on = []string{"exec.argv"}
		g.lines = append(g.lines, globs...)
	case chance(g.r, 20):
		kind = pick(g.r, nets)
		on, globs = some(g.r, kind.ops, 2), some(g.r, kind.globs, 3)
	default:
		g.paths = append(g.paths, globs...)
	}
	fmt.Fprintf(b, "[[rule]]\nid = \"r%d\"\non = %s\nmatch = %s\naction = %q\n", i, quoteList(on), quoteList(globs), pick(g.r, ruleActions))
	if chance(g.r, 40) {
		fmt.Fprintf(b, "except = %s\n", quoteList(g.excepts(line, kind, globs)))
	}
	if chance(g.r, 20) {
		fmt.Fprintf(b, "principal = %q\n", pick(g.r, principals))
	}
	if chance(g.r, 20) {
		fmt.Fprintf(b, "when = { taint = %s }\n", quoteList(some(g.r, taints, 2)))
	}
	if chance(g.r, 25) {
		fmt.Fprintf(b, "roles = %s\n", quoteList(some(g.r, roles, 2)))
	}
}

func quoteList(items []string) string {
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = fmt.Sprintf("%q", s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

func (g *generator) globs(line bool, most int) []string {
	var out []string
	for range 1 + g.r.IntN(most) {
		if line {
			out = append(out, pick(g.r, lineWild))
			continue
		}
		out = append(out, g.path())
	}
	return out
}

// path is a glob of one of the shapes that the three automata divide between them.
func (g *generator) path() string {
	part := func() string { return pick(g.r, wild) }
	switch g.r.IntN(12) {
	case 0:
		return "**"
	case 1:
		return "@some"
	case 2, 3:
		return "~/" + part()
	case 4:
		return "~/" + part() + "/**"
	case 5:
		return "**/" + part()
	case 6:
		return "**/" + pick(g.r, words) + "/**"
	case 7:
		return "**/" + pick(g.r, words) + "/" + part()
	case 8:
		return "/" + part() + "/**/" + pick(g.r, words)
	case 9:
		return "/" + part() + "/" + part()
	}
	return "/" + part() + "/**"
}

// excepts never take back a whole rule, which would be an error.
func (g *generator) excepts(line bool, kind net, match []string) []string {
	var out []string
	candidates := g.globs(line, 2)
	if kind.ops != nil {
		candidates = some(g.r, kind.globs[1:], 2)
	}
	for _, e := range candidates {
		taken := e == "**"
		for _, m := range match {
			taken = taken || m == e
		}
		if !taken {
			out = append(out, e)
		}
	}
	if out == nil && kind.ops != nil {
		return []string{kind.objects[len(kind.objects)-1]}
	}
	if out == nil {
		out = []string{map[bool]string{true: "nothing", false: "/nothing"}[line]}
	}
	return out
}

func (g *generator) subject() Subject {
	s := Subject{Role: pick(g.r, roles), Principal: pick(g.r, principals)}
	if chance(g.r, 50) {
		s.Taints = some(g.r, taints, 3)
	}
	return s
}

func (g *generator) object() Object {
	if chance(g.r, 20) {
		return Object{"exec.argv", "host", g.line()}
	}
	if chance(g.r, 15) {
		kind := pick(g.r, nets)
		return Object{pick(g.r, kind.ops), "host", pick(g.r, kind.objects)}
	}
	o := Object{pick(g.r, pathOps[:8]), "host", g.object1()}
	if chance(g.r, 10) { // these are open by default, and there are to be verdicts by rules
		o.Op = pick(g.r, []string{"proc.signal", "proc.trace", socketOp})
	}
	if chance(g.r, 8) {
		o.View = pick(g.r, []string{"foreign", "nameless"})
	}
	return o
}

func (g *generator) line() string {
	if len(g.lines) > 0 && chance(g.r, 80) {
		return g.instance(pick(g.r, g.lines), " x ")
	}
	n := 1 + g.r.IntN(5)
	parts := make([]string, n)
	for i := range parts {
		parts[i] = pick(g.r, verbs)
	}
	return strings.Join(parts, " ")
}

func (g *generator) object1() string {
	if len(g.paths) > 0 && chance(g.r, 80) {
		glob := pick(g.r, g.paths)
		if glob == "@some" {
			glob = "~/src/*"
		}
		glob = strings.Replace(glob, "~", pick(g.r, []string{"/home/bob", "/root", "/data/a"}), 1)
		return g.instance(glob, pick(g.r, words))
	}
	var b strings.Builder
	for range 1 + g.r.IntN(5) {
		b.WriteString("/" + pick(g.r, words))
	}
	return b.String()
}

// instance is a text that a glob matches, most of the time.
func (g *generator) instance(glob, star string) string {
	deep := "/" + pick(g.r, words)
	if chance(g.r, 30) {
		deep += "/" + pick(g.r, words)
	}
	text := glob
	if !strings.HasPrefix(text, "/") && star != " x " {
		text = strings.Replace(text, "**", deep, 1)
	}
	text = strings.ReplaceAll(text, "/**", deep)
	for from, to := range map[string]string{"{src,bin}": "bin", "{origin,main}": "main", "[ab]": "b", "[!-]": "y", "?": "é"} {
		text = strings.ReplaceAll(text, from, to)
	}
	return strings.ReplaceAll(text, "*", star)
}
