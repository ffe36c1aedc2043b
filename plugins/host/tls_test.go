// SPDX-License-Identifier: Apache-2.0

package host_test

// A plugin answers its host alone, which both ends prove by certificates that they made for this one run (AutoMTLS): whoever reaches
// the socket, as root does, gets no further.

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"math/big"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/reeve-sensor/reeve/plugins/api/plugin"
	"github.com/reeve-sensor/reeve/plugins/host"
	"github.com/reeve-sensor/reeve/plugins/plugintest"
)

func TestPluginAnswersItsHostAlone(t *testing.T) {
	t.Parallel()
	b := plugintest.NewBackend(t)
	o := options(t, spec(t, "good", b))
	r := start(t, o)
	export(r, 0, 1)
	complete(t, b, 1)
	socket := socketBelow(t, o.Run)
	for name, c := range map[string]credentials.TransportCredentials{
		"no TLS":                insecure.NewCredentials(),
		"no certificate":        credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}),
		"a certificate of ours": credentials.NewTLS(&tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{made(t)}}),
	} {
		conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(c))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if about, err := pb.NewPluginClient(conn).Describe(ctx, &pb.DescribeRequest{}); err == nil {
			t.Errorf("%s: it answers: %v", name, about)
		}
		cancel()
		conn.Close()
	}
	export(r, 1, 2)
	complete(t, b, 2)
	if s := status(r); s.State != host.Running || s.Restarts != 0 {
		t.Errorf("%+v", s)
	}
}

func socketBelow(t *testing.T, dir string) (socket string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type() == fs.ModeSocket {
			socket = path
		}
		return err
	})
	if err != nil || socket == "" {
		t.Fatalf("no socket below %s, %v", dir, err)
	}
	return socket
}

// made is a certificate that nobody expects.
func made(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}
