// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
)

// Every program loads on the kernel under test. The end of the verifier's log tells why one does not.
func TestLoad(t *testing.T) {
	k, err := Load(Options{})
	if errors.Is(err, ErrRefused) && !strings.Contains(os.Getenv("REQUIRE"), "lsm") {
		t.Skip(err)
	}
	if verifier, ok := errors.AsType[*ebpf.VerifierError](err); ok {
		t.Log(strings.Join(verifier.Log[max(0, len(verifier.Log)-70):], "\n"))
	}
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	counts, err := k.Verified()
	if err != nil {
		t.Fatal(err)
	}
	t.Log(counts)
	if err := k.Attach(); err != nil {
		t.Fatal(err)
	}
}
