// SPDX-License-Identifier: Apache-2.0

package actor

// What an actor asks by DNS, well-formed and otherwise, and whom it lets ask for it.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

var nameOrders = map[string]func(w *wire, rest string) error{}

func init() {
	nameOrders["ask"] = (*wire).ask
	nameOrders["questions"] = (*wire).questions
	nameOrders["raw"] = (*wire).raw
	nameOrders["names"] = (*wire).names
	nameOrders["forge"] = (*wire).forge
	nameOrders["socks"] = (*wire).socks
	nameOrders["through"] = (*wire).through
}

var recordTypes = map[string]dnsmessage.Type{"A": dnsmessage.TypeA, "AAAA": dnsmessage.TypeAAAA, "TXT": dnsmessage.TypeTXT,
	"HTTPS": 65, "SVCB": 64, "ANY": 255, "MX": dnsmessage.TypeMX, "SRV": dnsmessage.TypeSRV, "NULL": 10, "CNAME": dnsmessage.TypeCNAME}

// question is a whole message.
func question(id uint16, name, kind string) []byte {
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: id, RecursionDesired: true})
	b.EnableCompression()
	var edns dnsmessage.ResourceHeader
	err := errors.Join(b.StartQuestions(),
		b.Question(dnsmessage.Question{Name: dnsmessage.MustNewName(name + "."), Type: recordTypes[kind], Class: dnsmessage.ClassINET}),
		b.StartAdditionals(), edns.SetEDNS0(1232, dnsmessage.RCodeSuccess, false), b.OPTResource(edns, dnsmessage.OPTResource{}))
	text, err2 := b.Finish()
	if err := errors.Join(err, err2); err != nil {
		panic(err)
	}
	return text
}

// ask asks for NAME TYPE [SERVER] by a datagram, and by TCP where the answer was cut.
func (w *wire) ask(rest string) error {
	words := append(strings.Fields(rest), ResolverAt+":53")
	name, kind, server := words[0], words[1], words[2]
	udp, tcp := "udp4", "tcp4"
	if netip.MustParseAddrPort(server).Addr().Is6() {
		udp, tcp = "udp6", "tcp6"
	}
	kept := wire{fd: -1, patience: patience}
	defer func() { unix.Close(kept.fd) }()
	if err := errors.Join(netOrders[udp](&kept, ""), netOrders["connect"](&kept, server)); err != nil {
		return err
	}
	if err := kept.send(0, string(question(4711, name, kind))); err != nil {
		return err
	}
	if err := kept.recv(""); err != nil {
		return err
	}
	if m := answerOf(kept.seen); !m.Truncated {
		w.seen = append(w.seen, addressesOf(m)...)
		return nil
	}
	if err := errors.Join(netOrders[tcp](&kept, ""), netOrders["connect"](&kept, server)); err != nil {
		return err
	}
	err := kept.questions(name + "/" + kind)
	w.seen = append(w.seen, kept.seen...)
	return err
}

// questions asks on the connection at hand: NAME/TYPE,NAME/TYPE [cut=N] [each=N], in one segment where nothing is said.
func (w *wire) questions(rest string) error {
	list, n := numbersOf(rest)
	var text []byte
	count := 0
	for one := range strings.SplitSeq(list, ",") {
		name, kind, _ := strings.Cut(one, "/")
		m := question(uint16(count), name, kind)
		text = append(binary.BigEndian.AppendUint16(text, uint16(len(m))), m...)
		count++
	}
	if err := w.pieces(text, n["cut"], n["each"]); err != nil {
		return err
	}
	stream := wire{fd: w.fd, patience: w.patience}
	for ; count > 0; count-- {
		for len(stream.seen) < 2 || len(stream.seen) < 2+int(binary.BigEndian.Uint16(stream.seen)) {
			if err := stream.recv(""); err != nil {
				return err
			}
		}
		size := 2 + int(binary.BigEndian.Uint16(stream.seen))
		w.seen = append(w.seen, addressesOf(answerOf(stream.seen[2:size]))...)
		stream.seen = stream.seen[size:]
	}
	return nil
}

func answerOf(text []byte) (m dnsmessage.Message) {
	if err := m.Unpack(text); err != nil {
		panic(err)
	}
	return m
}

func addressesOf(m dnsmessage.Message) string {
	var all strings.Builder
	for _, a := range m.Answers {
		switch body := a.Body.(type) {
		case *dnsmessage.AResource:
			fmt.Fprintln(&all, netip.AddrFrom4(body.A))
		case *dnsmessage.AAAAResource:
			fmt.Fprintln(&all, netip.AddrFrom16(body.AAAA))
		}
	}
	return all.String()
}

// raw sends a question by the socket at hand: how many there are in it, and what comes behind the header as it is.
func (w *wire) raw(rest string) error {
	count, text, _ := strings.Cut(rest, " ")
	n, _ := strconv.Atoi(count)
	head := []byte{0x12, 0x67, 1, 0, byte(n >> 8), byte(n), 0, 0, 0, 0, 0, 0} // asks for recursion
	return w.send(0, string(head)+text)
}

// names answers what the zone says, from now on, where the socket of datagrams at hand is bound: ADDRESS:PORT.
func (w *wire) names(at string) error {
	if err := unix.Bind(w.fd, w.address(at)); err != nil {
		return err
	}
	fd := w.fd
	w.fd = -1
	go func() {
		text := make([]byte, 4096)
		for {
			n, from, err := unix.Recvfrom(fd, text, 0)
			if err == nil {
				_ = unix.Sendto(fd, Answer(text[:n], false), 0, from)
			}
		}
	}()
	return nil
}

// forge answers in the resolver's place, and with its address: NAME ADDRESS TO, where somebody asked for the name by raw.
func (w *wire) forge(rest string) error {
	words := strings.Fields(rest)
	name, leads, to := dnsmessage.MustNewName(words[0]+"."), netip.MustParseAddr(words[1]), netip.MustParseAddrPort(words[2])
	text := packed(dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 0x1267, Response: true, RecursionAvailable: true},
		Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
		Answers: []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 60},
			Body: &dnsmessage.AResource{A: leads.As4()}}},
	})
	datagram := binary.BigEndian.AppendUint16(nil, DNSPort)
	datagram = binary.BigEndian.AppendUint16(datagram, to.Port())
	datagram = binary.BigEndian.AppendUint16(datagram, uint16(8+len(text)))
	datagram = append(append(datagram, 0, 0), text...) // without a checksum (RFC 768)
	from, there := netip.MustParseAddr(ResolverAt).As4(), to.Addr().As4()
	packet := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0} // the kernel adds length and checksum
	packet = append(append(append(packet, from[:]...), there[:]...), datagram...)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Sendto(fd, packet, 0, &unix.SockaddrInet4{Addr: there})
}

// socks is a proxy (RFC 1928) that takes a name for what stands before a NUL, as C does: ADDRESS:PORT.
func (w *wire) socks(at string) error {
	if err := errors.Join(unix.Bind(w.fd, w.address(at)), unix.Listen(w.fd, 8)); err != nil {
		return err
	}
	f := os.NewFile(uintptr(w.fd), "proxy")
	w.fd = -1
	l, err := net.FileListener(f)
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _ = proxied(c) }()
		}
	}()
	return nil
}

func proxied(c net.Conn) error {
	greeting, head := make([]byte, 3), make([]byte, 5)
	if _, err := io.ReadFull(c, greeting); err != nil {
		return err
	}
	_, _ = c.Write([]byte{5, 0})
	if _, err := io.ReadFull(c, head); err != nil {
		return err
	}
	rest := make([]byte, int(head[4])+2)
	if _, err := io.ReadFull(c, rest); err != nil {
		return err
	}
	name, _, _ := strings.Cut(string(rest[:head[4]]), "\x00")
	there, err := dial(name, int(binary.BigEndian.Uint16(rest[head[4]:])))
	if err != nil {
		_, _ = c.Write([]byte{5, 2, 0, 1, 0, 0, 0, 0, 0, 0}) // not allowed
		return err
	}
	defer there.Close()
	_, _ = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	go func() { _, _ = io.Copy(there, c) }()
	_, err = io.Copy(c, there)
	return err
}

// dial asks for a name and connects to where it leads.
func dial(name string, port int) (net.Conn, error) {
	asks := wire{fd: -1, patience: patience}
	if err := asks.ask(name + " A"); err != nil {
		return nil, err
	}
	leads, _, _ := strings.Cut(string(asks.seen), "\n")
	dialer := net.Dialer{Timeout: patience}
	return dialer.Dial("tcp", net.JoinHostPort(leads, strconv.Itoa(port)))
}

// through asks the proxy at hand for NAME PORT.
func (w *wire) through(rest string) error {
	name, text, _ := strings.Cut(rest, " ")
	port, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	if err := errors.Join(w.send(0, "\x05\x01\x00"), w.recv("\x05\x00")); err != nil {
		return err
	}
	request := append([]byte{5, 1, 0, 3, byte(len(name))}, name...)
	w.seen = nil
	if err := errors.Join(w.send(0, string(binary.BigEndian.AppendUint16(request, uint16(port)))), w.recv("")); err != nil {
		return err
	}
	if len(w.seen) < 2 || w.seen[1] != 0 {
		return unix.ECONNREFUSED
	}
	return nil
}
