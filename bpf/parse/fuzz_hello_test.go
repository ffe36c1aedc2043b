// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

//go:build cgo

package parse_test

// ClientHellos against crypto/tls. Where both take a hello they agree on the name. Where one refuses what the other takes,
// there is a reason in the tables below, which is checked; anything else is a bug.

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf/parse"
	"github.com/reeve-sensor/reeve/bpf/parse/native"
)

// oneWay is a connection whose other side has sent all it will.
type oneWay struct{ io.Reader }

func (oneWay) Write(data []byte) (int, error)   { return len(data), nil }
func (oneWay) Close() error                     { return nil }
func (oneWay) LocalAddr() net.Addr              { return nil }
func (oneWay) RemoteAddr() net.Addr             { return nil }
func (oneWay) SetDeadline(time.Time) error      { return nil }
func (oneWay) SetReadDeadline(time.Time) error  { return nil }
func (oneWay) SetWriteDeadline(time.Time) error { return nil }

var errSeen = errors.New("seen")

// goHello is what crypto/tls makes of it, nil where it refuses.
func goHello(sent []byte) (*tls.ClientHelloInfo, error) {
	var info *tls.ClientHelloInfo
	config := &tls.Config{GetConfigForClient: func(i *tls.ClientHelloInfo) (*tls.Config, error) {
		info = i
		return nil, errSeen
	}}
	return info, ignore(tls.Server(oneWay{bytes.NewReader(sent)}, config).Handshake(), &info)
}

func ignore(err error, info **tls.ClientHelloInfo) error {
	if *info != nil {
		return nil
	}
	return err
}

// firstVerdict feeds byte by byte, up to the first hello's end.
func firstVerdict(sent []byte) *parse.Hello {
	h := new(parse.Hello)
	_, _ = native.User{}.Hello(h, nil, true)
	for i := range sent {
		if h.Verdict() != "more" {
			break
		}
		_, _ = native.User{}.Hello(h, sent[i:i+1], false)
	}
	return h
}

var domainName = regexp.MustCompile(`^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$`)

func isDomain(name string) bool { return len(name) <= 253 && domainName.MatchString(name) }

var numberAtEnd = regexp.MustCompile(`(^|\.)([0-9]+|0x[0-9a-f]*)$`)

// message is the handshake message in the records of a connection, as far as it goes.
func message(sent []byte) []byte {
	var all []byte
	for len(sent) >= 5 {
		size := min(int(sent[3])<<8|int(sent[4]), len(sent)-5)
		if sent[0] == 22 {
			all = append(all, sent[5:5+size]...)
		}
		sent = sent[5+size:]
	}
	return all
}

// at is a byte of the message, 0 beyond its end.
func at(message []byte, i int) int {
	if i >= len(message) {
		return 0
	}
	return int(message[i])
}

func emptyParts(m []byte) bool {
	session := at(m, 38)
	ciphers := at(m, 39+session)<<8 | at(m, 40+session)
	compression := at(m, 41+session+ciphers)
	return session > 32 || ciphers < 2 || compression == 0
}

func recordOf(sent []byte, match func(kind, major byte) bool) bool {
	for len(sent) >= 5 {
		if match(sent[0], sent[1]) {
			return true
		}
		sent = sent[min(5+(int(sent[3])<<8|int(sent[4])), len(sent)):]
	}
	return false
}

// strictHello are our reasons to refuse what crypto/tls takes, and when they hold.
var strictHello = map[string]func(sent []byte, info *tls.ClientHelloInfo) bool{
	// A name that is no host's; servers have no such name, and compare it with care or not.
	"refused: domain": func(_ []byte, i *tls.ClientHelloInfo) bool { return !isDomain(strings.ToLower(i.ServerName)) },
	// RFC 6066 3: literal addresses are not permitted.
	"refused: address": func(_ []byte, i *tls.ClientHelloInfo) bool {
		return numberAtEnd.MatchString(strings.ToLower(i.ServerName))
	},
	// crypto/tls passes over names of types that nobody has defined.
	"refused: names": func(_ []byte, _ *tls.ClientHelloInfo) bool { return true },
	// crypto/tls leaves it to later to miss ciphers and compression, and never looks at the session's length, nor at an empty ECH.
	"refused: length": func(sent []byte, i *tls.ClientHelloInfo) bool {
		return emptyParts(message(sent)) || bytes.Contains(message(sent), []byte{0xfe, 0x0d, 0, 0})
	},
	// An inner hello belongs inside an outer one.
	"refused: inner": func(sent []byte, _ *tls.ClientHelloInfo) bool {
		return bytes.Contains(message(sent), []byte{0xfe, 0x0d})
	},
	// Bounded, so that little leaves before the verdict.
	"refused: long": func(sent []byte, _ *tls.ClientHelloInfo) bool {
		m := message(sent)
		return at(m, 1)<<16|at(m, 2)<<8|at(m, 3) > 8192
	},
	// RFC 8446 5.1 has nothing behind a hello in its record.
	"refused: trailing": func(_ []byte, _ *tls.ClientHelloInfo) bool { return true },
	// crypto/tls passes over warnings, and does not look at the version of later records.
	"refused: record": func(sent []byte, _ *tls.ClientHelloInfo) bool {
		return recordOf(sent, func(kind, major byte) bool { return kind == 21 || major != 3 })
	},
	"foreign": func(sent []byte, _ *tls.ClientHelloInfo) bool {
		return recordOf(sent, func(kind, major byte) bool { return kind == 21 || major != 3 })
	},
}

// strictTLS are reasons of crypto/tls to refuse a hello whose name we take: it reads more of it than we do. Such a hello
// reaches no server by that name or any other.
var strictTLS = []string{
	"tls: error decoding message",
	"tls: client sent invalid encrypted_client_hello extension",
}

func FuzzHello(f *testing.F) {
	for _, sent := range messages(f, "hello") {
		f.Add(sent)
	}
	f.Fuzz(agreeHello)
}

func agreeHello(t *testing.T, sent []byte) {
	h := firstVerdict(sent)
	info, err := goHello(sent)
	verdict := h.Verdict()
	switch {
	case info != nil && (verdict == "named" || verdict == "nameless"):
		if h.Name() != strings.ToLower(info.ServerName) {
			t.Errorf("%s %q, crypto/tls: %q: %x", verdict, h.Name(), info.ServerName, sent)
		}
	case info != nil:
		if reason := strictHello[verdict]; reason != nil && reason(sent, info) {
			met[verdict] = true
		} else {
			t.Errorf("%s, crypto/tls takes it: %q: %x", verdict, info.ServerName, sent)
		}
	case verdict == "named" || verdict == "nameless":
		for _, reason := range strictTLS {
			if strings.Contains(err.Error(), reason) {
				met[reason] = true
				return
			}
		}
		t.Errorf("%s %q, crypto/tls: %v: %x", verdict, h.Name(), err, sent)
	}
}
