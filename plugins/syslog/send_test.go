// SPDX-License-Identifier: Apache-2.0

package main

// What a server may do to a batch, and whom it and the plugin believe. That a real one reads what is sent is testdata/backends'.

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/plugins/api"
)

// pad makes a batch of twenty megabytes: the kernel does not take that in for somebody who does not read.
var pad = strings.Repeat("x", 40_000)

func batch() (events []api.Event) {
	for n := range 512 {
		events = append(events, api.Event{ID: fmt.Sprint(n), Time: time.Unix(1790000000, 123456789), Kind: "access", Severity: "medium",
			OCSF: []byte(`{"n":` + strconv.Itoa(n) + `,"text":"` + pad + `"}`)})
	}
	return events
}

func listen(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			go serve(c)
		}
	}()
	return l.Addr().String()
}

func configured(t *testing.T, settings map[string]any) *sender {
	t.Helper()
	s := &sender{}
	v := api.ValuesOf(settings)
	v.Host = api.Host{Name: "ws 1", Version: `1"2]`}
	if err := s.configure(v); err != nil {
		t.Fatal(err)
	}
	return s
}

// How it is told that a server went away amid a batch, and that it takes too long.
const (
	cutOff  = "reset|broken pipe|not connected|before it had read all"
	tooLate = "deadline|timeout"
)

// A batch has arrived when the server has read to its end and closed; whatever else becomes of it, it is sent again.
func TestBatchHasArrivedOrIsSentAgain(t *testing.T) {
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	for name, tc := range map[string]struct {
		serve func(net.Conn)
		says  string // "" where it arrived
	}{
		"it reads all": {func(c net.Conn) { _, _ = io.Copy(io.Discard, c); c.Close() }, ""},
		"it dies amid": {func(c net.Conn) {
			_, _ = io.CopyN(io.Discard, c, 100_000)
			_ = c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}, cutOff},
		"it closes with something unread": {func(c net.Conn) { _, _ = io.CopyN(io.Discard, c, 100_000); c.Close() }, cutOff},
		"it hangs":                        {func(c net.Conn) { <-end; c.Close() }, tooLate},
		"it reads all and never closes":   {func(c net.Conn) { _, _ = io.Copy(io.Discard, c); <-end; c.Close() }, tooLate},
		"it ends its side first":          {func(c net.Conn) { _ = c.(*net.TCPConn).CloseWrite(); _, _ = io.Copy(io.Discard, c); c.Close() }, "before it had read all"},
		"it answers":                      {func(c net.Conn) { _, _ = io.Copy(io.Discard, c); _, _ = c.Write([]byte("no")); c.Close() }, "which no syslog server does"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := configured(t, map[string]any{"address": listen(t, tc.serve), "tls": false})
			wait, events := time.Minute, batch()
			if tc.says == tooLate {
				wait = 3 * time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			defer cancel()
			err := s.send(ctx, events)
			if (tc.says == "") != (err == nil) || err != nil && !regexp.MustCompile(tc.says).MatchString(err.Error()) {
				t.Errorf("%v, want %q", err, tc.says)
			}
		})
	}
}

// Each message is counted before it, as RFC 6587 has it, and is what RFC 5424 says that it is.
func TestMessagesAreFramedAndFormed(t *testing.T) {
	got := make(chan []byte, 1)
	s := configured(t, map[string]any{"tls": false, "facility": "local3", "address": listen(t, func(c net.Conn) {
		raw, _ := io.ReadAll(c)
		got <- raw
		c.Close()
	})})
	events := batch()[:3]
	if err := s.send(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	rest := <-got
	want := fmt.Sprintf(`<156>1 2026-09-21T14:13:20.123456Z ws1 reeve %d access [origin software="Reeve" swVersion="1\"2\]"] `, os.Getpid())
	for i := range events {
		count, after, _ := bytes.Cut(rest, []byte(" "))
		n, err := strconv.Atoi(string(count))
		if err != nil || n > len(after) {
			t.Fatalf("message %d begins %.40q", i, rest)
		}
		if m := string(after[:n]); m != want+string(events[i].OCSF) {
			t.Errorf("got  %.150s\nwant %s…", m, want)
		}
		rest = after[n:]
	}
	if len(rest) > 0 {
		t.Errorf("%d octets more", len(rest))
	}
}

// issued is a certificate of its own authority, as files and as a pair.
type issued struct {
	cert, key string
	pair      tls.Certificate
	pool      *x509.CertPool
}

func issue(t *testing.T, name string) issued {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IsCA: true, BasicConstraintsValid: true, DNSNames: []string{name},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	i := issued{cert: filepath.Join(t.TempDir(), name), key: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), pool: x509.NewCertPool()}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(i.cert, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if i.pair, err = tls.X509KeyPair(text, []byte(i.key)); err != nil || !i.pool.AppendCertsFromPEM(text) {
		t.Fatal(err)
	}
	return i
}

// turnedAway is how it is told that a server wants another certificate: it says so, and closes, while the batch is on its way.
const turnedAway = "certificate|reset|broken pipe"

// Nothing is sent to a server that is not the one that is meant, and one that wants to know who sends is shown a certificate.
func TestBothEndsAreKnown(t *testing.T) {
	server, other, client := issue(t, "siem.example"), issue(t, "other.example"), issue(t, "ws1.example")
	read := make(chan int64, 10)
	address := listen(t, func(c net.Conn) {
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{server.pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: client.pool})
		n, _ := io.Copy(io.Discard, s)
		read <- n
		s.Close()
	})
	for name, tc := range map[string]struct {
		name, ca string
		shows    *issued
		says     string // "" where it arrives
	}{
		"each other's":        {"siem.example", server.cert, &client, ""},
		"shows nothing":       {"siem.example", server.cert, nil, turnedAway},
		"shows a stranger's":  {"siem.example", server.cert, &other, turnedAway},
		"of another name":     {"logs.example", server.cert, &client, "not logs.example"},
		"of nobody we know":   {"siem.example", other.cert, &client, "unknown authority"},
		"the address' own":    {"", server.cert, &client, "127.0.0.1"},
		"of the system's own": {"siem.example", "", &client, "unknown authority"},
	} {
		settings := map[string]any{"address": address, "ca": tc.ca}
		if tc.name != "" {
			settings["server_name"] = tc.name
		}
		if tc.shows != nil {
			settings["certificate"], settings["key"] = tc.shows.cert, tc.shows.key
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		err := configured(t, settings).send(ctx, batch()[:1])
		cancel()
		if (tc.says == "") != (err == nil) || err != nil && !regexp.MustCompile(tc.says).MatchString(err.Error()) {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
		if n := <-read; (n > 0) != (tc.says == "") {
			t.Errorf("%s: the server read %d octets", name, n)
		}
	}
}
