// SPDX-License-Identifier: Apache-2.0

// Command fetch prints what a server answers, as programs written in Go ask for it: with the resolver of its own library.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// patience is above the ten seconds of net/http: emulated processors take their time over a handshake.
const patience = time.Minute

func main() {
	if err := fetch(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func fetch(url string) error {
	http.DefaultTransport.(*http.Transport).TLSHandshakeTimeout = patience
	r, err := http.Get(url)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	_, err = io.Copy(os.Stdout, r.Body)
	return err
}
