// SPDX-License-Identifier: Apache-2.0

package live

// A network of the tests' own: the guest's first network is the host's, a second one is everybody else, and holds servers that
// write down what reaches them. Addresses are of the ranges for benchmarks (RFC 2544, RFC 5180).

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/testdata/live/actor"
)

const (
	resolverAt  = actor.ResolverAt
	resolverAt6 = "2001:2:0:1::2"
	stubAt      = "127.0.0.53"
	privateAt   = actor.PrivateAt
	metadataAt  = actor.MetadataAt
	webPort     = 80
	tlsPort     = 443
	filesPort   = 8080
	dnsPort     = actor.DNSPort
	echoPort    = 7
	slowPort    = 81
	secretPort  = 853
)

// arrival is what came to a server.
type arrival struct {
	at   string // tcp/198.18.0.3:443
	text []byte
}

// others are everybody outside.
type others struct {
	mu       sync.Mutex
	arrivals []*arrival
	thread   int // that has their network
}

var (
	elsewhere     *others
	elsewhereOnce sync.Once
	elsewhereErr  error
)

// network makes the networks, once for all tests, and names the resolvers.
func network(t *testing.T) *others {
	t.Helper()
	elsewhereOnce.Do(func() {
		elsewhere = &others{}
		elsewhereErr = elsewhere.build()
	})
	must(t, elsewhereErr)
	must(t, kernel.SetResolvers([]netip.Addr{netip.MustParseAddr(resolverAt), netip.MustParseAddr(resolverAt6), netip.MustParseAddr(stubAt)}))
	return elsewhere
}

// build: links and addresses here, and there in a thread that never comes back.
func (o *others) build() error {
	if err := lines(`sysctl -w net.ipv6.conf.all.accept_dad=0
		sysctl -w net.ipv6.conf.default.accept_dad=0
		sysctl -w net.ipv4.tcp_fastopen=5
		ip link add inside0 type veth
		ip addr add 198.18.0.1/24 dev inside0
		ip addr add 10.9.9.1/24 dev inside0
		ip link set inside0 up`); err != nil {
		return err
	}
	done := make(chan error)
	moved := make(chan struct{})
	thread := make(chan int)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread has a network of its own
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		thread <- unix.Gettid()
		<-moved
		done <- errors.Join(o.furnish(), o.serve())
		select {}
	}()
	select {
	case err := <-done:
		return err
	case tid := <-thread:
		o.thread = tid
		if err := lines("ip link set veth0 netns " + strconv.Itoa(tid)); err != nil {
			return err
		}
		close(moved)
	}
	if err := <-done; err != nil {
		return err
	}
	// kernel: routes that are alike but for their destination share one entry of what was looked up last (net/ipv4/fib_semantics.c), and
	// TCP finds no way by one that a multicast left there; so they differ.
	return lines(`ip -6 addr add 2001:2:0:1::1/64 dev inside0
		ip route add 224.0.0.0/4 dev inside0
		ip route add ` + metadataAt + ` dev inside0 metric 1`)
}

func (o *others) furnish() error {
	text := `sysctl -w net.ipv6.conf.all.accept_dad=0
		sysctl -w net.ipv6.conf.default.accept_dad=0
		sysctl -w net.ipv4.tcp_fastopen=1538
		ip link set lo up
		ip link set veth0 up
		sysctl -w net.ipv4.conf.all.accept_source_route=1
		sysctl -w net.ipv4.conf.veth0.accept_source_route=1
		sysctl -w net.ipv6.conf.all.seg6_enabled=1
		sysctl -w net.ipv6.conf.veth0.seg6_enabled=1
		ip addr add ` + metadataAt + `/32 dev veth0
		ip addr add ` + privateAt + "/24 dev veth0\n"
	for i := 2; i <= 9; i++ {
		text += fmt.Sprintf("ip addr add 198.18.0.%d/24 dev veth0\nip -6 addr add 2001:2:0:1::%d/64 dev veth0\n", i, i)
	}
	return lines(text)
}

// lines are commands of busybox, one a line.
func lines(text string) error {
	for line := range strings.SplitSeq(text, "\n") {
		if out, err := exec.Command("/bin/busybox", strings.Fields(line)...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.TrimSpace(line), err, out)
		}
	}
	return nil
}

// serve begins every server, in the calling thread's network.
func (o *others) serve() error {
	certificate, err := selfMade()
	if err != nil {
		return err
	}
	for port, serve := range map[int]func(net.Conn){
		tlsPort:    o.serveTLS(certificate),
		secretPort: o.serveTLS(certificate),
		webPort:    serveHTTP,
		filesPort:  serveHTTP,
		dnsPort:    serveNames,
		echoPort:   echo,
		slowPort:   func(c net.Conn) { time.Sleep(grace / 2); echo(c) },
	} {
		var config net.ListenConfig
		config.SetMultipathTCP(false)
		l, err := config.Listen(context.Background(), "tcp", ":"+strconv.Itoa(port))
		if err != nil {
			return err
		}
		go o.accept(l, serve)
	}
	for i := 2; i <= 9; i++ {
		for _, host := range []string{fmt.Sprintf("198.18.0.%d", i), fmt.Sprintf("2001:2:0:1::%d", i)} {
			for port, reply := range map[int]func([]byte) []byte{tlsPort: itself, echoPort: itself, dnsPort: func(q []byte) []byte { return actor.Answer(q, false) }} {
				at := net.JoinHostPort(host, strconv.Itoa(port))
				c, err := listenSoon(at)
				if err != nil {
					return err
				}
				go o.datagrams(c, "udp/"+at, reply)
			}
		}
	}
	return nil
}

// listenSoon waits for an address of version 6, which the kernel looks at first.
func listenSoon(at string) (c net.PacketConn, err error) {
	for range 500 {
		if c, err = net.ListenPacket("udp", at); !errors.Is(err, unix.EADDRNOTAVAIL) {
			return c, err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return c, err
}

func echo(c net.Conn) { _, _ = io.Copy(c, c) }

func itself(b []byte) []byte { return b }

func (o *others) accept(l net.Listener, serve func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			serve(&heard{c, o, o.arrive("tcp/" + plainAddress(c.LocalAddr()))})
		}()
	}
}

func plainAddress(a net.Addr) string {
	p := netip.MustParseAddrPort(a.String())
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port()).String()
}

func (o *others) arrive(at string) *arrival {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := &arrival{at: at}
	o.arrivals = append(o.arrivals, a)
	return a
}

func (o *others) add(a *arrival, text []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	a.text = append(a.text, text...)
}

// came reports whether some server was sent this text, or a connection came to where it says ("tcp/198.18.0.3:443").
func (o *others) came(text string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, a := range o.arrivals {
		if a.at == text || bytes.Contains(a.text, []byte(text)) || bytes.Contains(a.text, wireName(text)) {
			return true
		}
	}
	return false
}

// comes waits for it, so long at most.
func (o *others) comes(text string, limit time.Duration) bool {
	for deadline := time.Now().Add(limit); !o.came(text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// wireName is a domain name as DNS carries it, without its end.
func wireName(name string) []byte {
	var text []byte
	for label := range strings.SplitSeq(name, ".") {
		text = append(append(text, byte(len(label))), label...)
	}
	return text
}

// forget is the beginning of a test.
func (o *others) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.arrivals = nil
}

// heard is a connection whose bytes are written down.
type heard struct {
	net.Conn
	o *others
	a *arrival
}

func (h *heard) Read(b []byte) (int, error) {
	n, err := h.Conn.Read(b)
	h.o.add(h.a, b[:n])
	return n, err
}

func (o *others) datagrams(c net.PacketConn, at string, reply func([]byte) []byte) {
	text := make([]byte, 1<<16)
	for {
		n, from, err := c.ReadFrom(text)
		if err != nil {
			return
		}
		o.add(o.arrive(at), text[:n])
		if a := reply(text[:n]); a != nil {
			_, _ = c.WriteTo(a, from)
		}
	}
}

// serveTLS says what it was told, and hears it on the wire.
func (o *others) serveTLS(certificate tls.Certificate) func(net.Conn) {
	return func(c net.Conn) {
		safe := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}})
		_, _ = io.Copy(safe, safe)
	}
}

func selfMade() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	sheet := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"*.test"}}
	text, err := x509.CreateCertificate(rand.Reader, &sheet, &sheet, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{text}, PrivateKey: key}, err
}

// oneConn is a listener of one connection, for servers that want one.
type oneConn struct {
	net.Listener
	conn  chan net.Conn
	local net.Addr
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c, ok := <-l.conn; ok {
		return c, nil
	}
	return nil, io.EOF
}
func (l *oneConn) Addr() net.Addr { return l.local }
func (l *oneConn) Close() error   { return nil }

// serveHTTP answers each request with its host.
func serveHTTP(c net.Conn) {
	l := &oneConn{conn: make(chan net.Conn, 1), local: c.LocalAddr()}
	l.conn <- c
	over := make(chan struct{})
	server := http.Server{
		ReadHeaderTimeout: time.Minute,
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "<%s>", r.Host) }),
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateClosed || s == http.StateHijacked {
				close(over)
			}
		},
	}
	go func() { _ = server.Serve(l) }()
	<-over
	close(l.conn)
}

// serveNames answers by TCP.
func serveNames(c net.Conn) {
	for {
		var size uint16
		if binary.Read(c, binary.BigEndian, &size) != nil {
			return
		}
		q := make([]byte, size)
		if _, err := io.ReadFull(c, q); err != nil {
			return
		}
		a := actor.Answer(q, true)
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...)); err != nil {
			return
		}
	}
}
