// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

package parse_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// Pieces of a ClientHello (RFC 8446 4.1.2), lengths included.

func vector8(data []byte) []byte { return append([]byte{byte(len(data))}, data...) }

func vector16(data ...[]byte) []byte {
	all := slices.Concat(data...)
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(all))), all...)
}

func extension(kind uint16, data ...[]byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, kind), vector16(data...)...)
}

func hostName(kind byte, name string) []byte { return append([]byte{kind}, vector16([]byte(name))...) }

func serverName(names ...[]byte) []byte { return extension(0, vector16(names...)) }

func handshake(kind byte, body []byte) []byte {
	return append([]byte{kind, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body...)
}

// head is all of a hello before its extensions.
func head(session, ciphers, compression int) []byte {
	body := append([]byte{3, 3}, bytes.Repeat([]byte{7}, 32)...)
	body = append(body, vector8(make([]byte, session))...)
	body = append(body, vector16(make([]byte, ciphers))...)
	return append(body, vector8(make([]byte, compression))...)
}

func hello(extensions ...[]byte) []byte {
	return handshake(1, append(head(32, 4, 1), vector16(extensions...)...))
}

func record(kind byte, data []byte) []byte {
	return slices.Concat([]byte{kind, 3, 1}, vector16(data))
}

func sent(message []byte) []byte { return record(22, message) }

// records is a message in records of that many bytes.
func records(message []byte, size int) []byte {
	var all []byte
	for part := range slices.Chunk(message, size) {
		all = append(all, sent(part)...)
	}
	return all
}

var (
	www      = serverName(hostName(0, "www.example.com"))
	versions = extension(43, []byte{2, 3, 4})
	grease   = extension(0x3a3a)
	keyShare = extension(51, vector16(slices.Concat([]byte{0x11, 0xec}, vector16(make([]byte, 1216)))))
	cipher   = record(20, []byte{1})
)

// long is a name of 253 bytes, which is as long as one may be.
var long = strings.Repeat("a23456789.", 25) + "com"

var hellos = map[string]struct {
	sent []byte
	want string
}{
	"nothing":                        {nil, "more"},
	"named":                          {sent(hello(www)), "named www.example.com second, over"},
	"named-with-tls13":               {sent(hello(www, versions)), "named www.example.com second"},
	"grease-around":                  {sent(hello(grease, www, extension(0xdada, []byte{0}))), "named www.example.com second, over"},
	"post-quantum":                   {sent(hello(keyShare, www)), "named www.example.com second, over"},
	"name-behind-8000-bytes":         {sent(hello(extension(21, make([]byte, 8000)), www)), "named www.example.com second, over"},
	"larger-than-any":                {sent(hello(extension(21, make([]byte, 8200)), www)), "refused: long, over"},
	"no-extensions":                  {sent(handshake(1, head(0, 2, 1))), "nameless second, over"},
	"empty-extensions":               {sent(hello()), "nameless second, over"},
	"no-name":                        {sent(hello(versions)), "nameless second"},
	"upper-case":                     {sent(hello(serverName(hostName(0, "WWW.Example.COM")))), "named www.example.com second, over"},
	"longest-name":                   {sent(hello(serverName(hostName(0, long)))), "named " + long + " second, over"},
	"too-long-name":                  {sent(hello(serverName(hostName(0, "b"+long)))), "refused: domain, over"},
	"too-long-label":                 {sent(hello(serverName(hostName(0, strings.Repeat("a", 64)+".com")))), "refused: domain, over"},
	"dot-at-the-end":                 {sent(hello(serverName(hostName(0, "www.example.com.")))), "refused: domain, over"},
	"two-dots":                       {sent(hello(serverName(hostName(0, "www..com")))), "refused: domain, over"},
	"nul-in-the-name":                {sent(hello(serverName(hostName(0, "www.example.com\x00.evil")))), "refused: domain, over"},
	"beyond-ascii":                   {sent(hello(serverName(hostName(0, "exämple.com")))), "refused: domain, over"},
	"four-octets":                    {sent(hello(serverName(hostName(0, "127.0.0.1")))), "refused: address, over"},
	"one-number":                     {sent(hello(serverName(hostName(0, "2130706433")))), "refused: address, over"},
	"hexadecimal":                    {sent(hello(serverName(hostName(0, "127.0.0.0X1")))), "refused: address, over"},
	"six":                            {sent(hello(serverName(hostName(0, "::1")))), "refused: domain, over"},
	"number-in-front":                {sent(hello(serverName(hostName(0, "1.2.3.4.com")))), "named 1.2.3.4.com second, over"},
	"two-names":                      {sent(hello(serverName(hostName(0, "a.com"), hostName(0, "b.com")))), "refused: names, over"},
	"name-of-another-type":           {sent(hello(serverName(hostName(1, "a.com")))), "refused: names, over"},
	"two-types":                      {sent(hello(serverName(hostName(0, "a.com"), hostName(1, "b.com")))), "refused: names, over"},
	"empty-name":                     {sent(hello(serverName(hostName(0, "")))), "refused: names, over"},
	"empty-list":                     {sent(hello(serverName())), "refused: names, over"},
	"empty-server-name":              {sent(hello(extension(0))), "refused: names, over"},
	"two-server-names":               {sent(hello(www, www)), "refused: twice, over"},
	"two-different-server-names":     {sent(hello(www, serverName(hostName(0, "evil.com")))), "refused: twice, over"},
	"two-others":                     {sent(hello(versions, www, versions)), "refused: twice, over"},
	"ech-outer":                      {sent(hello(www, extension(0xfe0d, []byte{0, 1, 2}))), "named www.example.com ech second, over"},
	"ech-inner":                      {sent(hello(www, extension(0xfe0d, []byte{1}))), "refused: inner ech, over"},
	"ech-empty":                      {sent(hello(www, extension(0xfe0d))), "refused: length, over"},
	"ech-twice":                      {sent(hello(extension(0xfe0d, []byte{0}), extension(0xfe0d, []byte{0}))), "refused: twice ech, over"},
	"early-data":                     {sent(hello(www, versions, extension(42))), "named www.example.com early second"},
	"list-longer-than-extension":     {sent(hello(extension(0, []byte{0, 200}, hostName(0, "a.com")))), "refused: length, over"},
	"name-longer-than-list":          {sent(hello(extension(0, vector16([]byte{0, 0, 99}, []byte("a.com"))))), "refused: length, over"},
	"extension-longer-than-hello":    {sent(hello([]byte{0, 21, 0xff, 0xff})), "refused: length, over"},
	"extensions-longer-than-hello":   {sent(handshake(1, append(head(0, 2, 1), 0xff, 0xff))), "refused: length, over"},
	"extensions-shorter-than-hello":  {sent(handshake(1, append(append(head(0, 2, 1), vector16(www)...), 0))), "refused: length, over"},
	"session-too-long":               {sent(handshake(1, append(head(33, 2, 1), vector16(www)...))), "refused: length, over"},
	"no-ciphers":                     {sent(handshake(1, append(head(0, 0, 1), vector16(www)...))), "refused: length, over"},
	"odd-ciphers":                    {sent(handshake(1, append(head(0, 3, 1), vector16(www)...))), "refused: length, over"},
	"no-compression":                 {sent(handshake(1, append(head(0, 2, 0), vector16(www)...))), "refused: length, over"},
	"hello-shorter-than-its-version": {sent(handshake(1, []byte{3})), "refused: length, over"},
	"in-records-of-one-byte":         {records(hello(keyShare, www), 1), "named www.example.com second, over"},
	"in-records-of-seven-bytes":      {records(hello(keyShare, www), 7), "named www.example.com second, over"},
	"empty-record":                   {slices.Concat(sent(nil), sent(hello(www))), "refused: record, over"},
	"empty-record-in-between":        {slices.Concat(sent(hello(www)[:9]), sent(nil), sent(hello(www)[9:])), "refused: record, over"},
	"alert-in-between":               {slices.Concat(sent(hello(www)[:9]), record(21, []byte{1, 0}), sent(hello(www)[9:])), "refused: record, over"},
	"data-in-between":                {slices.Concat(sent(hello(www)[:9]), record(23, []byte{1, 0})), "refused: record, over"},
	"record-too-long":                {[]byte{22, 3, 1, 0x40, 0x01}, "refused: record, over"},
	"version-changes":                {slices.Concat(sent(hello(www)[:9]), []byte{22, 2, 0, 0, 9}), "refused: record, over"},
	"something-behind":               {sent(append(hello(www), 0)), "refused: trailing, over"},
	"two-in-one-record":              {sent(append(hello(www), hello(www)...)), "refused: trailing, over"},
	"server-hello":                   {sent(handshake(2, head(0, 2, 1))), "refused: other, over"},
	"http":                           {[]byte("GET / HTTP/1.1\r\n"), "foreign, over"},
	"ssh":                            {[]byte("SSH-2.0-OpenSSH_9.2\r\n"), "foreign, over"},
	"sslv2":                          {[]byte{0x80, 0x2e, 1, 3, 1}, "foreign, over"},
	"dtls":                           {[]byte{22, 0xfe, 0xfd, 0, 0}, "foreign, over"},
	"alert-first":                    {record(21, []byte{1, 0}), "foreign, over"},
	"data-first":                     {record(23, []byte{1, 0}), "foreign, over"},
}

func TestHello(t *testing.T) {
	for name, tc := range hellos {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, p parser) { cutHello(t, p, tc.sent, tc.want) })
		})
	}
}

// TestSecondHello: what a server takes after a HelloRetryRequest is the first one's equal, or refused.
func TestSecondHello(t *testing.T) {
	first := sent(hello(www, versions))
	evil := serverName(hostName(0, "evil.example.com"))
	const named, over = "named www.example.com second", "named www.example.com second, over"
	early := sent(hello(www, versions, extension(42)))
	finished := func(size int, begin ...byte) []byte {
		return sent(append(begin, bytes.Repeat([]byte{0xaa}, size-len(begin))...))
	}
	for name, tc := range map[string]struct {
		sent [][]byte
		want string
	}{
		"same":                       {[][]byte{first, cipher, sent(hello(www, keyShare, versions))}, named},
		"same-and-data":              {[][]byte{first, cipher, first, record(23, []byte("sealed"))}, over},
		"other-name":                 {[][]byte{first, sent(hello(evil, versions))}, "refused: changed second, over"},
		"other-name-behind-cipher":   {[][]byte{first, cipher, cipher, sent(hello(evil, versions))}, "refused: changed second, over"},
		"other-name-behind-alerts":   {[][]byte{first, record(21, []byte{1, 90}), sent(hello(evil, versions))}, "refused: changed second, over"},
		"other-name-as-third":        {[][]byte{first, first, sent(hello(evil, versions))}, "refused: changed second, over"},
		"shorter-name":               {[][]byte{first, sent(hello(serverName(hostName(0, "www.example"))))}, "refused: changed second, over"},
		"longer-name":                {[][]byte{first, sent(hello(serverName(hostName(0, "www.example.com.evil"))))}, "refused: changed second, over"},
		"other-case":                 {[][]byte{first, sent(hello(serverName(hostName(0, "WWW.example.COM")), versions))}, named},
		"no-name":                    {[][]byte{first, sent(hello(versions))}, "refused: changed second, over"},
		"name-after-none":            {[][]byte{sent(hello(versions)), sent(hello(www))}, "refused: changed second, over"},
		"two-names":                  {[][]byte{first, sent(hello(www, evil))}, "refused: twice second, over"},
		"other-name-in-small-pieces": {[][]byte{first, cipher, records(hello(evil, versions), 3)}, "refused: changed second, over"},
		"early-data-in-between":      {[][]byte{early, record(23, []byte("early")), cipher, sent(hello(evil))}, "refused: changed early second, over"},
		"early-data-inside":          {[][]byte{early, sent(hello(evil)[:40]), record(23, []byte("early")), sent(hello(evil)[40:])}, "refused: record early second, over"},
		"early-data-and-no-hello":    {[][]byte{early, finished(64, 1, 0xff), record(23, []byte("early"))}, "refused: long early second, over"},
		"another-content":            {[][]byte{first, record(24, []byte{1, 0, 0}), sent(hello(evil))}, "refused: record second, over"},
		"data-inside":                {[][]byte{first, sent(hello(evil)[:40]), record(23, []byte("sealed")), sent(hello(evil)[40:])}, over},
		"data-without-early-data":    {[][]byte{first, record(23, []byte("sealed")), sent(hello(evil))}, over},
		"tls12-has-none":             {[][]byte{sent(hello(www)), sent(hello(evil))}, over},
		"handshake-goes-on":          {[][]byte{first, sent(handshake(16, []byte("key exchange")))}, over},
		"finished-of-a-resumed-one":  {[][]byte{first, cipher, finished(64, 0x77), record(23, []byte("sealed"))}, over},
		"finished-like-a-hello":      {[][]byte{first, cipher, finished(64, 1, 0xff), record(23, []byte("sealed"))}, over},
		"finished-like-a-small-one":  {[][]byte{first, cipher, finished(64, 1, 0, 0x11, 0, 3, 3), record(23, []byte("x"))}, over},
		"huge-hello":                 {[][]byte{first, cipher, sent(hello(extension(21, make([]byte, 9000)), evil))}, "refused: long second, over"},
		"huge-hello-in-small-pieces": {[][]byte{first, cipher, records(hello(extension(21, make([]byte, 9000)), evil), 64)}, "refused: length second, over"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, p parser) { cutHello(t, p, slices.Concat(tc.sent...), tc.want) })
		})
	}
}

// cutHello wants the same answer for the whole, for its bytes, and for a cut at every place of a short one.
func cutHello(t *testing.T, p parser, sent []byte, want string) {
	t.Helper()
	if got := must(t)(tellHello(p, whole(sent))); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := must(t)(tellHello(p, everyByte(sent))); len(sent) > 0 && got != want {
		t.Errorf("byte by byte: %s, want %s", got, want)
	}
	for at := 1; at < min(len(sent), 200); at++ {
		if got := must(t)(tellHello(p, pieces(sent, at))); got != want {
			t.Fatalf("cut at %d: %s, want %s", at, got, want)
		}
	}
}
