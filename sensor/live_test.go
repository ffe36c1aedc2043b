// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"errors"
	"testing"

	"github.com/cilium/ebpf"
)

func TestLoad(t *testing.T) {
	k, err := Load(Options{})
	var ve *ebpf.VerifierError
	if errors.As(err, &ve) {
		for _, l := range ve.Log[max(0, len(ve.Log)-70):] {
			t.Log(l)
		}
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer k.Close()
	v, err := k.Verified()
	t.Log(v, err)
	if err := k.Attach(); err != nil {
		t.Fatal(err)
	}
}
