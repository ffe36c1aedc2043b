// SPDX-License-Identifier: Apache-2.0

// Package observe holds the tests of what is left where no enforcing program loads: tracepoints, and nothing refused. They
// run on any kernel whose BPF loads, as root: on a development machine and in a guest alike.
package observe
