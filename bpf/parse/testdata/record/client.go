// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

//go:build ignore

// Go's own clients, for record.py.
package main

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
)

func main() {
	switch os.Args[1] {
	case "dns":
		resolver := &net.Resolver{PreferGo: true}
		_, _ = resolver.LookupHost(context.Background(), "www.example.com")
	case "tls":
		_, _ = tls.Dial("tcp", os.Args[2], &tls.Config{ServerName: "www.example.com"})
	case "ech":
		_, _ = tls.Dial("tcp", os.Args[2], &tls.Config{
			ServerName: "secret.example.com", EncryptedClientHelloConfigList: echConfigs("public.example.com"),
		})
	case "http":
		twice(os.Args[2])
	}
}

func twice(address string) {
	for _, body := range []io.Reader{io.MultiReader(strings.NewReader("a body "), strings.NewReader("in two parts")), nil} {
		request, _ := http.NewRequest(http.MethodPost, "http://"+address+"/path", body)
		request.Host = "www.example.com"
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
	}
}

// echConfigs is a list of one configuration (RFC 9849 4), whose private key nobody has.
func echConfigs(public string) []byte {
	key, _ := ecdh.X25519().GenerateKey(rand.Reader)
	body := []byte{1, 0, 0x20, 0, 32} // identifier, DHKEM(X25519, HKDF-SHA256), size of the key
	body = append(body, key.PublicKey().Bytes()...)
	body = append(body, 0, 4, 0, 1, 0, 1) // HKDF-SHA256, AES-128-GCM
	body = append(body, 64, byte(len(public)))
	body = append(append(body, public...), 0, 0)
	config := binary.BigEndian.AppendUint16([]byte{0xfe, 0x0d}, uint16(len(body)))
	config = append(config, body...)
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(config))), config...)
}
