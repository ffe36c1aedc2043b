// SPDX-License-Identifier: Apache-2.0

// Package backends tests plugins against what they are for: rsyslog and the OpenTelemetry Collector, as processes of their own
// on the loopback. `make test-plugins` provides both, and feeds the plugins itself; `make test-outage` has a machine in which the
// kernel refuses a session, the unit's daemon exports that, and is killed, while both are down.
package backends
