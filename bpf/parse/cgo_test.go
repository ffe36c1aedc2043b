// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

//go:build cgo

package parse_test

import "github.com/reeve-sensor/reeve/bpf/parse/native"

func init() { builds["user"] = native.User{} }
