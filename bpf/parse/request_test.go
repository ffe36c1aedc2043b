// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

package parse_test

import (
	"strings"
	"testing"
)

const get, hostLine = "GET / HTTP/1.1\r\n", "Host: www.example.com\r\n"

// What comes of the plain request, and one that may follow.
const (
	gotten = "GET www.example.com:0"
	again  = "GET / HTTP/1.1\r\nHost: b.com\r\n\r\n"
	post   = "POST / HTTP/1.1\r\n" + hostLine
)

var requests = map[string]struct{ sent, want string }{
	"nothing":                     {"", "more"},
	"plain":                       {get + hostLine + "\r\n", gotten},
	"host-last":                   {get + "Accept: */*\r\nhOsT:www.EXAMPLE.com \t \r\n\r\n", gotten},
	"no-space":                    {get + "Host:www.example.com\r\n\r\n", gotten},
	"port":                        {get + "Host: www.example.com:8080\r\n\r\n", "GET www.example.com:8080"},
	"six":                         {get + "Host: [2001:DB8::1]\r\n\r\n", "GET 2001:db8::1:0"},
	"six-and-port":                {get + "Host: [::1]:81\r\n\r\n", "GET ::1:81"},
	"six-with-four":               {get + "Host: [64:ff9b::192.0.2.1]\r\n\r\n", "GET 64:ff9b::c000:201:0"},
	"four":                        {get + "Host: 127.0.0.1:80\r\n\r\n", "GET ::ffff:127.0.0.1:80"},
	"version-1.0":                 {"GET / HTTP/1.0\r\n" + hostLine + "\r\n", gotten},
	"options":                     {"OPTIONS * HTTP/1.1\r\n" + hostLine + "\r\n", "OPTIONS www.example.com:0"},
	"absolute":                    {"GET http://www.example.com/x HTTP/1.1\r\n" + hostLine + "\r\n", gotten},
	"absolute-without-path":       {"GET HTTP://WWW.example.com HTTP/1.1\r\n" + hostLine + "\r\n", gotten},
	"absolute-with-query":         {"GET http://www.example.com?x HTTP/1.1\r\n" + hostLine + "\r\n", gotten},
	"absolute-elsewhere":          {"GET http://evil.com/ HTTP/1.1\r\n" + hostLine + "\r\n", "refused: other host"},
	"absolute-longer":             {"GET http://www.example.com.evil/ HTTP/1.1\r\n" + hostLine + "\r\n", "refused: other host"},
	"absolute-shorter":            {"GET http://www.example/ HTTP/1.1\r\n" + hostLine + "\r\n", "refused: other host"},
	"absolute-other-port":         {"GET http://www.example.com:81/ HTTP/1.1\r\n" + hostLine + "\r\n", "refused: other host"},
	"absolute-with-user":          {"GET http://www.example.com@evil.com/ HTTP/1.1\r\n" + hostLine + "\r\n", "refused: other host"},
	"absolute-without-host":       {"GET http:/// HTTP/1.1\r\n" + hostLine + "\r\n", "refused: other host"},
	"another-scheme":              {"GET https://www.example.com/ HTTP/1.1\r\n" + hostLine + "\r\n", "refused: target"},
	"authority-as-target":         {"GET www.example.com HTTP/1.1\r\n" + hostLine + "\r\n", "refused: target"},
	"star-with-get":               {"GET * HTTP/1.1\r\n" + hostLine + "\r\n", "refused: target"},
	"path-beyond-ascii":           {"GET /\xc3\xa4 HTTP/1.1\r\n" + hostLine + "\r\n", gotten},
	"authority-beyond-ascii":      {"GET http://ex\xe4mple.com/ HTTP/1.1\r\n" + hostLine + "\r\n", "refused: target"},
	"fragment":                    {"GET /#x HTTP/1.1\r\n" + hostLine + "\r\n", "refused: target"},
	"tab-behind-target":           {"GET /\tHTTP/1.1\r\n" + hostLine + "\r\n", "refused: target"},
	"two-spaces":                  {"GET /  HTTP/1.1\r\n" + hostLine + "\r\n", "refused: version"},
	"connect":                     {"CONNECT www.example.com:443 HTTP/1.1\r\n" + hostLine + "\r\n", "refused: method"},
	"connect-in-lower-case":       {"connect www.example.com:443 HTTP/1.1\r\n" + hostLine + "\r\n", "refused: method"},
	"preface-of-http2":            {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "refused: two"},
	"version-2":                   {"GET / HTTP/2.0\r\n" + hostLine + "\r\n", "refused: version"},
	"version-1.2":                 {"GET / HTTP/1.2\r\n" + hostLine + "\r\n", "refused: version"},
	"version-in-lower-case":       {"GET / http/1.1\r\n" + hostLine + "\r\n", "refused: version"},
	"version-too-long":            {"GET / HTTP/1.11\r\n" + hostLine + "\r\n", "refused: version"},
	"http-0.9":                    {"GET /\r\n", "refused: old"},
	"not-http":                    {"\x16\x03\x01\x02\x00", "foreign"},
	"ssh":                         {"SSH-2.0-OpenSSH_9.2p1\r\n", "foreign"},
	"smtp":                        {"EHLO me\r\n", "refused: target"},
	"empty-line-first":            {"\r\n" + get + hostLine + "\r\n", "foreign"},
	"space-first":                 {" " + get + hostLine + "\r\n", "foreign"},
	"method-too-long":             {strings.Repeat("M", 17) + " / HTTP/1.1\r\n", "foreign"},
	"no-host":                     {get + "Accept: */*\r\n\r\n", "refused: no host"},
	"no-host-in-1.0":              {"GET / HTTP/1.0\r\n\r\n", "refused: no host"},
	"two-hosts":                   {get + hostLine + "Host: evil.com\r\n\r\n", "refused: twice"},
	"two-equal-hosts":             {get + hostLine + hostLine + "\r\n", "refused: twice"},
	"host-of-two":                 {get + "Host: www.example.com, evil.com\r\n\r\n", "refused: host"},
	"host-with-space":             {get + "Host: www.example.com evil.com\r\n\r\n", "refused: host"},
	"empty-host":                  {get + "Host:\r\n\r\n", "refused: host"},
	"blank-host":                  {get + "Host: \t\r\n\r\n", "refused: host"},
	"host-with-user":              {get + "Host: me@www.example.com\r\n\r\n", "refused: host"},
	"host-with-path":              {get + "Host: www.example.com/x\r\n\r\n", "refused: host"},
	"host-with-dot-at-end":        {get + "Host: www.example.com.\r\n\r\n", "refused: host"},
	"host-beyond-ascii":           {get + "Host: exämple.com\r\n\r\n", "refused: host"},
	"host-in-percents":            {get + "Host: www%2eexample.com\r\n\r\n", "refused: host"},
	"host-too-long":               {get + "Host: " + strings.Repeat("a.", 127) + "com\r\n\r\n", "refused: host"},
	"port-empty":                  {get + "Host: www.example.com:\r\n\r\n", "refused: host"},
	"port-zero":                   {get + "Host: www.example.com:0\r\n\r\n", "refused: host"},
	"port-too-large":              {get + "Host: www.example.com:65536\r\n\r\n", "refused: host"},
	"port-in-letters":             {get + "Host: www.example.com:http\r\n\r\n", "refused: host"},
	"two-ports":                   {get + "Host: www.example.com:80:81\r\n\r\n", "refused: host"},
	"port-alone":                  {get + "Host: :80\r\n\r\n", "refused: host"},
	"octal":                       {get + "Host: 0177.0.0.1\r\n\r\n", "refused: host"},
	"leading-zero":                {get + "Host: 127.0.0.01\r\n\r\n", "refused: host"},
	"hexadecimal":                 {get + "Host: 0x7f.1\r\n\r\n", "refused: host"},
	"last-hexadecimal":            {get + "Host: 127.0.0.0x1\r\n\r\n", "refused: host"},
	"one-number":                  {get + "Host: 2130706433\r\n\r\n", "refused: host"},
	"three-octets":                {get + "Host: 127.0.1\r\n\r\n", "refused: host"},
	"five-octets":                 {get + "Host: 127.0.0.1.1\r\n\r\n", "refused: host"},
	"octet-too-large":             {get + "Host: 127.0.0.256\r\n\r\n", "refused: host"},
	"name-and-octet":              {get + "Host: a.0.0.1\r\n\r\n", "refused: host"},
	"six-without-brackets":        {get + "Host: ::1\r\n\r\n", "refused: host"},
	"six-with-zone":               {get + "Host: [fe80::1%25eth0]\r\n\r\n", "refused: host"},
	"six-after-one-colon":         {get + "Host: [:1:2:3:4:5:6:7]\r\n\r\n", "refused: host"},
	"six-before-one-colon":        {get + "Host: [1:2:3:4:5:6:7:]\r\n\r\n", "refused: host"},
	"six-with-two-gaps":           {get + "Host: [1::2::3]\r\n\r\n", "refused: host"},
	"six-with-three-colons":       {get + "Host: [1:::3]\r\n\r\n", "refused: host"},
	"six-of-nine":                 {get + "Host: [1:2:3:4:5:6:7:8:9]\r\n\r\n", "refused: host"},
	"six-of-eight-and-a-gap":      {get + "Host: [1:2:3:4::5:6:7:8]\r\n\r\n", "refused: host"},
	"six-of-seven-and-a-gap":      {get + "Host: [1:2:3:4::5:6:7]\r\n\r\n", "GET 1:2:3:4:0:5:6:7:0"},
	"six-of-nothing":              {get + "Host: []\r\n\r\n", "refused: host"},
	"six-of-a-gap":                {get + "Host: [::]\r\n\r\n", "GET :::0"},
	"six-open":                    {get + "Host: [::1\r\n\r\n", "refused: host"},
	"six-and-more":                {get + "Host: [::1]x\r\n\r\n", "refused: host"},
	"six-future":                  {get + "Host: [v1.x]\r\n\r\n", "refused: host"},
	"space-before-colon":          {get + "Host : www.example.com\r\n\r\n", "refused: field"},
	"no-name":                     {get + ": x\r\n\r\n", "refused: field"},
	"no-colon":                    {get + "Host\r\n\r\n", "refused: line"},
	"fold":                        {get + "X: a\r\n b\r\n" + hostLine + "\r\n", "refused: fold"},
	"fold-in-host":                {get + "Host: www.example.com\r\n .evil.com\r\n\r\n", "refused: fold"},
	"fold-first":                  {get + " X: a\r\n" + hostLine + "\r\n", "refused: fold"},
	"lf-alone":                    {"GET / HTTP/1.1\nHost: www.example.com\n\n", "refused: line"},
	"lf-alone-in-fields":          {get + "X: a\nHost: evil.com\r\n" + hostLine + "\r\n", "refused: line"},
	"cr-alone":                    {get + "X: a\rHost: evil.com\r\n" + hostLine + "\r\n", "refused: line"},
	"cr-alone-at-the-end":         {get + hostLine + "\rGET", "refused: line"},
	"nul-in-value":                {get + "X: a\x00b\r\n" + hostLine + "\r\n", "refused: field"},
	"beyond-ascii-in-value":       {get + "X: \xe4\r\n" + hostLine + "\r\n", gotten},
	"head-too-long":               {get + hostLine + "X: " + strings.Repeat("a", 16384), "refused: long"},
	"like-host":                   {get + "Hosts: evil.com\r\nX-Host: evil.com\r\n" + hostLine + "\r\n", gotten},
	"name-of-25-bytes":            {get + strings.Repeat("x", 25) + ": evil.com\r\n" + hostLine + "\r\n", gotten},
	"two-requests":                {get + hostLine + "\r\n" + again, gotten + ", GET b.com:0"},
	"second-without-host":         {get + hostLine + "\r\n" + get + "\r\n", gotten + ", refused: no host"},
	"second-is-nothing":           {get + hostLine + "\r\n" + "\x16\x03", gotten + ", refused: field"},
	"body":                        {post + "Content-Length: 5\r\n\r\nhello" + again, "POST www.example.com:0, GET b.com:0"},
	"body-like-a-request":         {post + "Content-Length: 33\r\n\r\nGET / HTTP/1.1\r\nHost: evil.com\r\n\r\n" + again, "POST www.example.com:0, refused: field"},
	"body-that-is-a-request":      {post + "Content-Length: 34\r\n\r\nGET / HTTP/1.1\r\nHost: evil.com\r\n\r\n" + again, "POST www.example.com:0, GET b.com:0"},
	"body-of-nothing":             {post + "Content-Length: 0\r\n\r\n" + again, "POST www.example.com:0, GET b.com:0"},
	"body-not-all-there":          {post + "Content-Length: 99\r\n\r\nhello", "POST www.example.com:0, more"},
	"length-twice":                {post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "refused: twice"},
	"length-of-two":               {post + "Content-Length: 5, 5\r\n\r\n", "refused: length"},
	"length-with-sign":            {post + "Content-Length: +5\r\n\r\n", "refused: length"},
	"length-hexadecimal":          {post + "Content-Length: 0x5\r\n\r\n", "refused: length"},
	"length-with-space":           {post + "Content-Length: 5 5\r\n\r\n", "refused: length"},
	"length-empty":                {post + "Content-Length: \r\n\r\n", "refused: length"},
	"length-too-long":             {post + "Content-Length: 1234567890123456789\r\n\r\n", "refused: length"},
	"chunked":                     {post + "Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + again, "POST www.example.com:0, GET b.com:0"},
	"chunks":                      {post + "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n00a\r\n0123456789\r\n0\r\nX: trailer\r\n\r\n" + again, "POST www.example.com:0, GET b.com:0"},
	"chunk-without-size":          {post + "Transfer-Encoding: chunked\r\n\r\n\r\nhello", "POST www.example.com:0, refused: chunk"},
	"chunk-with-space":            {post + "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello", "POST www.example.com:0, refused: chunk"},
	"chunk-with-lf":               {post + "Transfer-Encoding: chunked\r\n\r\n5\nhello", "POST www.example.com:0, refused: chunk"},
	"chunk-with-lf-in-extension":  {post + "Transfer-Encoding: chunked\r\n\r\n5;\nxx\r\nhello", "POST www.example.com:0, refused: chunk"},
	"chunk-too-large":             {post + "Transfer-Encoding: chunked\r\n\r\n1234567890123456\r\n", "POST www.example.com:0, refused: chunk"},
	"chunk-longer-than-it-says":   {post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n", "POST www.example.com:0, refused: chunk"},
	"host-among-trailers":         {post + "Transfer-Encoding: chunked\r\n\r\n0\r\nHost: evil.com\r\n\r\n", "POST www.example.com:0, refused: twice"},
	"chunked-and-length":          {post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "refused: coding"},
	"length-and-chunked":          {post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "refused: coding"},
	"chunked-in-1.0":              {"POST / HTTP/1.0\r\n" + hostLine + "Transfer-Encoding: chunked\r\n\r\n", "refused: coding"},
	"chunked-twice":               {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "refused: twice"},
	"another-coding":              {post + "Transfer-Encoding: gzip, chunked\r\n\r\n", "refused: coding"},
	"coding-with-semicolon":       {post + "Transfer-Encoding: chunked;x\r\n\r\n", "refused: coding"},
	"coding-empty":                {post + "Transfer-Encoding:\r\n\r\n", "refused: coding"},
	"coding-with-vertical-tab":    {post + "Transfer-Encoding: \x0bchunked\r\n\r\n", "refused: field"},
	"upgrade":                     {get + hostLine + "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello", gotten + ", blind"},
	"upgrade-and-another-request": {get + hostLine + "Upgrade: h2c\r\n\r\n" + again, gotten + ", blind"},
}

func TestRequest(t *testing.T) {
	for name, tc := range requests {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, p parser) { cutRequest(t, p, []byte(tc.sent), tc.want) })
		})
	}
}

func cutRequest(t *testing.T, p parser, sent []byte, want string) {
	t.Helper()
	if got := must(t)(tellRequests(p, whole(sent))); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for at := 1; at < min(len(sent), 300); at++ {
		if got := must(t)(tellRequests(p, pieces(sent, at))); got != want {
			t.Fatalf("cut at %d: %s, want %s", at, got, want)
		}
	}
}
