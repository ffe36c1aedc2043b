// SPDX-License-Identifier: Apache-2.0

// The measured process: ops.c, a round at a time.

package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
)

// process is a running ops.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

// startOps starts ops outside of every session.
func startOps() (*process, error) {
	cmd := exec.Command(Ops, Object, Tree)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting ops: %w", err)
	}
	return &process{cmd, in, json.NewDecoder(out)}, nil
}

func (p *process) pid() uint32 { return uint32(p.cmd.Process.Pid) }

// round does one round of an operation and returns the average cost.
func (p *process) round(op string) (average float64, count int, err error) {
	if _, err := p.in.Write([]byte{letters[op]}); err != nil {
		return 0, 0, fmt.Errorf("ops: %w", err)
	}
	var answer struct {
		Op    string
		Count int
		NS    float64
	}
	if err := p.out.Decode(&answer); err != nil {
		return 0, 0, fmt.Errorf("ops: a round of %s: %w", op, errors.Join(err, p.cmd.Wait()))
	}
	return answer.NS / float64(answer.Count), answer.Count, nil
}

var letters = map[string]byte{"open": 'o', "again": 'a', "rename": 'r', "unlink": 'u', "exec": 'e', "mmap": 'm', "mprotect": 'p',
	"connect": 'c', "datagram": 'd', "find": 'f'}

func (p *process) Close() error {
	p.in.Close()
	return p.cmd.Wait()
}
