// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// Package parse runs the kernel side's parsers of packets on cases that tests make up: DNS messages, TLS ClientHellos,
// HTTP/1 requests. It is not part of the product. Package native beside it runs the same lines in user space.
package parse

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -go-package parse -target bpfel -no-global-types -type ask -type domain -type dns_record -type dns -type dns_stream -type tls_hello -type authority -type http -type domain_fault -type address_class -type authority_kind -type dns_result -type dns_reason -type dns_flag -type dns_stream_result -type tls_result -type tls_reason -type tls_flag -type http_result -type http_reason -type http_flag parse ../prog/parse.bpf.c -- -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Wno-unused-function -Werror
