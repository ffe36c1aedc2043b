// SPDX-License-Identifier: Apache-2.0

// Policies: from tables to what the kernel gets.

package model

import (
	"strings"

	"github.com/reeve-sensor/reeve/enforce"
)

func parse(policy []string) (*enforce.Policy, error) {
	text := "version = 1\nbase = \"none\"\n" + strings.Join(policy, "\n\n") + "\n"
	return enforce.Parse(map[string]string{"sequence.toml": text}, enforce.Options{})
}

// Compile makes the tables of a sequence what the kernel takes.
func Compile(policy []string, generation uint64) (*enforce.Image, error) {
	p, err := parse(policy)
	if err != nil {
		return nil, err
	}
	return enforce.Compile(p, nil, generation, enforce.Options{})
}
