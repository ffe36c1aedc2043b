// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

package parse

import (
	"fmt"

	"github.com/cilium/ebpf"
)

// InputMax is how many bytes a call takes at most; a DNS message is looked at so far.
const InputMax = 4096

// Kernel runs the parsers in the kernel, on one connection of each kind at a time. Close it.
type Kernel struct {
	objects parseObjects
	input   []byte
}

// OpenKernel loads the parsers; it needs the right to load programs of the type syscall.
func OpenKernel() (*Kernel, error) {
	k := &Kernel{input: make([]byte, 8+InputMax+8)}
	if err := loadParseObjects(&k.objects, nil); err != nil {
		return nil, fmt.Errorf("loading the parsers: %w", err)
	}
	return k, nil
}

// Close frees the programs and their maps.
func (k *Kernel) Close() error { return k.objects.Close() }

// Instructions tells how many instructions the verifier walked, by program.
func (k *Kernel) Instructions() (map[string]uint32, error) {
	walked := map[string]uint32{}
	for _, p := range []*ebpf.Program{
		k.objects.ParseDns, k.objects.LearnDns, k.objects.ParseStream, k.objects.ParseHello, k.objects.ParseHttp,
		k.objects.ClassAddress,
	} {
		info, err := p.Info()
		if err != nil {
			return nil, err
		}
		walked[info.Name], _ = info.VerifiedInstructions()
	}
	return walked, nil
}

// run hands data to a program, and returns how much of it was taken, and the answer.
func (k *Kernel) run(p *ebpf.Program, data []byte, begin bool) (parseAsk, error) {
	ask := parseAsk{Size: uint32(min(len(data), InputMax))}
	if begin {
		ask.Begin = 1
	}
	copy(k.input[8:], data)
	if err := k.objects.Inputs.Put(uint32(0), k.input); err != nil {
		return ask, fmt.Errorf("handing over the input: %w", err)
	}
	answer, err := p.Run(&ebpf.RunOptions{Context: &ask, ContextOut: &ask})
	if err == nil && answer != 0 {
		err = fmt.Errorf("no map: %d", answer)
	}
	if err != nil {
		return ask, fmt.Errorf("running a parser: %w", err)
	}
	return ask, nil
}

// DNS judges one message.
func (k *Kernel) DNS(message []byte) (*DNS, error) {
	d := new(DNS)
	if _, err := k.run(k.objects.ParseDns, message, true); err != nil {
		return nil, err
	}
	if err := k.objects.Messages.Lookup(uint32(0), &d.parseDns); err != nil {
		return nil, err
	}
	if _, err := k.objects.LearnDns.Run(&ebpf.RunOptions{Context: new(parseAsk)}); err != nil {
		return nil, err
	}
	return d, k.objects.Learned.Lookup(uint32(0), &d.addresses)
}

// Hello takes bytes of a connection into h, which says where the connection is.
func (k *Kernel) Hello(h *Hello, data []byte, begin bool) (int, error) {
	ask, err := k.run(k.objects.ParseHello, data, begin)
	if err != nil {
		return 0, err
	}
	return int(ask.Taken), k.objects.Hellos.Lookup(uint32(0), &h.parseTlsHello)
}

// Request takes bytes of a connection into h, up to the end of a head.
func (k *Kernel) Request(h *Request, data []byte, begin bool) (int, error) {
	ask, err := k.run(k.objects.ParseHttp, data, begin)
	if err != nil {
		return 0, err
	}
	return int(ask.Taken), k.objects.Requests.Lookup(uint32(0), &h.parseHttp)
}

// Stream takes bytes of DNS over TCP into s, up to the end of a message.
func (k *Kernel) Stream(s *Stream, data []byte, begin bool) (int, error) {
	ask, err := k.run(k.objects.ParseStream, data, begin)
	if err != nil {
		return 0, err
	}
	return int(ask.Taken), k.objects.Streams.Lookup(uint32(0), &s.parseDnsStream)
}

// Class tells what kind of place the address is.
func (k *Kernel) Class(address [16]byte) (string, error) {
	ask, err := k.run(k.objects.ClassAddress, address[:], true)
	return ClassName(ask.Value), err
}
