// SPDX-License-Identifier: Apache-2.0

package actor

// What an actor sends otherwise than by send(2): several datagrams at once, pages that it may change, rings, options that lead
// elsewhere, TLS by the kernel, a hello within a hello.

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

var formOrders = map[string]func(w *wire, rest string) error{
	"several":  (*wire).several,
	"rawto":    (*wire).rawTo,
	"segments": (*wire).segments,
	"more":     func(w *wire, text string) error { return w.send(unix.MSG_MORE, text) },
	"sendfile": func(w *wire, text string) error { return w.byPages(text, w.sendfile) },
	"splice":   func(w *wire, text string) error { return w.byPages(text, w.splice) },
	"vmsplice": (*wire).vmsplice,
	"zerocopy": (*wire).zerocopy,
	"changed":  (*wire).changed,
	"loose":    (*wire).loose,
	"retopts":  (*wire).retopts,
	"headers":  func(w *wire, _ string) error { return w.header(unix.IPV6_DSTOPTS, []byte{0, 0, 1, 4, 0, 0, 0, 0}) }, // padding alone
	"segment":  (*wire).segment,
	"ktls":     (*wire).ktls,
	"ech":      (*wire).ech,
	"by":       (*wire).by,
}

// several sends one datagram to each of ADDRESS:PORT=TEXT by as few system calls as the kernel lets it.
func (w *wire) several(rest string) error {
	type message struct {
		head unix.Msghdr
		sent uint32
		_    [4]byte
	}
	var all []message
	var keep runtime.Pinner
	defer keep.Unpin()
	for word := range strings.FieldsSeq(rest) {
		to, text, _ := strings.Cut(word, "=")
		name, bytes := rawFour(to), []byte(text)
		vector := &unix.Iovec{Base: &bytes[0], Len: uint64(len(bytes))}
		keep.Pin(&name[0])
		keep.Pin(&bytes[0])
		keep.Pin(vector)
		all = append(all, message{head: unix.Msghdr{Name: &name[0], Namelen: uint32(len(name)), Iov: vector, Iovlen: 1}})
	}
	for len(all) > 0 {
		n, _, e := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(w.fd), uintptr(unsafe.Pointer(&all[0])), uintptr(len(all)), 0, 0, 0)
		if e != 0 {
			return e
		}
		all = all[n:]
	}
	return nil
}

// rawFour is ADDRESS:PORT of version 4 as the kernel takes it.
func rawFour(to string) []byte {
	at := netip.MustParseAddrPort(to)
	four := at.Addr().As4()
	raw := binary.NativeEndian.AppendUint16(nil, unix.AF_INET)
	raw = binary.BigEndian.AppendUint16(raw, at.Port())
	return append(append(raw, four[:]...), make([]byte, 8)...)
}

// rawTo sends to an address of version 4 that names another family, 0 or that of version 4 on a socket of version 6: FAMILY TO TEXT.
func (w *wire) rawTo(rest string) error {
	words := strings.SplitN(rest, " ", 3)
	family, _ := strconv.Atoi(words[0])
	to, text := rawFour(words[1]), []byte(words[2])
	binary.NativeEndian.PutUint16(to, uint16(family))
	_, _, e := unix.Syscall6(unix.SYS_SENDTO, uintptr(w.fd), uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)), 0,
		uintptr(unsafe.Pointer(&to[0])), uintptr(len(to)))
	return zeroIsNil(e)
}

// segments sends as one what the kernel cuts into datagrams: SIZE TEXT.
func (w *wire) segments(rest string) error {
	size, text, _ := strings.Cut(rest, " ")
	n, _ := strconv.Atoi(size)
	if err := unix.SetsockoptInt(w.fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT, n); err != nil {
		return err
	}
	return w.send(0, text)
}

// byPages puts a text into a file in memory and sends from there: no check but the packet's own sees it.
func (w *wire) byPages(text string, send func(file, size int) error) error {
	fd, err := fileOf([]byte(text))
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return send(fd, len(text))
}

func fileOf(text []byte) (int, error) {
	fd, err := unix.MemfdCreate("net", 0)
	if err != nil {
		return -1, err
	}
	_, err = unix.Write(fd, text)
	return fd, err
}

func (w *wire) sendfile(file, size int) error {
	var from int64
	_, err := unix.Sendfile(w.fd, file, &from, size)
	return err
}

func (w *wire) splice(file, size int) error {
	var from int64
	return w.byPipe(size, func(pipe int) error {
		_, err := unix.Splice(file, &from, pipe, nil, size, 0)
		return err
	})
}

func (w *wire) vmsplice(text string) error {
	return w.byPipe(len(text), func(pipe int) error {
		bytes := []byte(text)
		_, err := unix.Vmsplice(pipe, []unix.Iovec{{Base: &bytes[0], Len: uint64(len(bytes))}}, 0)
		return err
	})
}

func (w *wire) byPipe(size int, fill func(pipe int) error) error {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	defer unix.Close(ends[0])
	defer unix.Close(ends[1])
	if err := fill(ends[1]); err != nil {
		return err
	}
	_, err := unix.Splice(ends[0], nil, w.fd, nil, size, 0)
	return err
}

func (w *wire) zerocopy(text string) error {
	if err := unix.SetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_ZEROCOPY, 1); err != nil {
		return err
	}
	return w.send(unix.MSG_ZEROCOPY, text)
}

// changed sends the hello of a name from a file, and puts another name into the file at once: GOOD BAD.
func (w *wire) changed(rest string) error {
	good, bad, _ := strings.Cut(rest, " ")
	hello := clientHello(good, map[string]int{"small": 1})
	fd, err := fileOf(hello)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := w.sendfile(fd, len(hello)); err != nil {
		return err
	}
	name := []byte((bad + strings.Repeat("-", len(good)))[:len(good)])
	_, err = unix.Pwrite(fd, name, int64(bytes.Index(hello, []byte(good))))
	return err
}

// sourceRoute is an IP option: by that address, to where the datagram is sent (RFC 791, loose).
func sourceRoute(hop string) []byte {
	four := netip.MustParseAddr(hop).As4()
	return append([]byte{131, 7, 4}, append(four[:], 0)...)
}

func (w *wire) loose(hop string) error {
	return unix.SetsockoptString(w.fd, unix.IPPROTO_IP, unix.IP_OPTIONS, string(sourceRoute(hop)))
}

// retopts sends with the option beside the datagram: ADDRESS:PORT HOP TEXT.
func (w *wire) retopts(rest string) error {
	words := strings.SplitN(rest, " ", 3)
	option := sourceRoute(words[1])
	control := make([]byte, unix.CmsgSpace(len(option)))
	head := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	head.Level, head.Type = unix.IPPROTO_IP, unix.IP_RETOPTS
	head.SetLen(unix.CmsgLen(len(option)))
	copy(control[unix.CmsgLen(0):], option)
	_, err := unix.SendmsgN(w.fd, []byte(words[2]), control, w.address(words[0]), 0)
	return err
}

func (w *wire) header(option int, text []byte) error {
	return unix.SetsockoptString(w.fd, unix.IPPROTO_IPV6, option, string(text))
}

// segment has what is sent go by an address of version 6 first (RFC 8754); nobody needs a right for that.
func (w *wire) segment(hop string) error {
	six := netip.MustParseAddr(hop).As16()
	routing := append([]byte{0, 4, 4, 1, 1, 0, 0, 0}, make([]byte, 16)...) // one left, of two; the first is the destination
	return w.header(unix.IPV6_RTHDR, append(routing, six[:]...))
}

// ktls has the kernel encrypt from here on. The mark, eight letters, begins the first record in the clear, as its nonce.
func (w *wire) ktls(mark string) error {
	const upper, tlsLevel, sends, ccm128 = 31, 282, 1, 53 // TCP_ULP, SOL_TLS, TLS_TX, TLS_CIPHER_AES_CCM_128
	if err := unix.SetsockoptString(w.fd, unix.IPPROTO_TCP, upper, "tls"); err != nil {
		return err
	}
	info := binary.NativeEndian.AppendUint16(nil, 0x0303)
	info = binary.NativeEndian.AppendUint16(info, ccm128)
	info = append(info, (mark + "--------")[:8]...)
	info = append(info, make([]byte, 16+4+8)...) // key, salt, number
	return unix.SetsockoptString(w.fd, tlsLevel, sends, string(info))
}

// ech sends a hello for a name that lies encrypted within the hello for another (draft-ietf-tls-esni): INNER OUTER.
func (w *wire) ech(rest string) error {
	inner, outer, _ := strings.Cut(rest, " ")
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	config := append([]byte{7, 0, 0x20, 0, 32}, key.PublicKey().Bytes()...)
	config = append(config, 0, 4, 0, 1, 0, 1, 64, byte(len(outer)))
	config = append(append(config, outer...), 0, 0)
	list := binary.BigEndian.AppendUint16(nil, uint16(len(config)+4))
	list = binary.BigEndian.AppendUint16(append(list, 0xfe, 0x0d), uint16(len(config)))
	list = append(list, config...)
	return w.pieces(firstOf(&tls.Config{ServerName: inner, MinVersion: tls.VersionTLS13, EncryptedClientHelloConfigList: list}), 0, 0)
}

// by does something through an io_uring: at once, by a worker, or by a thread of the kernel's that looks for work.
//
//	by (inline|worker|poll) connect ADDRESS:PORT
//	by (inline|worker|poll) send TEXT
//	by (inline|worker|poll) sendmsg ADDRESS:PORT TEXT
//	by (inline|worker|poll) socket FAMILY TYPE PROTOCOL
func (w *wire) by(rest string) error {
	words := strings.SplitN(rest, " ", 3)
	how, what, text := words[0], words[1], words[2]
	e := entry{fd: int32(w.fd), flags: map[string]uint8{"worker": always}[how]}
	setup := map[string]uint32{"poll": polled}[how]
	switch what {
	case "connect":
		e.opcode, text = opConnect, string(rawFour(text))
		e.to = uintptr(len(text))
	case "send":
		e.opcode, e.length = opSend, uint32(len(text))
	case "sendmsg":
		to, text, _ := strings.Cut(text, " ")
		return w.messageBy(e, setup, rawFour(to), []byte(text))
	case "socket":
		return socketBy(e, setup, strings.Fields(text))
	}
	bytes := []byte(text)
	e.path = uintptr(unsafe.Pointer(&bytes[0]))
	r := submit(e, setup)
	runtime.KeepAlive(bytes)
	return zeroIsNil(r.Errno)
}

func (w *wire) messageBy(e entry, setup uint32, to, text []byte) error {
	head := &unix.Msghdr{Name: &to[0], Namelen: uint32(len(to)), Iov: &unix.Iovec{Base: &text[0], Len: uint64(len(text))}, Iovlen: 1}
	e.opcode, e.length, e.path = opSendMsg, 1, uintptr(unsafe.Pointer(head))
	r := submit(e, setup)
	runtime.KeepAlive(head)
	return zeroIsNil(r.Errno)
}

func socketBy(e entry, setup uint32, words []string) error {
	var n [3]int
	for i, word := range words {
		n[i], _ = strconv.Atoi(word)
	}
	e.opcode, e.fd, e.to, e.length = opSocket, int32(n[0]), uintptr(n[1]), uint32(n[2])
	r := submit(e, setup)
	if r.Errno == 0 {
		unix.Close(r.Status)
	}
	return zeroIsNil(r.Errno)
}
