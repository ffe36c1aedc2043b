// SPDX-License-Identifier: Apache-2.0

package live

// io_uring: its workers are made by copy_process, not by fork, and act for the session that made the ring.

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestWorkersAreOfTheSession(t *testing.T) {
	files(t)
	policy(t, secretPolicy)
	in, out := session(t), start(t)
	a := act{Do: "worker", Path: "/data/secret/key"}
	in.want(a, unix.EACCES)
	in.want(act{Do: "worker", Path: "/data/free/file"}, 0)
	out.want(a, 0)
}
