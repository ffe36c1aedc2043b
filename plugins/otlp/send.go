// SPDX-License-Identifier: Apache-2.0

// This file turns events into records and has them exported, one call a batch.

package main

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/reeve-sensor/reeve/plugins/api"
)

// sender exports batches.
type sender struct {
	exporter sdklog.Exporter
	logger   log.Logger
	batch    batch
}

// batch is a processor that keeps what a logger makes: the SDK's own would export behind the host's back.
type batch struct{ records []sdklog.Record }

func (b *batch) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (b *batch) OnEmit(_ context.Context, r *sdklog.Record) error {
	b.records = append(b.records, r.Clone())
	return nil
}
func (b *batch) Shutdown(context.Context) error   { return nil }
func (b *batch) ForceFlush(context.Context) error { return nil }

// begin has records say where they come from.
func (s *sender) begin(h api.Host, exporter sdklog.Exporter) error {
	from := resource.NewSchemaless(
		attribute.String("service.name", "reeve"), attribute.String("service.version", h.Version), attribute.String("host.name", h.Name),
	)
	provider := sdklog.NewLoggerProvider(sdklog.WithResource(from), sdklog.WithProcessor(&s.batch), sdklog.WithAttributeCountLimit(-1),
		sdklog.WithAttributeValueLengthLimit(-1))
	s.exporter, s.logger = exporter, provider.Logger("github.com/reeve-sensor/reeve")
	return nil
}

// severities are OpenTelemetry's for those of events.
var severities = map[string]log.Severity{
	"info": log.SeverityInfo, "low": log.SeverityInfo3, "medium": log.SeverityWarn, "high": log.SeverityError, "critical": log.SeverityFatal,
}

// send exports a batch. The host calls it once at a time. What the receiver rejects of a batch it does not name: then each is
// sent alone.
func (s *sender) send(ctx context.Context, events []api.Event) (refused []string, err error) {
	records := s.records(ctx, events)
	err = s.exporter.Export(ctx, records)
	switch {
	case warned(err):
		return nil, nil
	case !partial(err):
		return nil, err
	}
	for i := range records {
		err := s.exporter.Export(ctx, records[i:i+1])
		if partial(err) {
			refused = append(refused, events[i].ID)
		} else if err != nil {
			return nil, fmt.Errorf("sending one by one: %w", err)
		}
	}
	return refused, nil
}

// partialText is how the exporters tell of it: they have no type for it that others may see.
const partialText = "OTLP partial success"

// partial reports whether the receiver took a batch and rejected a part.
func partial(err error) bool { return err != nil && strings.Contains(err.Error(), partialText) }

// warned reports whether it took the whole batch and had something to say.
func warned(err error) bool {
	return partial(err) && strings.Contains(err.Error(), "(0 logs rejected)")
}

func (s *sender) records(ctx context.Context, events []api.Event) []sdklog.Record {
	s.batch.records = make([]sdklog.Record, 0, len(events))
	for i := range events {
		s.emit(ctx, &events[i])
	}
	return s.batch.records
}

func (s *sender) emit(ctx context.Context, e *api.Event) {
	var r log.Record
	r.SetTimestamp(e.Time)
	r.SetEventName("reeve." + e.Kind)
	r.SetSeverity(severities[e.Severity])
	r.SetSeverityText(e.Severity)
	r.SetBody(attribute.StringValue(string(e.OCSF)))
	for _, a := range []struct{ key, value string }{
		{"log.record.uid", e.ID}, {"reeve.session", e.Session}, {"reeve.agent", e.Agent}, {"user.name", e.User}, {"reeve.action", e.Action},
		{"reeve.op", e.Op}, {"reeve.object", e.Object}, {"reeve.rule", e.Rule}, {"reeve.message", e.Message},
	} {
		if a.value != "" {
			r.AddAttributes(attribute.String(a.key, a.value))
		}
	}
	s.logger.Emit(ctx, r)
}
