// SPDX-License-Identifier: Apache-2.0

package actor

// What an actor does on a network: orders to one socket after the other, by system calls, so that nothing but the kernel has a
// say. A network's sockets outlive the act.

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// How long an actor waits for a connection and for bytes: where they may not come, and where they will, on a machine that may be slow.
const (
	patience = 1500 * time.Millisecond
	patient  = 20 * time.Second
)

var networks = map[string]func(Act) Result{"net": communicate, "netfd": communicateAndTell}

// wire is what an actor's orders are about.
type wire struct {
	fd       int
	seen     []byte
	patience time.Duration
}

var line = wire{fd: -1, patience: patience}

// communicate takes orders up to the first that fails; its status is the number of that one.
func communicate(a Act) (r Result) {
	line.seen, line.patience = nil, patience
	if a.Patient {
		line.patience = patient
	}
	if line.fd >= 0 {
		_ = line.waits()
	}
	for i, order := range a.Argv {
		word, rest, _ := strings.Cut(order, " ")
		do, ok := netOrders[word]
		if !ok {
			panic("no such order: " + order)
		}
		if err := do(&line, rest); err != nil {
			r = errno(err)
			r.Status = i
			break
		}
	}
	r.Seen = string(line.seen)
	return r
}

// communicateAndTell: the status is the number of the socket at hand.
func communicateAndTell(a Act) Result {
	r := communicate(a)
	if r.Errno == 0 {
		r.Status = line.fd
	}
	return r
}

// netOrders are what an actor can be told; some of them give others.
var netOrders map[string]func(w *wire, rest string) error

func init() {
	netOrders = map[string]func(w *wire, rest string) error{
		"tcp4":     func(w *wire, _ string) error { return w.open(unix.AF_INET, unix.SOCK_STREAM) },
		"tcp6":     func(w *wire, _ string) error { return w.open(unix.AF_INET6, unix.SOCK_STREAM) },
		"udp4":     func(w *wire, _ string) error { return w.open(unix.AF_INET, unix.SOCK_DGRAM) },
		"udp6":     func(w *wire, _ string) error { return w.open(unix.AF_INET6, unix.SOCK_DGRAM) },
		"connect":  (*wire).connect,
		"unspec":   func(w *wire, _ string) error { return w.unspec() },
		"bind":     func(w *wire, at string) error { return unix.Bind(w.fd, w.address(at)) },
		"listen":   func(w *wire, _ string) error { return unix.Listen(w.fd, 8) },
		"listens":  func(w *wire, _ string) error { _ = unix.Listen(w.fd, 8); return nil }, // whatever it is answered
		"serve":    (*wire).serve,
		"send":     func(w *wire, text string) error { return w.send(0, text) },
		"sendto":   func(w *wire, text string) error { return w.sendTo(0, text) },
		"fastopen": func(w *wire, text string) error { return w.sendTo(unix.MSG_FASTOPEN, text) },
		"fasthello": func(w *wire, text string) error {
			to, name, _ := strings.Cut(text, " ")
			return w.sendTo(unix.MSG_FASTOPEN, to+" "+string(clientHello(name, map[string]int{"small": 1})))
		},
		"times": func(w *wire, text string) (err error) {
			count, text, _ := strings.Cut(text, " ")
			n, _ := strconv.Atoi(count)
			for range n {
				err = w.send(0, text)
			}
			return err
		},
		"deferred": func(w *wire, _ string) error {
			return unix.SetsockoptInt(w.fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT, 1)
		},
		"options": func(w *wire, _ string) error {
			return unix.SetsockoptString(w.fd, unix.IPPROTO_IP, unix.IP_OPTIONS, "\x01\x01\x01\x01")
		},
		"recv":      func(w *wire, want string) error { return w.recv(want) },
		"pause":     func(_ *wire, text string) error { d, err := time.ParseDuration(text); time.Sleep(d); return err },
		"hello":     (*wire).hello,
		"handshake": (*wire).handshake,
		"pass":      (*wire).pass,
		"take":      (*wire).take,
		"hand":      (*wire).hand,
		"use":       (*wire).use,
		"fetch":     (*wire).fetch,
		"drop":      func(w *wire, _ string) error { w.fd = -1; return nil }, // keeps it open
		"enter":     func(_ *wire, pid string) error { return enterNet(pid) },
	}
	maps.Copy(netOrders, formOrders)
	maps.Copy(netOrders, nameOrders)
}

func (w *wire) open(family, kind int) (err error) {
	if w.fd >= 0 {
		unix.Close(w.fd)
	}
	if w.fd, err = unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	return w.limits()
}

func (w *wire) limits() error {
	_ = unix.SetsockoptInt(w.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // datagrams have none
	_ = unix.SetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	return w.waits()
}

func (w *wire) waits() error {
	limit := unix.NsecToTimeval(w.patience.Nanoseconds())
	return errors.Join(unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit),
		unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit))
}

// address is ADDRESS:PORT in the socket's family.
func (w *wire) address(text string) unix.Sockaddr {
	to := netip.MustParseAddrPort(text)
	family, err := unix.GetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err == nil && family == unix.AF_INET {
		return &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}
}

// connect waits on where a signal ends the call, and Go's scheduler sends itself some.
func (w *wire) connect(to string) error {
	err := unix.Connect(w.fd, w.address(to))
	if !errors.Is(err, unix.EINTR) {
		return err
	}
	poll := []unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLOUT}}
	ready := 0
	if err := again(func() (err error) { ready, err = unix.Poll(poll, int(w.patience.Milliseconds())); return err }); err != nil {
		return err
	}
	if ready == 0 {
		return unix.ETIMEDOUT
	}
	state, err := unix.GetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil || state == 0 {
		return err
	}
	return syscall.Errno(state)
}

func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// unspec dissolves a connection; the package has no such address.
func (w *wire) unspec() error {
	var none unix.RawSockaddr
	_, _, e := unix.Syscall(unix.SYS_CONNECT, uintptr(w.fd), uintptr(unsafe.Pointer(&none)), unsafe.Sizeof(none))
	return zeroIsNil(e)
}

func (w *wire) send(flags int, text string) error {
	_, err := unix.SendmsgN(w.fd, []byte(text), nil, nil, flags)
	return err
}

func (w *wire) sendTo(flags int, text string) error {
	to, text, _ := strings.Cut(text, " ")
	_, err := unix.SendmsgN(w.fd, []byte(text), nil, w.address(to), flags)
	return err
}

// recv reads until what was wanted has come; anything, where nothing is said.
func (w *wire) recv(want string) error {
	part := make([]byte, 4096)
	for {
		var n int
		err := again(func() (err error) { n, err = unix.Read(w.fd, part); return err })
		if err == unix.EINTR { //nolint:errorlint // of x/sys, bare
			continue
		}
		if err == nil && n == 0 {
			err = unix.ECONNRESET // what is wanted does not come any more
		}
		if err != nil {
			return err
		}
		w.seen = append(w.seen, part[:n]...)
		if strings.Contains(string(w.seen), want) {
			return nil
		}
	}
}

// serve answers from now on what connects, or sends a datagram: ADDRESS:PORT, by the kind of socket at hand.
func (w *wire) serve(at string) error {
	if err := unix.Bind(w.fd, w.address(at)); err != nil {
		return err
	}
	kind, err := unix.GetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return err
	}
	fd := w.fd
	w.fd = -1
	var never unix.Timeval
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &never); err != nil {
		return err
	}
	if kind == unix.SOCK_DGRAM {
		go echoDatagrams(fd)
		return nil
	}
	if err := unix.Listen(fd, 8); err != nil {
		unix.Close(fd)
		return err
	}
	go func() {
		for {
			child, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
			if err != nil {
				return
			}
			go echoStream(child)
		}
	}()
	return nil
}

func echoDatagrams(fd int) {
	text := make([]byte, 4096)
	for {
		n, from, err := unix.Recvfrom(fd, text, 0)
		if err != nil {
			return
		}
		_ = unix.Sendto(fd, text[:n], 0, from)
	}
}

func echoStream(fd int) {
	defer unix.Close(fd)
	text := make([]byte, 4096)
	for {
		n, err := unix.Read(fd, text)
		if err != nil || n == 0 {
			return
		}
		if _, err := unix.Write(fd, text[:n]); err != nil {
			return
		}
	}
}

// options of an order: words NAME=NUMBER behind the first.
func numbersOf(rest string) (first string, numbers map[string]int) {
	words := strings.Split(rest, " ")
	numbers = map[string]int{}
	for _, word := range words[1:] {
		name, n, _ := strings.Cut(word, "=")
		numbers[name], _ = strconv.Atoi(n)
	}
	return words[0], numbers
}

// hello sends a real ClientHello for a name, "-" for none: cut=N cuts it there, each=N into pieces of that size, records=N cuts it
// into two records, pad=N makes it longer, small=1 leaves out the keys that make it long.
func (w *wire) hello(rest string) error {
	name, n := numbersOf(rest)
	text := clientHello(name, n)
	if at := n["records"]; at > 0 {
		text = twoRecords(text, at)
	}
	return w.pieces(text, n["cut"], n["each"])
}

func (w *wire) pieces(text []byte, cut, each int) error {
	for len(text) > 0 {
		size := len(text)
		if cut > 0 {
			size, cut = min(cut, size), 0
		} else if each > 0 {
			size = min(each, size)
		}
		if _, err := unix.Write(w.fd, text[:size]); err != nil {
			return err
		}
		text = text[size:]
		time.Sleep(time.Millisecond)
	}
	return nil
}

// recorder keeps the first thing that is written, and answers nothing.
type recorder struct {
	net.Conn
	first []byte
}

func (c *recorder) Write(b []byte) (int, error) {
	c.first = append(c.first, b...)
	return len(b), nil
}
func (c *recorder) Read([]byte) (int, error) { return 0, os.ErrClosed }
func (c *recorder) Close() error             { return nil }

func clientHello(name string, n map[string]int) []byte {
	config := tls.Config{ServerName: strings.TrimPrefix(name, "-"), InsecureSkipVerify: true} // a test's own server
	if n["small"] > 0 {
		config.CurvePreferences = []tls.CurveID{tls.X25519}
	}
	for pad := n["pad"]; pad > 0; pad -= 256 {
		config.NextProtos = append(config.NextProtos, fmt.Sprintf("%0255d", pad))
	}
	return firstOf(&config)
}

// firstOf is the ClientHello of a connection.
func firstOf(config *tls.Config) []byte {
	var wire recorder
	_ = tls.Client(&wire, config).Handshake()
	return wire.first[:5+int(binary.BigEndian.Uint16(wire.first[3:]))] // what follows is an alert
}

// twoRecords puts one handshake message into two records (RFC 8446 5.1).
func twoRecords(one []byte, at int) []byte {
	head, body := one[:3], one[5:]
	var two []byte
	for _, part := range [][]byte{body[:at], body[at:]} {
		two = append(two, head...)
		two = binary.BigEndian.AppendUint16(two, uint16(len(part)))
		two = append(two, part...)
	}
	return two
}

// handshake makes a whole connection by TLS, and sends its name through it, or a text: NAME [TEXT].
func (w *wire) handshake(rest string) error {
	name, said, ok := strings.Cut(rest, " ")
	if !ok {
		said = name
	}
	fd, err := unix.Dup(w.fd)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	safe := tls.Client(conn, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	text := make([]byte, 256)
	if _, err := safe.Write([]byte(said)); err != nil {
		return err
	}
	n, err := safe.Read(text)
	w.seen = append(w.seen, text[:n]...)
	return err
}

// pass gives the socket at hand to who listens on a unix socket, take gets one there.
func (w *wire) pass(path string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Sendmsg(fd, []byte("x"), unix.UnixRights(w.fd), &unix.SockaddrUnix{Name: path}, 0)
}

// take NAME binds, and waits for what is passed; the first call binds alone.
func (w *wire) take(path string) error {
	fd, ok := mailboxes[path]
	if !ok {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		mailboxes[path] = fd
		return unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	}
	text, room := make([]byte, 8), make([]byte, 256)
	_, n, _, _, err := unix.Recvmsg(fd, text, room, 0)
	if err != nil {
		return err
	}
	messages, err := unix.ParseSocketControlMessage(room[:n])
	if err != nil || len(messages) == 0 {
		return errors.Join(err, unix.ENOMSG)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return err
	}
	w.fd = fds[0]
	return w.limits()
}

var mailboxes = map[string]int{}

// use takes a socket by its number.
func (w *wire) use(number string) (err error) {
	if w.fd, err = strconv.Atoi(number); err != nil {
		return err
	}
	return w.limits()
}

// fetch gets a page by HTTP, whatever proxy the environment has.
func (w *wire) fetch(url string) error {
	if err := os.Setenv("http_proxy", "http://127.0.0.1:3128"); err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{Proxy: nil}, Timeout: 2 * patience}
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	w.seen, err = io.ReadAll(answer.Body)
	return err
}

// enterNet enters the network of another process.
func enterNet(pid string) error {
	fd, err := unix.Open("/proc/"+pid+"/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Setns(fd, unix.CLONE_NEWNET)
}

// hand starts a program with the socket at hand as its third descriptor: PROGRAM TEXT, a shell that writes the text there.
func (w *wire) hand(rest string) error {
	program, text, _ := strings.Cut(rest, " ")
	pid, err := syscall.ForkExec(program, []string{"sh", "-c", "printf '" + text + "' >&3"}, &syscall.ProcAttr{
		Env: []string{"PATH=/bin"}, Files: []uintptr{0, 2, 2, uintptr(w.fd)}})
	if err != nil {
		return err
	}
	_, err = syscall.Wait4(pid, nil, 0, nil)
	return err
}
