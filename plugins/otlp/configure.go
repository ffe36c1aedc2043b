// SPDX-License-Identifier: Apache-2.0

// This file makes the exporter that the settings ask for. Neither retries: the host does, for longer than an exporter would.

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"google.golang.org/grpc/credentials"

	"github.com/reeve-sensor/reeve/plugins/api"
)

// wanted are the settings, read.
type wanted struct {
	endpoint string
	secure   bool
	gzip     bool
	tls      *tls.Config
	headers  map[string]string
}

func (s *sender) configure(ctx context.Context, v api.Values) error {
	w, err := read(v)
	if err != nil {
		return err
	}
	var exporter sdklog.Exporter
	switch protocol := v.Text("protocol", "grpc"); protocol {
	case "grpc":
		exporter, err = w.overGRPC(ctx)
	case "http":
		exporter, err = w.overHTTP(ctx)
	default:
		return fmt.Errorf("protocol %q is not grpc or http", protocol)
	}
	if err != nil {
		return err
	}
	return s.begin(v.Host, exporter)
}

func read(v api.Values) (*wanted, error) {
	w := &wanted{endpoint: v.Text("endpoint", ""), headers: map[string]string{}}
	u, err := url.Parse(w.endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("endpoint %q is no URL with http or https", w.endpoint)
	}
	w.secure = u.Scheme == "https"
	switch c := v.Text("compression", "gzip"); c {
	case "gzip":
		w.gzip = true
	case "none":
	default:
		return nil, fmt.Errorf("compression %q is not gzip or none", c)
	}
	for _, h := range v.List("headers") {
		name, value, ok := strings.Cut(h, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("header %q is not name=value", h)
		}
		w.headers[name] = value
	}
	if a := v.Text("authorization", ""); a != "" {
		w.headers["authorization"] = a
	}
	w.tls, err = trust(v.Text("ca", ""))
	return w, err
}

// trust is whom to believe, the system's list where ca is "".
func trust(ca string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca == "" {
		return c, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("reading ca: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", ca)
	}
	return c, nil
}

func (w *wanted) overGRPC(ctx context.Context) (sdklog.Exporter, error) {
	o := []otlploggrpc.Option{
		otlploggrpc.WithEndpointURL(w.endpoint), otlploggrpc.WithHeaders(w.headers), otlploggrpc.WithRetry(otlploggrpc.RetryConfig{}),
	}
	if w.gzip {
		o = append(o, otlploggrpc.WithCompressor("gzip"))
	}
	if w.secure {
		o = append(o, otlploggrpc.WithTLSCredentials(credentials.NewTLS(w.tls)))
	}
	return otlploggrpc.New(ctx, o...)
}

func (w *wanted) overHTTP(ctx context.Context) (sdklog.Exporter, error) {
	endpoint := w.endpoint
	if u, err := url.Parse(endpoint); err == nil && (u.Path == "" || u.Path == "/") {
		u.Path = "/v1/logs"
		endpoint = u.String()
	}
	o := []otlploghttp.Option{
		otlploghttp.WithEndpointURL(endpoint), otlploghttp.WithHeaders(w.headers), otlploghttp.WithRetry(otlploghttp.RetryConfig{}),
	}
	if w.gzip {
		o = append(o, otlploghttp.WithCompression(otlploghttp.GzipCompression))
	}
	if w.secure {
		o = append(o, otlploghttp.WithTLSClientConfig(w.tls))
	}
	return otlploghttp.New(ctx, o...)
}
