// SPDX-License-Identifier: Apache-2.0

// Syslog is the plugin that sends events to a syslog server: RFC 5424 messages with the event's OCSF as their text, counted in
// octets (RFC 6587), over TCP or TLS (RFC 5425).
package main

import (
	"context"
	"fmt"

	"github.com/reeve-sensor/reeve/plugins/api"
)

// version is set when a release is built.
var version = "dev"

func main() {
	s := &sender{}
	api.Main(api.Plugin{
		Name: "syslog", Version: version, About: "events to a syslog server, over TCP or TLS",
		Settings: []api.Setting{
			{Key: "address", Kind: api.Text, Required: true, About: "the server, as host:port"},
			{Key: "tls", Kind: api.Flag, About: "speak TLS, which is the default"},
			{Key: "server_name", Kind: api.Text, About: "the name in the server's certificate, where it is not the address's"},
			{Key: "ca", Kind: api.Text, About: "file of certificates to trust in the place of the system's"},
			{Key: "certificate", Kind: api.Text, About: "file of the certificate to show"},
			{Key: "key", Kind: api.Text, Secret: true, About: "its private key, PEM"},
			{Key: "facility", Kind: api.Text, About: "of the messages; authpriv is the default"},
		},
		Configure: func(_ context.Context, v api.Values) error { return s.configure(v) },
		Export:    func(ctx context.Context, events []api.Event) ([]string, error) { return nil, s.send(ctx, events) },
	})
}

// configure takes the settings in.
func (s *sender) configure(v api.Values) error {
	var err error
	if s.format, err = newFormat(v.Host, v.Text("facility", "authpriv")); err != nil {
		return err
	}
	s.address = v.Text("address", "")
	if s.tls, err = secure(v, s.address); err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	return nil
}
