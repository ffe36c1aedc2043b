/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a packet's headers say, as far as it is asked for: the other end, the ports, where the payload lies. kernel: a program of a
 * cgroup sees a packet from its network header on, before it is cut into segments.
 */
#pragma once

#include "maps.h"
#include "wire.h"

enum packet_limits {
	IP4_HEADER = 20,
	IP6_HEADER = 40,
	JUMBO_HEADER = 8,
	JUMBO_OPTION = 0xc2,
	TCP_HEADER = 20,
	UDP_HEADER = 8,
	NEXT_HOPS = 0, /* by the hop; IANA's list of IPv6 extension headers, but for IPsec's */
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_OPTIONS = 60,
	NEXT_MOBILITY = 135,
	NEXT_HIP = 139,
	NEXT_SHIM6 = 140,
	TCP_SYN = 2,
	TCP_ACK = 16,
};

/*
 * A length of 1 to max, a power of two, of a value that is one. verifier: 6.1 keeps no lower bound that a comparison found; here
 * it follows from the arithmetic.
 */
#define LENGTH(value, max)                                                 \
	({                                                                 \
		u64 length_ = (value) - 1;                                 \
		asm volatile("%0 &= %1" : "+r"(length_) : "i"((max) - 1)); \
		asm volatile("%0 += 1" : "+r"(length_));                   \
		length_;                                                   \
	})

/* verifier: as small as can be, for it lies below the frames of all that is called for a packet. */
struct packet {
	u8 address[16] AT_WORDS; /* of the other end; IPv4 mapped */
	u32 size;		 /* of the payload */
	u32 sequence;
	u16 port;  /* of the other end; 0 where the protocol has none */
	u16 local; /* of this one */
	u16 payload;
	u8 protocol;
	u8 control; /* TCP's flags */
	bool odd;   /* options, or a header behind the first */
};

static __always_inline u32 number16(const u8 *bytes)
{
	return (u32)bytes[0] << 8 | bytes[1];
}

/* Of a header. kernel: it may lie anywhere, which this machine's words may too. */
static __always_inline u32 header_word(const u8 *header, u32 at)
{
	return *(const u32 *)(header + at);
}

/*
 * A header where it lies, if that is in one piece, as headers of what a socket sends are; else its copy, where there is room for
 * one. NULL where the packet ends before, or is in pieces and there is no room. verifier: not copied by words, for 6.18 loses the
 * trace of such words on the stack ("stack slot 0, total slots 0").
 */
static __always_inline const u8 *packet_header(struct __sk_buff *skb, u32 at, u8 *copy, u32 size)
{
	const u8 *data = (const u8 *)(long)skb->data + at;

	if (data + size <= (const u8 *)(long)skb->data_end)
		return data;
	return !copy || bpf_skb_load_bytes(skb, at, copy, size) ? NULL : copy;
}

/* Returns where the next header begins; 0 for what is no packet of this version. */
static __always_inline u32 packet_four(struct __sk_buff *skb, struct packet *p, bool leaves, u8 *copy)
{
	const u8 *header = packet_header(skb, 0, copy, IP4_HEADER);

	if (!header)
		return 0;
	p->protocol = header[9];
	p->odd = header[0] != 0x45 || number16(header + 6) & 0x1fff;
	address_four(p->address, header_word(header, leaves ? 16 : 12));
	return IP4_HEADER;
}

/* Headers that stand between that of version 6 and the transport's (RFC 8200 4.1): some lead elsewhere, and all hide what is behind. */
static __always_inline bool packet_extended(u32 next)
{
	return next == NEXT_HOPS || next == NEXT_ROUTING || next == NEXT_FRAGMENT || next == NEXT_OPTIONS ||
	       next == NEXT_MOBILITY || next == NEXT_HIP || next == NEXT_SHIM6;
}

/*
 * Of a segment that is longer than version 6 has a length for, the kernel itself puts the length in between (RFC 2675,
 * net/ipv6/ip6_output.c:ip6_xmit), until the segment is cut up: one option, alone in its header. False for anything else.
 */
static __always_inline bool packet_jumbo(struct __sk_buff *skb, struct packet *p, u8 *copy)
{
	const u8 *header = packet_header(skb, IP6_HEADER, copy, JUMBO_HEADER);

	if (!header || header[1] || header[2] != JUMBO_OPTION || header[3] != sizeof(u32) ||
	    bpf_ntohl(header_word(header, 4)) != skb->len - IP6_HEADER)
		return false;
	p->protocol = header[0];
	return true;
}

static __always_inline u32 packet_six(struct __sk_buff *skb, struct packet *p, bool leaves, u8 *copy)
{
	const u8 *header = packet_header(skb, 0, copy, IP6_HEADER);
	u32 size = IP6_HEADER;

	if (!header)
		return 0;
	p->protocol = header[6];
	copy_words(p->address, header + (leaves ? 24 : 8), sizeof(p->address));
	if (p->protocol == NEXT_HOPS && !number16(header + 4) && packet_jumbo(skb, p, copy))
		size += JUMBO_HEADER;
	p->odd = packet_extended(p->protocol);
	return size;
}

static __always_inline u32 packet_ports(struct __sk_buff *skb, struct packet *p, u32 at, bool leaves, u8 *copy)
{
	bool tcp = p->protocol == IPPROTO_TCP;
	const u8 *header = packet_header(skb, at, copy, UDP_HEADER);
	u16 from, to;

	if (!header)
		return 0;
	from = bpf_ntohs(header_word(header, 0));
	to = bpf_ntohs(header_word(header, 0) >> 16);
	p->port = leaves ? to : from;
	p->local = leaves ? from : to;
	if (!tcp)
		return at + UDP_HEADER;
	header = packet_header(skb, at, copy, TCP_HEADER);
	if (!header)
		return 0;
	p->sequence = bpf_ntohl(header_word(header, 4));
	p->control = header[13];
	return at + (header[12] >> 4) * 4;
}

/*
 * The headers, each where it lies; where there is room for the longest of them, a copy of what is in pieces. False for what cannot be
 * read; and without that room for what is odd, since it may only seem so.
 */
static __always_inline bool packet_parse(struct __sk_buff *skb, struct packet *p, bool leaves, u8 *copy)
{
	u32 at = skb->protocol == bpf_htons(ETH_P_IP) ? packet_four(skb, p, leaves, copy) :
							packet_six(skb, p, leaves, copy);

	if (!at)
		return false;
	if (p->odd)
		return copy;
	if (p->protocol != IPPROTO_TCP && p->protocol != IPPROTO_UDP)
		return true;
	at = packet_ports(skb, p, at, leaves, copy);
	if (!at)
		return false;
	p->payload = at;
	p->size = skb->len > at ? skb->len - at : 0;
	return true;
}

/* verifier: global, and a frame of its own. */
__noinline int packet_copied(struct __sk_buff *skb, struct packet *p, bool leaves)
{
	u8 copy[IP6_HEADER] AT_WORDS;

	return p && packet_parse(skb, p, leaves, copy);
}

/* False for what cannot be read. No function is called for headers that lie in one piece, as nearly all do. */
static __always_inline bool packet_read(struct __sk_buff *skb, struct packet *p, bool leaves)
{
	return packet_parse(skb, p, leaves, NULL) || packet_copied(skb, p, leaves);
}
