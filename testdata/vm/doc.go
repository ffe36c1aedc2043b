// SPDX-License-Identifier: Apache-2.0

// Package vm boots a guest with a kernel under test, runs one command in it and says how it ended.
//
// LSM and fmod_ret programs are refused on many machines where Reeve is developed, and every kernel
// of the matrix must load every object, so whatever enforces is tested in a guest. A guest is a kernel
// image, a cached base archive (busybox, modules, the init script) and the archive of this run. There
// is no boot loader, no network and nothing of the host that the guest can write.
package vm
