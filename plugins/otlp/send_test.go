// SPDX-License-Identifier: Apache-2.0

package main

// What a receiver rejects is told to the host by its ID, and nothing else is. The real Collector takes everything
// (testdata/backends), so the receiver is this test's own.

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/reeve-sensor/reeve/plugins/api"
)

// answer is a receiver's: ok is false where it takes nothing for now.
func answer(request []byte) (reply []byte, ok bool) {
	var rejected uint64
	var text string
	switch {
	case bytes.Contains(request, []byte("later")):
		return nil, false
	case bytes.Contains(request, []byte("bad")):
		rejected, text = 1, "no record of ours"
	case bytes.Contains(request, []byte("odd")):
		text = "taken, and it was odd"
	default:
		return nil, true
	}
	// ExportLogsServiceResponse.partial_success: rejected_log_records, error_message (opentelemetry/proto/collector/logs/v1).
	part := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), rejected)
	part = protowire.AppendString(protowire.AppendTag(part, 2, protowire.BytesType), text)
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), part), true
}

// raw leaves messages as they are.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error)   { return *v.(*[]byte), nil }
func (raw) Unmarshal(b []byte, v any) error { *v.(*[]byte) = bytes.Clone(b); return nil }
func (raw) Name() string                    { return "proto" }

func overGRPC(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		var request []byte
		if err := stream.RecvMsg(&request); err != nil {
			return err
		}
		reply, ok := answer(request)
		if !ok {
			return status.Error(codes.Unavailable, "later")
		}
		return stream.SendMsg(&reply)
	}))
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return "http://" + l.Addr().String()
}

func overHTTP(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := io.ReadAll(r.Body)
		reply, ok := answer(request)
		if err != nil || !ok || r.URL.Path != "/v1/logs" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = w.Write(reply)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestWhatAReceiverRejectsIsNamed(t *testing.T) {
	for protocol, receiver := range map[string]func(*testing.T) string{"grpc": overGRPC, "http": overHTTP} {
		s := &sender{}
		settings := api.ValuesOf(map[string]any{"endpoint": receiver(t), "protocol": protocol, "compression": "none"})
		if err := s.configure(t.Context(), settings); err != nil {
			t.Fatal(err)
		}
		for name, tc := range map[string]struct {
			ids     []string
			refused []string
			fails   bool
		}{
			"all taken":            {[]string{"a", "b"}, nil, false},
			"one of three":         {[]string{"a", "bad", "c"}, []string{"bad"}, false},
			"two of three":         {[]string{"bad-1", "b", "bad-2"}, []string{"bad-1", "bad-2"}, false},
			"taken with a warning": {[]string{"a", "odd"}, nil, false},
			"not now":              {[]string{"a", "later"}, nil, true},
		} {
			var events []api.Event
			for _, id := range tc.ids {
				events = append(events, api.Event{ID: id, Kind: "access", OCSF: []byte("{}")})
			}
			refused, err := s.send(context.Background(), events)
			if !slices.Equal(refused, tc.refused) || (err != nil) != tc.fails {
				t.Errorf("%s, %s: refused %v, %v", protocol, name, refused, err)
			}
		}
	}
}
