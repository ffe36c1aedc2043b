// SPDX-License-Identifier: Apache-2.0

package resolvers

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLinesAreReadAsTheLibraryDoes(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"plain":                   {"nameserver 10.0.0.53\n", "10.0.0.53"},
		"tab, no end of line":     {"nameserver\t10.0.0.53", "10.0.0.53"},
		"what follows":            {"nameserver 10.0.0.53 10.0.0.54 # mine\n", "10.0.0.53"},
		"more than three":         {"nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n", "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4"},
		"comments":                {"# nameserver 10.0.0.1\n; nameserver 10.0.0.2\n#nameserver 10.0.0.3\n", ""},
		"not at the beginning":    {" nameserver 10.0.0.1\n\tnameserver 10.0.0.2\n", ""},
		"other words":             {"nameservers 10.0.0.1\nNameserver 10.0.0.2\nsearch nameserver 10.0.0.3\n", ""},
		"no address":              {"nameserver\nnameserver \nnameserver x\nnameserver 10.0.0.256\n", "! ! !"},
		"a port":                  {"nameserver 10.0.0.1:53\nnameserver 10.0.0.1#53\n", "! !"},
		"carriage return":         {"nameserver 10.0.0.1\r\n", "!"},
		"NUL":                     {"nameserver 10.0.0.1\x00 x\nnameserver\x0010.0.0.2\n", "10.0.0.1"},
		"IPv6":                    {"nameserver fd00::53\nnameserver ::1\n", "fd00::53 ::1"},
		"zone":                    {"nameserver fe80::1%eth0\nnameserver fe80::2%\n", "fe80::1 fe80::2"},
		"zone alone":              {"nameserver %eth0\nnameserver 10.0.0.1%eth0\n", "! !"},
		"mapped":                  {"nameserver ::ffff:10.0.0.53\n", "::ffff:10.0.0.53"},
		"short":                   {"nameserver 127.1\nnameserver 10.258\nnameserver 2130706433\n", "127.0.0.1 10.0.1.2 127.0.0.1"},
		"octal and hexadecimal":   {"nameserver 0177.0.0.01\nnameserver 0x0a.0.0.0X35\n", "127.0.0.1 10.0.0.53"},
		"no number":               {"nameserver 0x.0.0.1\nnameserver 08.0.0.1\nnameserver 1_0.0.0.1\nnameserver 10..0.1\nnameserver +1.0.0.1\nnameserver 10.0.0.1.\nnameserver 10.65536.1\n", "! ! ! ! ! ! !"},
		"too many, and too large": {"nameserver 1.2.3.4.5\nnameserver 4294967296\n", "! !"},
	} {
		found, problems := parse("/f", []byte(tc.text))
		var got []string
		for _, a := range found {
			got = append(got, a.String())
		}
		for range problems {
			got = append(got, "!")
		}
		if s := strings.Join(got, " "); s != tc.want {
			t.Errorf("%s: got %q, want %q", name, s, tc.want)
		}
	}
	_, problems := parse("/etc/resolv.conf", []byte("# x\nnameserver dns.example.com\n"))
	if want := `/etc/resolv.conf:2: nameserver "dns.example.com": not an address`; len(problems) != 1 || problems[0].Error() != want {
		t.Errorf("got %v", problems)
	}
}

// host is the root of a machine of which the test makes the files.
type host struct {
	testing.TB
	root string
}

func newHost(t testing.TB) host {
	h := host{t, t.TempDir()}
	for _, dir := range []string{"etc", "run/systemd/resolve"} {
		if err := os.MkdirAll(filepath.Join(h.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func (h host) write(name, text string) {
	h.Helper()
	if err := os.WriteFile(filepath.Join(h.root, name), []byte(text), 0o644); err != nil {
		h.Fatal(err)
	}
}

func (h host) link(to, name string) {
	h.Helper()
	if err := os.Symlink(to, filepath.Join(h.root, name)); err != nil {
		h.Fatal(err)
	}
}

func (h host) sources(given ...string) Sources {
	s := Sources{Root: h.root, Files: Files()}
	for _, g := range given {
		s.Given = append(s.Given, netip.MustParseAddr(g))
	}
	return s
}

func shown(list []Resolver) string {
	var out []string
	for _, r := range list {
		out = append(out, fmt.Sprintf("%s<%s", r.Address, filepath.Base(filepath.Dir(r.From))))
	}
	return strings.Join(out, " ")
}

const (
	stub     = "run/systemd/resolve/stub-resolv.conf"
	upstream = "run/systemd/resolve/resolv.conf"
)

func TestSources(t *testing.T) {
	for name, tc := range map[string]struct {
		make func(host)
		from []string
		want string
	}{
		"nothing":       {func(host) {}, nil, "127.0.0.1<etc"},
		"an empty file": {func(h host) { h.write("etc/resolv.conf", "# none\nsearch example.com\n") }, nil, "127.0.0.1<etc"},
		"a dead link":   {func(h host) { h.link("../"+stub, "etc/resolv.conf") }, nil, "127.0.0.1<etc"},
		"a file":        {func(h host) { h.write("etc/resolv.conf", "nameserver 10.0.0.53\n") }, nil, "10.0.0.53<etc"},
		"an absolute link": {func(h host) {
			h.write(stub, "nameserver 127.0.0.53\n")
			h.write(upstream, "nameserver 192.168.1.1\nnameserver fe80::1%eth0\n")
			h.link("/"+stub, "etc/resolv.conf")
		}, nil, "127.0.0.53<etc 192.168.1.1<resolve fe80::1<resolve"},
		"a link that climbs": {func(h host) {
			h.write(stub, "nameserver 127.0.0.53\n")
			h.link("../../../../../../../../"+stub, "etc/resolv.conf")
		}, nil, "127.0.0.53<etc"},
		"the same twice": {func(h host) {
			h.write("etc/resolv.conf", "nameserver 10.0.0.53\nnameserver ::ffff:10.0.0.53\n")
			h.write(upstream, "nameserver 10.0.0.53\n")
		}, nil, "10.0.0.53<etc"},
		"no address is the machine": {func(h host) { h.write("etc/resolv.conf", "nameserver 0.0.0.0\nnameserver ::\n") }, nil, "127.0.0.1<etc ::1<etc"},
		"of the configuration":      {func(h host) { h.write("etc/resolv.conf", "nameserver 10.0.0.53\n") }, []string{"fd00::53", "10.0.0.53"}, "fd00::53<. 10.0.0.53<."},
	} {
		h := newHost(t)
		tc.make(h)
		list, problems := h.sources(tc.from...).Read()
		if got := shown(list); got != tc.want || len(problems) > 0 {
			t.Errorf("%s: got %q, want %q; %v", name, got, tc.want, problems)
		}
	}
	alone := Sources{Given: []netip.Addr{netip.MustParseAddr("10.0.0.53")}}
	if list, _ := alone.Read(); shown(list) != "10.0.0.53<." {
		t.Errorf("no file: %v", list)
	}
}

// What is no file is not waited for, and names nobody: not the machine either.
func TestWhatCannotBeReadIsSaid(t *testing.T) {
	h := newHost(t)
	if err := unix.Mkfifo(filepath.Join(h.root, "etc/resolv.conf"), 0o644); err != nil {
		t.Fatal(err)
	}
	list, problems := h.sources().Read()
	if len(list) != 0 || len(problems) != 1 || problems[0].Error() != "reading /etc/resolv.conf: not a regular file" {
		t.Errorf("%v, %v", list, problems)
	}
	list, problems = Sources{Root: h.root + "/none", Files: []string{"/x"}}.Read()
	if len(list) != 0 || len(problems) != 0 {
		t.Errorf("a machine without files: %v, %v", list, problems)
	}
}

// Each machine asks somebody, if only itself.
func TestThisMachineHasResolvers(t *testing.T) {
	list, problems := Sources{Root: "/proc/self/root", Files: Files()}.Read()
	if len(list) == 0 || !slices.ContainsFunc(list, func(r Resolver) bool { return r.From == Default }) {
		t.Errorf("%v, %v", list, problems)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("nameserver 10.0.0.53\nnameserver fe80::1%eth0\n"))
	f.Add([]byte("nameserver 0x7f.1\nnameserver\t::ffff:1.2.3.4 x\x00\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		found, problems := parse("f", text)
		if len(found)+len(problems) > strings.Count(string(text), "nameserver") {
			t.Errorf("%v, %v", found, problems)
		}
		for _, a := range found {
			if !a.IsValid() || a.Zone() != "" {
				t.Errorf("%v", a)
			}
		}
	})
}
