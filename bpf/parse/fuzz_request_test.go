// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

//go:build cgo

package parse_test

// HTTP/1 requests against net/http, one after the other of a connection, so that both agree where each one ends. As with
// hellos, a difference without a reason in the tables is a bug.

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/bpf/parse"
	"github.com/reeve-sensor/reeve/bpf/parse/native"
)

// goRequest is what net/http makes of one request, and what it was made from.
type goRequest struct {
	*http.Request
	raw  string // with the body
	body error  // of reading it
}

// goRequests are those of a connection, up to the first that net/http refuses.
func goRequests(sent []byte) (all []goRequest, refused error) {
	source := bytes.NewReader(sent)
	reader := bufio.NewReader(source)
	left := func() int { return source.Len() + reader.Buffered() }
	for len(all) < 100 {
		before := left()
		request, err := http.ReadRequest(reader)
		if err != nil {
			return all, err
		}
		_, err = io.Copy(io.Discard, request.Body)
		all = append(all, goRequest{request, string(sent[len(sent)-before : len(sent)-left()]), err})
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// ourRequest is one head, and how it was judged.
type ourRequest struct{ verdict, method, host string }

func ourRequests(sent []byte) []ourRequest {
	var all []ourRequest
	r := new(parse.Request)
	_, _ = native.User{}.Request(r, nil, true)
	for len(sent) > 0 && len(all) < 100 {
		taken, _ := native.User{}.Request(r, sent, false)
		sent = sent[min(taken, len(sent)):]
		if r.Verdict() != "more" {
			all = append(all, ourRequest{r.Verdict(), r.Method(), fmt.Sprintf("%s:%d", r.Host(), r.Port())})
		}
	}
	return all
}

// hostOf is a Host as we spell it, "" where it is none for us.
func hostOf(host string) string {
	host = strings.ToLower(strings.Trim(host, " \t"))
	port := 0
	if name, number, ok := cutPort(host); ok {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n == 0 || number[0] == '0' {
			return ""
		}
		host, port = name, int(n)
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		address, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || !strings.HasSuffix(inner, "]") || !address.Is6() || address.Zone() != "" {
			return ""
		}
		return fmt.Sprintf("%s:%d", address, port)
	}
	if address, err := netip.ParseAddr(host); err == nil && address.Is4() {
		return fmt.Sprintf("%s:%d", netip.AddrFrom16(address.As16()), port)
	}
	if !isDomain(host) || numberAtEnd.MatchString(host) {
		return ""
	}
	return fmt.Sprintf("%s:%d", host, port)
}

var portAtEnd = regexp.MustCompile(`^(.*):([0-9]*)$`)

func cutPort(host string) (name, port string, ok bool) {
	if strings.HasSuffix(host, "]") {
		return host, "", false
	}
	m := portAtEnd.FindStringSubmatch(host)
	if m == nil {
		return host, "", false
	}
	return m[1], m[2], true
}

// head is the part of a request before its body.
func (r goRequest) head() string {
	if before, _, ok := strings.Cut(r.raw, "\r\n\r\n"); ok {
		return before
	}
	return r.raw
}

var hostField = regexp.MustCompile(`(?im)^host:([^\r\n]*)`)

// host is that of the field, which net/http leaves out where the target has one.
func (r goRequest) host() string {
	if m := hostField.FindStringSubmatch(r.head()); m != nil {
		return hostOf(m[1])
	}
	return ""
}

func (r goRequest) fields(name string) int {
	return len(regexp.MustCompile(`(?im)^`+name+`[ \t]*:`).FindAllString(r.raw, -1))
}

var alone = regexp.MustCompile(`(^|[^\r])\n|\r([^\n]|$)`)

var (
	control     = regexp.MustCompile(`[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]`)
	spaceInName = regexp.MustCompile(`\n[^:\n]* [^:\n]*:`)
)

// strictRequest are our reasons to refuse what net/http takes, and when they hold.
var strictRequest = map[string]func(r goRequest) bool{
	// RFC 9112 2.2 lets servers take a bare LF; others would see other lines.
	"refused: line": func(r goRequest) bool { return alone.MatchString(r.raw) },
	// RFC 9112 5.2: servers may take a folded line as one.
	"refused: fold": func(r goRequest) bool { return regexp.MustCompile(`\n[ \t]`).MatchString(r.raw) },
	// net/http lets bytes pass that RFC 9110 5 has in no value, and spaces in names.
	"refused: field": func(r goRequest) bool { return control.MatchString(r.raw) || spaceInName.MatchString(r.raw) },
	// For http.Server to refuse, not for ReadRequest.
	"refused: no host": func(r goRequest) bool { return !hostField.MatchString(r.head()) },
	"refused: host":    func(r goRequest) bool { return r.host() == "" },
	// net/http takes the first Host, equal lengths, and trailers of any name.
	"refused: twice": func(r goRequest) bool {
		return r.fields("host") > 1 || r.fields("content-length") > 1 || r.fields("transfer-encoding") > 1
	},
	// RFC 9112 3.2.2 has servers ignore Host then; net/http does.
	"refused: other host": func(r goRequest) bool { return strings.HasPrefix(strings.ToLower(r.RequestURI), "http://") },
	"refused: method":     func(r goRequest) bool { return strings.EqualFold(r.Method, "CONNECT") },
	"refused: two":        func(r goRequest) bool { return r.Method == "PRI" },
	// RFC 9112 3.2 has four forms, without fragment and white space; another scheme is not for this server.
	"refused: target": func(r goRequest) bool {
		u := r.RequestURI
		return strings.ContainsAny(u, "#\t") || !strings.HasPrefix(u, "/") || control.MatchString(u)
	},
	"refused: version": func(r goRequest) bool { return r.Proto != "HTTP/1.0" && r.Proto != "HTTP/1.1" },
	// Twice eight digits are enough for every body.
	"refused: length": func(r goRequest) bool { return regexp.MustCompile(`(?i)length:[ \t]*[0-9]{19}`).MatchString(r.raw) },
	// net/http prefers the coding over the length, and ignores it in 1.0.
	"refused: coding": func(r goRequest) bool {
		return r.fields("transfer-encoding") > 0 && (r.fields("content-length") > 0 || r.Proto == "HTTP/1.0")
	},
	"refused: long": func(r goRequest) bool { return len(r.head()) > 16000 },
	// A method of more than 16 bytes, which nobody has registered.
	"foreign": func(r goRequest) bool { return len(r.Method) > 16 },
}

// strictHTTP are reasons of net/http to refuse a request whose host we take: its parser reads more of a target, and
// of fields that do not matter here. Such a request reaches nobody by another name.
var strictHTTP = []string{
	"parse \"", // by net/url
}

func FuzzRequest(f *testing.F) {
	for _, sent := range messages(f, "request") {
		f.Add(sent)
	}
	for _, sent := range smallRequests() {
		f.Add(sent)
	}
	f.Fuzz(agreeRequest)
}

func agreeRequest(t *testing.T, sent []byte) {
	theirs, refused := goRequests(sent)
	ours := ourRequests(sent)
	for i, our := range ours {
		if our.verdict == "blind" {
			return
		}
		if i == len(theirs) {
			refusedByHTTP(t, our, refused, sent)
			return
		}
		their := theirs[i]
		if our.verdict != "head" {
			if reason := strictRequest[our.verdict]; reason != nil && reason(their) {
				met[our.verdict] = true
			} else if !chunkFault(our.verdict, theirs, i) {
				t.Errorf("%s, net/http takes it as %d: %q", our.verdict, i, sent)
			}
			return
		}
		if our.method != their.Method || our.host != their.host() || our.host != hostOf(their.Host) {
			t.Errorf("%d: %s %s, net/http: %s %s: %q", i, our.method, our.host, their.Method, their.Host, sent)
			return
		}
	}
	if len(theirs) > len(ours) {
		t.Errorf("net/http takes %d, we have %d: %q", len(theirs), len(ours), sent)
	}
}

// chunkFault: a fault in a body is told where the next request would be; net/http has told it with the one before, or
// is less strict: bare LF, white space behind a size, trailers.
func chunkFault(verdict string, theirs []goRequest, i int) bool {
	return i > 0 && theirs[i-1].fields("transfer-encoding") > 0 && strings.HasPrefix(verdict, "refused: ") &&
		(verdict == "refused: chunk" || theirs[i-1].Trailer != nil || alone.MatchString(theirs[i-1].raw))
}

func refusedByHTTP(t *testing.T, our ourRequest, refused error, sent []byte) {
	if our.verdict != "head" || errors.Is(refused, io.EOF) {
		return
	}
	for _, reason := range strictHTTP {
		if strings.Contains(refused.Error(), reason) {
			met[reason] = true
			return
		}
	}
	t.Errorf("%s %s, net/http: %v: %q", our.verdict, our.host, refused, sent)
}

func smallRequests() [][]byte {
	var all [][]byte
	for _, text := range []string{
		get + hostLine + "\r\n", get + hostLine + "\r\n" + get + "Host: [2001:db8::1]:81\r\n\r\n",
		"GET http://www.example.com/x HTTP/1.1\r\n" + hostLine + "\r\n",
		"POST / HTTP/1.1\r\n" + hostLine + "Content-Length: 5\r\n\r\nhello" + get + hostLine + "\r\n",
		"POST / HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + get + hostLine + "\r\n",
		"POST / HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n" + get + hostLine + "\r\n",
		"GET / HTTP/1.0\r\n" + hostLine + "Content-Length: 0\r\n\r\n", get + "Host: 127.0.0.1:8080\r\nAccept: */*\r\n\r\n",
		get + hostLine + "Host: b.com\r\n\r\n", "POST / HTTP/1.1\r\n" + hostLine + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
		get + hostLine + "X: " + strings.Repeat("a", 16384) + "\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\n" + hostLine + "\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"CONNECT www.example.com:80 HTTP/1.1\r\n" + hostLine + "\r\n",
		"GET /%zz HTTP/1.1\r\n" + hostLine + "\r\n",
		"VERSION-CONTROLLED / HTTP/1.1\r\n" + hostLine + "\r\n",
		"POST / HTTP/1.0\r\n" + hostLine + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
		"POST / HTTP/1.1\r\n" + hostLine + "Content-Length: 000000000000000000005\r\n\r\nhello",
	} {
		all = append(all, []byte(text))
	}
	return all
}
