/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What kind of place is an address? A name of the Internet that leads to anything but a global address is a way into
 * the machine, its network or its cloud (DNS rebinding). Sixteen bytes as on the wire, IPv4 mapped (::ffff:0:0/96).
 */
#pragma once

#include "plain.h"

enum address_class {
	ADDRESS_GLOBAL,
	ADDRESS_NONE,	    /* 0.0.0.0/8, ::: many systems take it for themselves */
	ADDRESS_LOOPBACK,   /* 127.0.0.0/8, ::1 */
	ADDRESS_PRIVATE,    /* RFC 1918, fc00::/7; fec0::/10, which once was */
	ADDRESS_LINK_LOCAL, /* 169.254.0.0/16, fe80::/10 */
	ADDRESS_METADATA,   /* where clouds give machines their credentials */
	ADDRESS_SHARED,	    /* 100.64.0.0/10: a provider's own network, and overlay networks */
	ADDRESS_MULTICAST,
	ADDRESS_RESERVED, /* the IANA registries' special purposes that are not globally reachable */
};

struct address {
	u64 high; /* bytes 0 to 7, as a number */
	u64 low;
};

/* verifier: no branch, no variable offset. */
static __always_inline u64 bytes_number(const u8 *bytes)
{
	return (u64)bytes[0] << 56 | (u64)bytes[1] << 48 | (u64)bytes[2] << 40 | (u64)bytes[3] << 32 |
	       (u64)bytes[4] << 24 | (u64)bytes[5] << 16 | (u64)bytes[6] << 8 | (u64)bytes[7];
}

static __always_inline void number_bytes(u8 *bytes, u64 number)
{
#ifdef __clang__
#pragma clang loop unroll(full)
#endif
	for (u32 i = 0; i < 8; i++)
		bytes[i] = number >> (56 - 8 * i);
}

static __always_inline bool in4(u32 address, u32 net, u32 bits)
{
	return (address ^ net) >> (32 - bits) == 0;
}

static __always_inline u32 metadata4(u32 a)
{
	return a == 0xa9fea9fe || /* 169.254.169.254: AWS, Azure, Google, Oracle and more */
	       a == 0xa9feaa02 || /* 169.254.170.2: AWS ECS */
	       a == 0xa9feaa17 || /* 169.254.170.23: AWS EKS */
	       a == 0x646464c8 || /* 100.100.100.200: Alibaba */
	       a == 0xa83f8110 || /* 168.63.129.16: Azure, a global address */
	       a == 0xc00000c0;	  /* 192.0.0.192: Oracle's first cloud */
}

static __always_inline bool reserved4(u32 a)
{
	return in4(a, 0xf0000000, 4) ||	 /* 240.0.0.0/4, and broadcast */
	       in4(a, 0xc0000000, 24) || /* 192.0.0.0/24 */
	       in4(a, 0xc0000200, 24) || /* documentation */
	       in4(a, 0xc6336400, 24) || /* documentation */
	       in4(a, 0xcb007100, 24) || /* documentation */
	       in4(a, 0xc6120000, 15) || /* benchmarks */
	       in4(a, 0xc0586300, 24);	 /* 192.88.99.0/24: relays that are no more */
}

static __always_inline u32 address_class4(u32 a)
{
	if (metadata4(a))
		return ADDRESS_METADATA;
	if (in4(a, 0x00000000, 8))
		return ADDRESS_NONE;
	if (in4(a, 0x7f000000, 8))
		return ADDRESS_LOOPBACK;
	if (in4(a, 0x0a000000, 8) || in4(a, 0xac100000, 12) || in4(a, 0xc0a80000, 16))
		return ADDRESS_PRIVATE;
	if (in4(a, 0xa9fe0000, 16))
		return ADDRESS_LINK_LOCAL;
	if (in4(a, 0x64400000, 10))
		return ADDRESS_SHARED;
	if (in4(a, 0xe0000000, 4))
		return ADDRESS_MULTICAST;
	return reserved4(a) ? ADDRESS_RESERVED : ADDRESS_GLOBAL;
}

static __always_inline bool metadata6(const struct address *a)
{
	if (a->high == 0xfd000ec200000000) /* fd00:ec2::254 and ::23: AWS */
		return a->low == 0x254 || a->low == 0x23;
	return a->high == 0xfd2000ce00000000 && a->low == 0x254; /* fd20:ce::254: Google */
}

static __always_inline bool reserved6(const struct address *a)
{
	u64 h = a->high;

	return h >> 61 != 1 ||		    /* outside of 2000::/3 nothing is given out */
	       h >> 32 == 0x20010db8 ||	    /* documentation */
	       h >> 44 == 0x3fff0 ||	    /* documentation, RFC 9637 */
	       h >> 32 == 0x20010000 ||	    /* Teredo: an address in disguise */
	       h >> 16 == 0x200100020000 || /* benchmarks */
	       h >> 36 == 0x2001001 ||	    /* ORCHID, 2001:10::/28 */
	       h >> 36 == 0x2001002;	    /* ORCHIDv2 and drone identifiers, 2001:20::/28 and what follows */
}

/* Addresses of six that carry one of four lead where that one leads: mapped, NAT64 (RFC 6052), 6to4. */
static __always_inline bool address_carried(const struct address *a, u32 *carried)
{
	if (!a->high && a->low >> 32 == 0xffff) {
		*carried = (u32)a->low;
		return true;
	}
	if (a->high == 0x0064ff9b00000000 && !(a->low >> 32)) {
		*carried = (u32)a->low;
		return true;
	}
	if (a->high >> 48 == 0x2002) {
		*carried = (u32)(a->high >> 16);
		return true;
	}
	return false;
}

static __always_inline u32 address_class6(const struct address *a)
{
	if (!a->high && !a->low)
		return ADDRESS_NONE;
	if (!a->high && a->low == 1)
		return ADDRESS_LOOPBACK;
	if (metadata6(a))
		return ADDRESS_METADATA;
	if (a->high >> 57 == 0x7e || a->high >> 54 == 0x3fb)
		return ADDRESS_PRIVATE;
	if (a->high >> 54 == 0x3fa)
		return ADDRESS_LINK_LOCAL;
	if (a->high >> 56 == 0xff)
		return ADDRESS_MULTICAST;
	return reserved6(a) ? ADDRESS_RESERVED : ADDRESS_GLOBAL;
}

/* Returns enum address_class. */
static __always_inline u32 address_class(const u8 *bytes)
{
	struct address a = { .high = bytes_number(bytes), .low = bytes_number(bytes + 8) };
	u32 carried = 0;

	if (address_carried(&a, &carried))
		return address_class4(carried);
	return address_class6(&a);
}
