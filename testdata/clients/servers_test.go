// SPDX-License-Identifier: Apache-2.0

package clients

// The servers of the network: HTTP, TLS, an echo and a shell at each address. They remember what reached them.

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// content is what everything that is served says.
const content = "served-6b1d0f"

// visits are what reached the servers: connections, names of TLS, hosts of HTTP.
type visits struct {
	mu   sync.Mutex
	text []string
}

func (v *visits) add(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.text = append(v.text, fmt.Sprintf(format, args...))
}

// lines are those with all the words.
func (v *visits) lines(words ...string) (found []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, line := range v.text {
		if hasAll(line, words) {
			found = append(found, line)
		}
	}
	return found
}

// authority issues certificates for whatever name a hello asks for.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// openAuthority reads what newAuthority has made.
func openAuthority(t *testing.T, folder string) *authority {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, authorityCert), filepath.Join(folder, authorityKey))
	must(t, err)
	return &authority{pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)}
}

// issue serves with one key for all: whose it is matters to nobody here.
func (a *authority) issue(name string) (*tls.Certificate, error) {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, a.key.Public(), a.key)
	return &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: a.key}, err
}

// counted tells of each connection.
type counted struct {
	net.Listener
	v *visits
}

func (c counted) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.v.add("connection at %s", conn.LocalAddr())
	}
	return conn, err
}

// serve answers HTTP and HTTPS at an address.
func serve(t *testing.T, v *visits, a *authority, address string, pages http.Handler) {
	t.Helper()
	plain, secret := server(t, v, pages), server(t, v, pages)
	secret.TLSConfig = &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		v.add("hello for %s at %s", h.ServerName, h.Conn.LocalAddr())
		return a.issue(h.ServerName)
	}}
	at80, at443 := counted{listen(t, address, "80"), v}, counted{listen(t, address, "443"), v}
	go plain.Serve(at80)
	go secret.ServeTLS(at443, "", "")
}

func server(t *testing.T, v *visits, pages http.Handler) *http.Server {
	t.Helper()
	s := &http.Server{
		ErrorLog: log.New(io.Discard, "", 0), // who is cut is told elsewhere
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			v.add("%s request for %s: %s", r.Proto, r.Host, r.URL)
			pages.ServeHTTP(w, r)
		}),
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// echo says what it serves, and then what it is told.
func echo(t *testing.T, v *visits, address string) {
	t.Helper()
	l := counted{listen(t, address, "7"), v}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := io.WriteString(c, content+"\n"); err == nil {
					io.Copy(c, c)
				}
			}()
		}
	}()
}

// pages are files, and git's.
func pages() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir("/srv/www")))
	mux.Handle("/git/", &cgi.Handler{
		Path: "/usr/lib/git-core/git-http-backend", Root: "/git",
		Env: []string{"GIT_PROJECT_ROOT=/srv/git", "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	})
	return mux
}

const sshLog = "/run/sshd.log"

// shells starts sshd at all addresses, for whoever has the key in /etc/ssh/reeve_keys.
func shells(t *testing.T) {
	t.Helper()
	run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/run/host_key")
	must(t, os.MkdirAll("/run/sshd", 0o755))
	config := "HostKey /run/host_key\nAuthorizedKeysFile /etc/ssh/reeve_keys\nPidFile none\nSubsystem sftp internal-sftp\nUsePAM no\nUseDNS no\nLogLevel VERBOSE\n"
	for _, address := range served {
		config += "ListenAddress " + address + "\n"
	}
	must(t, os.WriteFile("/run/sshd_config", []byte(config), 0o600))
	start(t, space, "/usr/sbin/sshd", "-D", "-E", sshLog, "-f", "/run/sshd_config")
}

func hasAll(line string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(line, w) {
			return false
		}
	}
	return true
}
