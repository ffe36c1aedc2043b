/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sockets by family, type and protocol. What goes over a network without a name and an address that other hooks see, a raw
 * socket, a packet's, a virtual machine's, is decided where the socket is made; afterwards nobody is asked.
 */
#pragma once

#include "../include/judge.h"

enum words {
	WORD_MAX = 19,
	FAMILIES = 64, /* powers of two beyond AF_MAX and SOCK_TYPE_MASK */
	TYPES = 16,
	PROTOCOL_DIGITS = 10,
};

struct word {
	u8 length;
	char text[WORD_MAX];
};

#define WORD(text)                \
	{                         \
		sizeof(text) - 1, \
		text,             \
	}

/* include/linux/socket.h. What is younger than these lists has no name of its own. */
static const struct word unknown = WORD("/UNKNOWN");
static const struct word families[FAMILIES] = {
	WORD("/AF_UNSPEC"),    WORD("/AF_UNIX"),       WORD("/AF_INET"),    WORD("/AF_AX25"),	 WORD("/AF_IPX"),
	WORD("/AF_APPLETALK"), WORD("/AF_NETROM"),     WORD("/AF_BRIDGE"),  WORD("/AF_ATMPVC"),	 WORD("/AF_X25"),
	WORD("/AF_INET6"),     WORD("/AF_ROSE"),       WORD("/AF_DECNET"),  WORD("/AF_NETBEUI"), WORD("/AF_SECURITY"),
	WORD("/AF_KEY"),       WORD("/AF_NETLINK"),    WORD("/AF_PACKET"),  WORD("/AF_ASH"),	 WORD("/AF_ECONET"),
	WORD("/AF_ATMSVC"),    WORD("/AF_RDS"),	       WORD("/AF_SNA"),	    WORD("/AF_IRDA"),	 WORD("/AF_PPPOX"),
	WORD("/AF_WANPIPE"),   WORD("/AF_LLC"),	       WORD("/AF_IB"),	    WORD("/AF_MPLS"),	 WORD("/AF_CAN"),
	WORD("/AF_TIPC"),      WORD("/AF_BLUETOOTH"),  WORD("/AF_IUCV"),    WORD("/AF_RXRPC"),	 WORD("/AF_ISDN"),
	WORD("/AF_PHONET"),    WORD("/AF_IEEE802154"), WORD("/AF_CAIF"),    WORD("/AF_ALG"),	 WORD("/AF_NFC"),
	WORD("/AF_VSOCK"),     WORD("/AF_KCM"),	       WORD("/AF_QIPCRTR"), WORD("/AF_SMC"),	 WORD("/AF_XDP"),
	WORD("/AF_MCTP"),
};
static const struct word types[TYPES] = {
	[0] = WORD("/0"),  WORD("/SOCK_STREAM"),    WORD("/SOCK_DGRAM"), WORD("/SOCK_RAW"),
	WORD("/SOCK_RDM"), WORD("/SOCK_SEQPACKET"), WORD("/SOCK_DCCP"),	 [10] = WORD("/SOCK_PACKET"),
};

/* In front of the text that the buffer has at its end. */
static __always_inline void word_before(struct buffer *buffer, const struct word *word)
{
	if (!word->length)
		word = &unknown;
	buffer->name.offset -= word->length;
	bpf_probe_read_kernel(buffer->text + (buffer->name.offset & (TEXT_MAX - 1)), BOUNDED(word->length, 31),
			      word->text);
}

/* bound: PROTOCOL_DIGITS, which a u32 does not exceed. */
static __always_inline void number_before(struct buffer *buffer, u32 number)
{
	for (u32 i = 0; i < PROTOCOL_DIGITS; i++) {
		buffer->name.offset--;
		buffer->text[buffer->name.offset & (TEXT_MAX - 1)] = '0' + number % 10;
		number /= 10;
		if (!number)
			break;
	}
}

/* What the kernel makes of protocol 0 there (net/ipv4/af_inet.c:inetsw_array). */
static __always_inline u32 protocol_meant(u32 family, u32 type, u32 protocol)
{
	if (protocol || (family != AF_INET && family != AF_INET6))
		return protocol;
	return type == SOCK_STREAM ? IPPROTO_TCP : type == SOCK_DGRAM ? IPPROTO_UDP : 0;
}

/* /AF_INET/SOCK_STREAM/6 to the buffer. verifier: global, as name_of. */
__noinline int name_family(struct buffer *buffer, u32 family, u32 type, u32 protocol)
{
	if (!buffer)
		return 0;
	__builtin_memset(&buffer->name, 0, sizeof(buffer->name));
	buffer->text[TEXT_END] = 0;
	buffer->name.offset = TEXT_END;
	number_before(buffer, protocol_meant(family, type, protocol));
	buffer->name.offset--;
	buffer->text[buffer->name.offset & (TEXT_MAX - 1)] = '/';
	word_before(buffer, &types[type & (TYPES - 1)]);
	word_before(buffer, &families[family & (FAMILIES - 1)]);
	buffer->name.length = TEXT_END - buffer->name.offset;
	return 0;
}

/*
 * Those of everyday: what they reach is asked by name, by address, or by what a unix socket's server bound. So a default on
 * networks is none on them; a rule may name them all the same. KEEP-SYNC family v1 (enforce/net.go)
 */
static __always_inline bool family_ordinary(u32 family, u32 type, u32 protocol)
{
	protocol = protocol_meant(family, type, protocol);
	if (family == AF_UNIX)
		return true;
	return (family == AF_INET || family == AF_INET6) &&
	       ((type == SOCK_STREAM && protocol == IPPROTO_TCP) || (type == SOCK_DGRAM && protocol == IPPROTO_UDP));
}

/* security_socket_create. One that the kernel makes for itself is nobody's. */
static __always_inline int decide_socket(u32 family, u32 type, u32 protocol, u32 kernel)
{
	struct task_state *state = kernel ? NULL : task_state();
	struct buffer *buffer;
	int error;

	if (!state)
		return 0;
	buffer = buffer_take();
	if (!buffer)
		return judge_blind(state, OP_NET_FAMILY);
	buffer->question.op = OP_NET_FAMILY;
	buffer->question.second = OP_NONE;
	buffer->question.wanted = family_ordinary(family, type, protocol);
	buffer->question.quiet = QUIET_ALLOWED;
	buffer->question.flags = 0;
	__builtin_memset(&buffer->source, 0, sizeof(buffer->source));
	name_family(buffer, family, type, protocol);
	error = judge_net(state, buffer);
	buffer_give(buffer);
	return error;
}
