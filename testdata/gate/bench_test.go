// SPDX-License-Identifier: Apache-2.0

package gate

// What judging networks costs: without programs, with programs that do nothing (the floor), beside a session and in one. Rounds of
// the four take turns, and what is compared is within one round; only ratios mean anything, and what the kernel counts for
// programs.

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

const (
	rounds = 405
	batch  = 100 // operations of a round
)

// state is who is measured under what.
type state struct {
	name     string
	programs map[string]*ebpf.Program
	marked   *gate // nil beside the session
}

// idle are programs that let everything go.
func idle(b *testing.B) map[string]*ebpf.Program {
	b.Helper()
	out := map[string]*ebpf.Program{}
	for name, at := range places {
		kind := ebpf.CGroupSKB
		if at == ebpf.AttachCGroupInet4Connect || at == ebpf.AttachCGroupInet6Connect {
			kind = ebpf.CGroupSockAddr
		}
		p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: kind, AttachType: at, License: "GPL",
			Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()}})
		must(b, err)
		b.Cleanup(func() { p.Close() })
		out[name] = p
	}
	return out
}

// under does something with the programs of a state attached.
func under(b *testing.B, group string, s state, f func() time.Duration) time.Duration {
	b.Helper()
	var links []link.Link
	for name, p := range s.programs {
		l, err := link.AttachCgroup(link.CgroupOptions{Path: group, Attach: places[name], Program: p})
		must(b, err)
		links = append(links, l)
	}
	took := f()
	for _, l := range links {
		must(b, l.Close())
	}
	return took
}

// compare reports an operation in all states: medians of the ratios of a round, since a round's four follow one another and what
// else the machine does is the same for them.
func (g *gate) compare(b *testing.B, op func(marked *gate) time.Duration) {
	b.Helper()
	for _, l := range g.links {
		must(b, l.Close())
	}
	g.links = nil
	activity, err := ringbuf.NewReader(g.maps["activity"])
	must(b, err)
	defer activity.Close()
	states := []state{{name: "none"}, {"floor", idle(b), nil}, {"bystander", g.programs, nil}, {"agent", g.programs, g}}
	took := map[string][]float64{}
	for b.Loop() {
		for range rounds {
			for _, s := range states {
				empty(b, activity)
				took[s.name] = append(took[s.name], float64(under(b, g.group, s, func() time.Duration { return op(s.marked) })))
			}
		}
	}
	b.ReportMetric(median(took["none"])/batch, "ns/none")
	for _, pair := range [][2]string{{"floor", "none"}, {"bystander", "floor"}, {"agent", "floor"}} {
		b.ReportMetric(median(apart(took[pair[0]], took[pair[1]], func(a, b float64) float64 { return a / b })), pair[0]+"/"+pair[1])
	}
	b.ReportMetric(median(apart(took["agent"], took["floor"], func(a, b float64) float64 { return (a - b) / batch })), "ns/agent-floor")
	b.ReportMetric(0, "ns/op")
	g.parts(b, op, activity)
}

// apart holds two states against each other, round by round.
func apart(of, to []float64, f func(a, b float64) float64) []float64 {
	out := make([]float64, len(of))
	for i := range of {
		out[i] = f(of[i], to[i])
	}
	return out
}

func median(of []float64) float64 {
	return slices.Sorted(slices.Values(of))[len(of)/2]
}

// empty reads a ring as the daemon does: one that is full has no records, which costs less than they do.
func empty(b *testing.B, r *ringbuf.Reader) {
	b.Helper()
	r.SetDeadline(time.Unix(1, 0))
	for {
		_, err := r.Read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		must(b, err)
	}
}

// parts reports what each program takes of an operation in a session, in the median round. The kernel's clock around each run
// is in it.
func (g *gate) parts(b *testing.B, op func(marked *gate) time.Duration, activity *ringbuf.Reader) {
	b.Helper()
	stats, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	must(b, err)
	defer stats.Close()
	took := map[string][]float64{}
	for range rounds {
		empty(b, activity)
		before := g.ran(b)
		under(b, g.group, state{"parts", g.programs, g}, func() time.Duration { return op(g) })
		for name, after := range g.ran(b) {
			took[name] = append(took[name], float64(after-before[name])/batch)
		}
	}
	for name, took := range took {
		b.ReportMetric(median(took), "ns/"+name)
	}
}

// ran is how long each program ran until now.
func (g *gate) ran(b *testing.B) map[string]time.Duration {
	b.Helper()
	out := map[string]time.Duration{}
	for name, p := range g.programs {
		s, err := p.Stats()
		must(b, err)
		out[name] = s.Runtime
	}
	return out
}

// listed is a policy of so many names.
func listed(names int) string {
	rules := only
	var list string
	for i := range names {
		list += strconv.Quote(fmt.Sprintf("host-%d.zone-%d.example.net", i, i%97)) + ", "
	}
	return rules + "[[rule]]\nid = \"many\"\non = [\"net.domain\"]\nmatch = [" + list + "\"last.example\"]\naction = \"allow\"\n"
}

// benched is a gate whose session knows the server's name.
func benched(b *testing.B, policy string) *gate {
	b.Helper()
	g := open(b, policy)
	serveNames(b, names)
	g.lookUp(b, "www.allowed.test")
	return g
}

func sockets(b *testing.B, marked *gate, kind, n int) []int {
	b.Helper()
	out := make([]int, n)
	for i := range out {
		fd, err := unix.Socket(unix.AF_INET, kind, 0)
		must(b, err)
		if marked != nil {
			must(b, marked.mark(fd))
		}
		// Closing ends it at once: ports that wait would be missing later.
		must(b, unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
		out[i] = fd
	}
	return out
}

// BenchmarkTrue is the yardstick of the others' times: a process that does nothing.
func BenchmarkTrue(b *testing.B) {
	took := make([]float64, rounds)
	for b.Loop() {
		for i := range took {
			begin := time.Now()
			must(b, exec.Command("/bin/true").Run())
			took[i] = float64(time.Since(begin))
		}
	}
	b.ReportMetric(median(took), "ns/op")
}

// BenchmarkConnect has connections accepted between rounds: waking a server, or not, costs more than what is measured.
func BenchmarkConnect(b *testing.B) {
	for _, names := range []int{10, 10000} {
		b.Run(strconv.Itoa(names), func(b *testing.B) {
			g := benched(b, listed(names))
			server, err := net.Listen("tcp", net.JoinHostPort(good, "9000"))
			must(b, err)
			defer server.Close()
			g.compare(b, func(marked *gate) time.Duration {
				fds := sockets(b, marked, unix.SOCK_STREAM, batch)
				begin := time.Now()
				for _, fd := range fds {
					must(b, unix.Connect(fd, at(good, 9000)))
					unix.Close(fd)
				}
				took := time.Since(begin)
				for range fds {
					c, err := server.Accept()
					must(b, err)
					c.Close()
				}
				return took
			})
		})
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	g := benched(b, only)
	serve(b, good, "9000", echo(64))
	g.compare(b, func(marked *gate) time.Duration {
		fd := sockets(b, marked, unix.SOCK_STREAM, 1)[0]
		defer unix.Close(fd)
		must(b, unix.Connect(fd, at(good, 9000)))
		buffer := make([]byte, 64)
		begin := time.Now()
		for range batch {
			_, err := unix.Write(fd, buffer)
			must(b, err)
			_, err = unix.Read(fd, buffer)
			must(b, err)
		}
		return time.Since(begin)
	})
}

// echo sends pieces back as they come.
func echo(size int) func(net.Conn) {
	return func(c net.Conn) {
		buffer := make([]byte, size)
		for {
			n, err := c.Read(buffer)
			if err != nil {
				return
			}
			if _, err := c.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
}

func BenchmarkThroughput(b *testing.B) {
	g := benched(b, only)
	serve(b, good, "9000", func(c net.Conn) {
		buffer := make([]byte, 1<<20)
		for {
			if _, err := c.Read(buffer); err != nil {
				return
			}
		}
	})
	g.compare(b, func(marked *gate) time.Duration {
		fd := sockets(b, marked, unix.SOCK_STREAM, 1)[0]
		defer unix.Close(fd)
		must(b, unix.Connect(fd, at(good, 9000)))
		buffer := make([]byte, 256<<10)
		begin := time.Now()
		for range batch {
			for sent := 0; sent < len(buffer); {
				n, err := unix.Write(fd, buffer[sent:])
				must(b, err)
				sent += n
			}
		}
		return time.Since(begin)
	})
}

// served is a socket of datagrams that the benchmark itself answers with: waking a server costs more than what is measured, and
// never the same.
func served(b *testing.B, addr string, port int) int {
	b.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	must(b, err)
	b.Cleanup(func() { unix.Close(fd) })
	must(b, unix.Bind(fd, at(addr, port)))
	return fd
}

// exchange sends one datagram after the other to a server, and reads what it answers to each.
func exchange(b *testing.B, marked *gate, server int, to unix.Sockaddr, question, answer []byte) time.Duration {
	b.Helper()
	fd := sockets(b, marked, unix.SOCK_DGRAM, 1)[0]
	defer unix.Close(fd)
	buffer := make([]byte, 512)
	begin := time.Now()
	for range batch {
		must(b, unix.Sendto(fd, question, 0, to))
		_, from, err := unix.Recvfrom(server, buffer, 0)
		must(b, err)
		must(b, unix.Sendto(server, answer, 0, from))
		_, err = unix.Read(fd, buffer)
		must(b, err)
	}
	return time.Since(begin)
}

func BenchmarkDatagram(b *testing.B) {
	g := benched(b, only)
	server := served(b, good, 9000)
	g.compare(b, func(marked *gate) time.Duration {
		return exchange(b, marked, server, at(good, 9000), make([]byte, 64), make([]byte, 64))
	})
}

func BenchmarkLookUp(b *testing.B) {
	g := open(b, only)
	server := served(b, names, 53)
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: 77, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName("www.allowed.test."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}}
	question, err := m.Pack()
	must(b, err)
	answer := new(log).answer(question, false)
	g.compare(b, func(marked *gate) time.Duration {
		return exchange(b, marked, server, at(names, 53), question, answer)
	})
}

func BenchmarkHandshake(b *testing.B) {
	g := benched(b, only)
	serveTLS(b, good, "443")
	g.compare(b, func(marked *gate) time.Duration {
		begin := time.Now()
		for range batch / 10 {
			must(b, marked.hello(good, "www.allowed.test", patient))
		}
		return time.Since(begin) * 10
	})
}
