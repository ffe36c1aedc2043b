// SPDX-License-Identifier: Apache-2.0

package shadow

import (
	"maps"
	"net/netip"
	"testing"
)

func TestEndpointsAreWhereNothingElseAnswers(t *testing.T) {
	at := netip.MustParseAddr
	got := EndpointsOf(map[netip.Addr][]string{
		at("192.0.2.1"):   {"api.anthropic.com"},
		at("192.0.2.2"):   {"example.com"},
		at("192.0.2.3"):   {"api.openai.com", "example.com"},
		at("192.0.2.4"):   {"api.openai.com", "chatgpt.com"},
		at("192.0.2.5"):   {},
		at("2001:db8::1"): {"bedrock-runtime.eu-west-1.amazonaws.com"},
		at("2001:db8::2"): {"api.anthropic.com.example.com"},
	})
	want := Endpoints{
		at("192.0.2.1"): "api.anthropic.com", at("192.0.2.4"): "chatgpt.com", at("2001:db8::1"): "bedrock-runtime.eu-west-1.amazonaws.com",
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
}
