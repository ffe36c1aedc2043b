/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Addresses as they lie on the wire, IPv4 mapped, by words: every packet of a session is asked where it goes, and byte by byte
 * that would be a third of the answer's cost.
 */
#pragma once

#include <bpf/bpf_endian.h>

#include "kernel.h"

/* Bytes that are read by words. */
#define AT_WORDS __attribute__((aligned(8)))

/* An address of four bytes becomes one of sixteen. */
static __always_inline void address_four(u8 *address, u32 four)
{
	u32 *words = (u32 *)address;

	words[0] = words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = four;
}

/* One of its two words. */
static __always_inline u64 address_half(const u8 *address, u32 half)
{
	return ((const u64 *)address)[half];
}

static __always_inline bool address_is_four(const u8 *address)
{
	return !address_half(address, 0) && (u32)address_half(address, 1) == bpf_htonl(0xffff);
}
