// SPDX-License-Identifier: Apache-2.0

// Package cowork starts what Claude Desktop starts for a Cowork task, from real parts, under the preset that ships, and
// checks who is held responsible for what.
//
// Real are: the kernel and reeved, Claude Code at Desktop's private path with Cowork's arguments and environment, the
// virtiofs server, and QEMU with a guest of its own that reads the shared home. Desktop itself is a shell under its name:
// of Electron only the path and what it starts matter here. Desktop's helper is QEMU under the helper's name.
//
// The machine (testdata/vm) offers its guest the virtualisation of an emulated processor, so that the inner guest runs
// under /dev/kvm as Cowork's does. That is also the only way: emulation inside of emulation is slow, and faulted.
package cowork
