// SPDX-License-Identifier: Apache-2.0

// Package backends tests plugins against what they are for: rsyslog and the OpenTelemetry Collector, as processes of their own
// on the loopback. `make test-plugins` provides both.
package backends
