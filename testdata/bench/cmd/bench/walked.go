// SPDX-License-Identifier: Apache-2.0

// What the verifier walks: one machine a kernel, whose clock need not count.

package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/testdata/vm"
)

func walked(ctx context.Context, o options) error {
	b, err := prepare(ctx, func(*build, context.Context) error { return nil })
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	for _, series := range o.series() {
		for _, form := range o.split(o.forms) {
			if err := b.walked(ctx, o, series, form == fallback); err != nil {
				return fmt.Errorf("kernel %s, %s: %w", series, form, err)
			}
		}
	}
	return nil
}

func (b *build) walked(ctx context.Context, o options, series string, lacking bool) error {
	c := vm.Config{Kernel: series, Memory: 4096, Files: b.files, Timeout: 20 * time.Minute, Log: os.Stderr, Console: os.Stdout,
		Command: fmt.Sprintf("exec ./bench -inside -size %d -walked %s", sensor.MinTableSize, o.walked)}
	if lacking {
		c.LSM, c.Command = vm.NoBPF, c.Command+" -fallback"
	}
	result, err := vm.Run(ctx, c)
	if err != nil {
		return err
	}
	if result.Code != 0 {
		return fmt.Errorf("the machine ended with %d", result.Code)
	}
	return nil
}
