// SPDX-License-Identifier: Apache-2.0

// Ending one connection: as what its socket is, in the namespace where it is.

package cut

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// end ends a connection. It is false where there is none any more.
func end(c Connection) (bool, error) {
	d, err := dial(c.Space, c.PID)
	if errors.Is(err, ErrNoSpace) {
		return false, nil // whoever waited there has ended
	}
	if err != nil {
		return false, err
	}
	defer d.Close()
	for _, family := range families(c.Address) {
		id, found, err := d.find(family, c)
		if err != nil {
			return false, fmt.Errorf("finding the connection from port %d: %w", c.Local, err)
		}
		if found {
			return destroyed(d.destroy(family, &id))
		}
	}
	return false, nil
}

// families are those of the sockets that may reach an address: those of IPv6 reach IPv4 too.
func families(address [16]byte) []byte {
	if [12]byte(address[:12]) == [12]byte{10: 0xff, 11: 0xff} {
		return []byte{unix.AF_INET, unix.AF_INET6}
	}
	return []byte{unix.AF_INET6}
}

// destroyed tells whether a connection was there to be ended.
func destroyed(err error) (bool, error) {
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, unix.ENOENT):
		return false, nil
	case errors.Is(err, unix.EOPNOTSUPP):
		return false, ErrUnsupported
	}
	return false, fmt.Errorf("ending a connection: %w", err)
}

// ErrUnsupported says that the running kernel ends no connections from outside.
var ErrUnsupported = errors.New("ending connections: a kernel with CONFIG_INET_DIAG_DESTROY is needed")

// probe tries whether connections can be ended, on one that cannot be: of no port, and with a cookie that names no other. kernel:
// it loads inet_diag and tcp_diag where they are modules (net/core/sock.c:sock_load_diag_module), so that the first refusal
// does not wait for them.
func probe() error {
	d, err := openDiag()
	if err != nil {
		return err
	}
	defer d.Close()
	var none socketID
	none.setCookie(1<<63 - 1)
	_, err = destroyed(d.destroy(unix.AF_INET, &none))
	return err
}
