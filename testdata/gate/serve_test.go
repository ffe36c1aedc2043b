// SPDX-License-Identifier: Apache-2.0

package gate

// Servers of names, of TLS, of HTTP and of bytes, which remember what reached them.

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// log is what reached a server.
type log struct {
	mu    sync.Mutex
	lines []string
}

func (l *log) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *log) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := strings.Join(l.lines, " ")
	l.lines = nil
	return out
}

// zone answers questions: names to addresses, or to one other name.
var zone = map[string][]string{
	"www.allowed.test.":     {good, six},
	"api.allowed.test.":     {other},
	"alias.allowed.test.":   {"chain.elsewhere.test."},
	"chain.elsewhere.test.": {"www.allowed.test."},
	"inside.allowed.test.":  {"192.168.7.7", "127.0.0.1", "169.254.169.254"},
	"evil.test.":            {good},
	"long.allowed.test.":    {good},
}

// records are the answers to a question, along its chain.
func records(name string, kind dnsmessage.Type) (out []dnsmessage.Resource) {
	header := dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: 5}
	for _, to := range zone[name] {
		addr, err := netip.ParseAddr(to)
		switch {
		case err != nil:
			out = append(out, dnsmessage.Resource{Header: header, Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(to)}})
			out = append(out, records(to, kind)...)
		case addr.Is4() && kind == dnsmessage.TypeA:
			out = append(out, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: addr.As4()}})
		case addr.Is6() && kind == dnsmessage.TypeAAAA:
			out = append(out, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
		}
	}
	return out
}

// answer is the message that a question gets; by UDP a long name's is cut.
func (l *log) answer(raw []byte, stream bool) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(raw); err != nil || len(m.Questions) != 1 {
		l.add("?")
		return nil
	}
	q := m.Questions[0]
	l.add(strings.TrimPrefix(q.Type.String(), "Type") + ":" + q.Name.String())
	m.Response, m.Answers, m.Additionals = true, records(q.Name.String(), q.Type), nil
	if !stream && strings.HasPrefix(q.Name.String(), "long.") {
		m.Truncated, m.Answers = true, nil
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}

// serveNames answers at an address by UDP and TCP. Over TCP the length comes by itself, a moment before the message.
func serveNames(t testing.TB, addr string) *log {
	t.Helper()
	l := &log{}
	packets, err := net.ListenPacket("udp", net.JoinHostPort(addr, "53"))
	must(t, err)
	t.Cleanup(func() { packets.Close() })
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, from, err := packets.ReadFrom(buffer)
			if err != nil {
				return
			}
			if out := l.answer(buffer[:n], false); out != nil {
				_, _ = packets.WriteTo(out, from)
			}
		}
	}()
	serve(t, addr, "53", func(c net.Conn) {
		for {
			var size uint16
			if binary.Read(c, binary.BigEndian, &size) != nil {
				return
			}
			raw := make([]byte, size)
			if _, err := io.ReadFull(c, raw); err != nil {
				return
			}
			out := l.answer(raw, true)
			_ = binary.Write(c, binary.BigEndian, uint16(len(out)))
			time.Sleep(10 * time.Millisecond)
			_, _ = c.Write(out)
		}
	})
	return l
}

// serve gives each connection to f.
func serve(t testing.TB, addr, port string, f func(net.Conn)) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(addr, port))
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c)
			}()
		}
	}()
}

// serveBytes remembers all that comes, and answers each piece with a dot.
func serveBytes(t testing.TB, addr, port string) *log {
	t.Helper()
	l := &log{}
	serve(t, addr, port, func(c net.Conn) {
		buffer := make([]byte, 64<<10)
		for {
			n, err := c.Read(buffer)
			if err != nil {
				return
			}
			l.add(string(buffer[:n]))
			_, _ = c.Write([]byte("."))
		}
	})
	return l
}

// certificate is one for every name: clients here do not look.
var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
})

// serveTLS remembers the names that are asked for, and answers one line.
func serveTLS(t testing.TB, addr, port string) *log {
	t.Helper()
	l := &log{}
	serve(t, addr, port, func(c net.Conn) {
		server := tls.Server(c, &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			l.add(h.ServerName)
			own := certificate()
			return &own, nil
		}})
		if line, err := bufio.NewReader(server).ReadString('\n'); err == nil {
			_, _ = server.Write([]byte(line))
		}
	})
	return l
}

// serveHTTP remembers the hosts that are asked for.
func serveHTTP(t testing.TB, addr, port string) *log {
	t.Helper()
	l := &log{}
	listener, err := net.Listen("tcp", net.JoinHostPort(addr, port))
	must(t, err)
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.add(r.Host)
		_, _ = io.Copy(io.Discard, r.Body)
	})}
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(func() { s.Close() })
	return l
}
