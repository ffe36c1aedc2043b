// SPDX-License-Identifier: Apache-2.0

// Loading: from the embedded object to programs and maps in the running kernel.

package sensor

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/reeve-sensor/reeve/bpf"
)

// Options say how the kernel side is loaded.
type Options struct {
	TableSize uint32 // bytes of a policy table, a power of two; what a policy may grow to until the next start
}

// Kernel is the loaded kernel side. Close detaches it: nothing is watched or held any more.
type Kernel struct {
	Objects   *bpf.Objects
	TableSize uint32

	links   []link.Link
	seeding sync.Mutex // one question to the iterator at a time
}

// MinTableSize is the smallest table that is loaded: room for ordinary policies.
const MinTableSize = 1 << 20

// Load loads every program and map, and attaches nothing. An error of the verifier is one line; %+v has its whole log.
func Load(o Options) (*Kernel, error) {
	size := max(o.TableSize, MinTableSize)
	spec, err := bpf.Spec(size)
	if err != nil {
		return nil, err
	}
	objects := new(bpf.Objects)
	if err := spec.LoadAndAssign(objects, nil); err != nil {
		return nil, loadError(err)
	}
	return &Kernel{Objects: objects, TableSize: size}, nil
}

// ErrRefused says that the kernel refuses to load enforcing programs to this process.
var ErrRefused = errors.New("the kernel refuses enforcing programs")

func loadError(err error) error {
	var verifier *ebpf.VerifierError
	if errors.Is(err, os.ErrPermission) && !(errors.As(err, &verifier) && len(verifier.Log) > 0) {
		return fmt.Errorf("loading programs: %w (%w)", ErrRefused, err)
	}
	return fmt.Errorf("loading programs: %w", err)
}

// Close detaches all programs and frees the maps. It may be called twice.
func (k *Kernel) Close() error {
	errs := []error{k.detach()}
	if k.Objects != nil {
		errs = append(errs, k.Objects.Close())
		k.Objects = nil
	}
	return errors.Join(errs...)
}
