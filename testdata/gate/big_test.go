// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// bigSegments lets the loopback interface take what a header of version 6 has no length for ("BIG TCP"): rtnetlink(7),
// IFLA_GSO_MAX_SIZE of interface 1.
func bigSegments(t testing.TB) {
	t.Helper()
	const most = 256 << 10
	var m bytes.Buffer
	for _, field := range []any{
		unix.NlMsghdr{Len: unix.SizeofNlMsghdr + unix.SizeofIfInfomsg + 8, Type: unix.RTM_NEWLINK, Flags: unix.NLM_F_REQUEST | unix.NLM_F_ACK},
		unix.IfInfomsg{Index: 1},
		unix.RtAttr{Len: 8, Type: unix.IFLA_GSO_MAX_SIZE}, uint32(most),
	} {
		must(t, binary.Write(&m, binary.NativeEndian, field))
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)
	must(t, err)
	defer unix.Close(fd)
	must(t, unix.Sendto(fd, m.Bytes(), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	must(t, err)
	if code := int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:n])); code != 0 {
		t.Fatalf("no big segments: %v", unix.Errno(-code))
	}
}

// A segment of more than 64 KB has a header in front of TCP's that says how long it is (RFC 2675), until the device cuts it up.
func TestBigSegmentsOfVersionSixAreRead(t *testing.T) {
	const size = 32 << 20
	g := open(t, "[[role]]\nname = \"default\"\ndefaults = { net = \"deny\" }\n[[rule]]\nid = \"one\"\non = [\"net.addr\"]\nmatch = [\"[2001:2::1]:9000\"]\naction = \"allow\"\n")
	bigSegments(t)
	came := make(chan int64)
	serve(t, six, "9000", func(c net.Conn) {
		n, _ := io.Copy(io.Discard, c)
		came <- n
	})
	for name, marked := range map[string]*gate{"bystander": nil, "session": g} {
		c, err := marked.dialer().Dial("tcp", net.JoinHostPort(six, "9000"))
		must(t, err)
		must(t, c.SetDeadline(time.Now().Add(20*time.Second)))
		_, err = c.Write(make([]byte, size))
		c.Close()
		if n := <-came; n != size || err != nil {
			t.Errorf("%s: %d bytes of %d came: %v", name, n, size, err)
		}
	}
	if told := g.told(t); len(told) > 0 {
		t.Errorf("%d refused, the first: %+v", len(told), told[0])
	}
}
