// SPDX-License-Identifier: Apache-2.0

// Otlp is the plugin that sends events as OpenTelemetry logs, by the exporters of the OpenTelemetry project: OTLP over gRPC or
// HTTP. The body of a record is the event's OCSF, its attributes are what people look for first.
package main

import (
	"context"

	"github.com/reeve-sensor/reeve/plugins/api"
)

// version is set when a release is built.
var version = "dev"

func main() {
	s := &sender{}
	api.Main(api.Plugin{
		Name: "otlp", Version: version, About: "events as OpenTelemetry logs, over gRPC or HTTP",
		Settings: []api.Setting{
			{Key: "endpoint", Kind: api.Text, Required: true, About: "URL of the receiver, as https://collector:4317"},
			{Key: "protocol", Kind: api.Text, About: "grpc, which is the default, or http"},
			{Key: "compression", Kind: api.Text, About: "gzip, which is the default, or none"},
			{Key: "ca", Kind: api.Text, About: "file of certificates to trust in the place of the system's"},
			{Key: "headers", Kind: api.List, About: "sent with each request, as name=value"},
			{Key: "authorization", Kind: api.Text, Secret: true, About: "the header of this name, as \"Bearer …\""},
		},
		Configure: func(ctx context.Context, v api.Values) error { return s.configure(ctx, v) },
		Export:    s.send,
	})
}
