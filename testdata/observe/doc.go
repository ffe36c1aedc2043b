// SPDX-License-Identifier: Apache-2.0

// Package observe holds the tests of what is left where no enforcing program loads: tracepoints, and nothing refused but, where
// programs of control groups may ask for tasks, what goes over networks. They run on any kernel whose BPF loads, as root: on a
// development machine and in a guest alike, below control groups and in network namespaces of their own.
package observe
