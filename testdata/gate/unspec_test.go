// SPDX-License-Identifier: Apache-2.0

package gate

import "unsafe"

// unspecified is the address that takes a connection back.
func unspecified() unsafe.Pointer {
	var sockaddr [16]byte // AF_UNSPEC is 0
	return unsafe.Pointer(&sockaddr)
}
