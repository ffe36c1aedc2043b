/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sockets by family, type and protocol. What goes over a network without a name and an address that other hooks see, a raw
 * socket, a packet's, a virtual machine's, is decided where the socket is made; afterwards nobody is asked.
 */
#pragma once

#include "../include/repeat.h"
#include "../include/spell.h"

enum spellings {
	SPELT_MAX = 19,
	FAMILIES = 64, /* powers of two beyond AF_MAX and SOCK_TYPE_MASK */
	TYPES = 16,
};

struct spelt {
	u8 length;
	char text[SPELT_MAX];
};

#define SPELT(text)               \
	{                         \
		sizeof(text) - 1, \
		text,             \
	}

/* include/linux/socket.h. What is younger than these lists has no name of its own. */
static const struct spelt unknown = SPELT("/UNKNOWN");
static const struct spelt families[FAMILIES] = {
	SPELT("/AF_UNSPEC"),	 SPELT("/AF_UNIX"),	 SPELT("/AF_INET"),	SPELT("/AF_AX25"),
	SPELT("/AF_IPX"),	 SPELT("/AF_APPLETALK"), SPELT("/AF_NETROM"),	SPELT("/AF_BRIDGE"),
	SPELT("/AF_ATMPVC"),	 SPELT("/AF_X25"),	 SPELT("/AF_INET6"),	SPELT("/AF_ROSE"),
	SPELT("/AF_DECNET"),	 SPELT("/AF_NETBEUI"),	 SPELT("/AF_SECURITY"), SPELT("/AF_KEY"),
	SPELT("/AF_NETLINK"),	 SPELT("/AF_PACKET"),	 SPELT("/AF_ASH"),	SPELT("/AF_ECONET"),
	SPELT("/AF_ATMSVC"),	 SPELT("/AF_RDS"),	 SPELT("/AF_SNA"),	SPELT("/AF_IRDA"),
	SPELT("/AF_PPPOX"),	 SPELT("/AF_WANPIPE"),	 SPELT("/AF_LLC"),	SPELT("/AF_IB"),
	SPELT("/AF_MPLS"),	 SPELT("/AF_CAN"),	 SPELT("/AF_TIPC"),	SPELT("/AF_BLUETOOTH"),
	SPELT("/AF_IUCV"),	 SPELT("/AF_RXRPC"),	 SPELT("/AF_ISDN"),	SPELT("/AF_PHONET"),
	SPELT("/AF_IEEE802154"), SPELT("/AF_CAIF"),	 SPELT("/AF_ALG"),	SPELT("/AF_NFC"),
	SPELT("/AF_VSOCK"),	 SPELT("/AF_KCM"),	 SPELT("/AF_QIPCRTR"),	SPELT("/AF_SMC"),
	SPELT("/AF_XDP"),	 SPELT("/AF_MCTP"),
};
static const struct spelt types[TYPES] = {
	[0] = SPELT("/0"),  SPELT("/SOCK_STREAM"),    SPELT("/SOCK_DGRAM"), SPELT("/SOCK_RAW"),
	SPELT("/SOCK_RDM"), SPELT("/SOCK_SEQPACKET"), SPELT("/SOCK_DCCP"),  [10] = SPELT("/SOCK_PACKET"),
};

/* In front of the text that the buffer has at its end. */
static __always_inline void spell_before(struct buffer *buffer, const struct spelt *word)
{
	if (!word->length)
		word = &unknown;
	buffer->name.offset -= word->length;
	bpf_probe_read_kernel(buffer->text + (buffer->name.offset & (TEXT_MAX - 1)), BOUNDED(word->length, 31),
			      word->text);
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
	spell_begin(buffer);
	spell_number(buffer, protocol_meant(family, type, protocol));
	spell_byte(buffer, '/');
	spell_before(buffer, &types[type & (TYPES - 1)]);
	spell_before(buffer, &families[family & (FAMILIES - 1)]);
	spell_end(buffer);
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

/* Which socket of everyday it is; EVERYDAY for another one. */
static __always_inline u32 family_everyday(u32 family, u32 type, u32 protocol)
{
	bool datagram = type == SOCK_DGRAM;

	if (type != SOCK_STREAM && !datagram)
		return EVERYDAY;
	if (family == AF_UNIX)
		return protocol ? EVERYDAY : EVERYDAY_STREAM + datagram;
	if (!family_ordinary(family, type, protocol))
		return EVERYDAY;
	return (family == AF_INET6 ? EVERYDAY_TCP6 : EVERYDAY_TCP) + datagram;
}

static __always_inline u32 family_action(const u8 *table, struct subject *who, u32 everyday)
{
	u32 field = __builtin_offsetof(struct table_header, everyday) + (everyday & (EVERYDAY - 1)) * sizeof(u64);
	struct question q = { .op = OP_NET_FAMILY, .wanted = true };
	u64 masks[ACTIONS * PATH_WORDS];

	who->masks = masks;
	return net_action(table, who, &q, FIELD(table, u64, field));
}

/*
 * Whether the table lets a socket of everyday be made: what the walk over its name would find is known already. verifier: global,
 * or each kind of socket would be walked.
 */
__noinline int family_allowed(struct task_state *state, u32 everyday)
{
	const u8 *table = table_now();
	struct session *session;
	struct subject who;
	u64 print, label;
	int action;

	if (!state || everyday >= EVERYDAY || !table)
		return false;
	session = session_of(state);
	if (!session)
		return false;
	who = subject_of(state, session);
	print = repeat_of(table, &who, OP_NET_FAMILY, 0);
	print = print ? print_mix(print, everyday) : 0;
	action = repeat_find(print, &label);
	if (action == REPEAT_NONE) {
		action = family_action(table, &who, everyday);
		repeat_keep(print, 0, action);
	}
	if (action != ACTION_ALLOW)
		return false;
	judge_seen(session, 1ull << OP_NET_FAMILY);
	count(COUNT_JUDGED);
	return true;
}

/* security_socket_create. One that the kernel makes for itself is nobody's. */
static __always_inline int decide_socket(u32 family, u32 type, u32 protocol, u32 kernel)
{
	struct task_state *state = kernel ? NULL : task_state();
	struct buffer *buffer;
	int error;

	if (!state)
		return 0;
	if (family_allowed(state, family_everyday(family, type, protocol)))
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
