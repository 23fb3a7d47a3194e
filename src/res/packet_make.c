/* SPDX-License-Identifier: Apache-2.0 */
/* Packet sockets at a restart. An interface is known by its name: its number may be another one now. */
#include "base/owned.h"
#include "base/text.h"
#include "res/inet.h"
#include "res/kinds.h"
#include "res/packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

static int packet_type(const struct img_file *f)
{
	return (int)f->arg[PACKET_ARG_TYPE];
}

/* Without a protocol it hears nothing; those of the old kind (SOCK_PACKET) can have none later. */
static int packet_open(const struct img_packet *p, const struct img_file *f, struct err *err)
{
	int protocol = packet_type(f) == SOCK_PACKET ? htons(p->protocol) : 0;
	int fd = socket(AF_PACKET, packet_type(f) | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

	if (fd < 0 && errno == EPERM)
		return err_say(err, EPERM,
			       "it has a packet socket, which only a user with the capability "
			       "CAP_NET_RAW may make: restart it as root");
	return fd < 0 ? err_set(err, errno, "make a packet socket") : fd;
}

/* 0: none is named. */
static int packet_interface(const char *name, struct err *err)
{
	char copy[IF_NAMESIZE] = "";
	unsigned int index;

	text_copy(copy, sizeof(copy), name);
	if (!copy[0])
		return 0;
	index = if_nametoindex(copy);
	if (!index)
		return err_say(err, ENODEV,
			       "it has a packet socket of the network interface '%s', which is not "
			       "here",
			       copy);
	return (int)index;
}

int res_check_packet(const struct model *m, const struct img_file *f, struct err *err)
{
	const struct img_packet *p = packet_of(m, f);
	OWNED_FD int fd = -1;
	int rc;

	if (!p)
		return err_say(err, EBADMSG, "a packet socket's record is damaged");
	fd = packet_open(p, f, err);
	rc = fd < 0 ? fd : packet_interface(p->interface, err);
	for (uint32_t i = 0; rc >= 0 && i < p->members; i++)
		rc = packet_interface(packet_members(p)[i].interface, err);
	return rc < 0 || !p->head ? rc : packet_turn_check(err);
}

static void packet_buffers(int fd, const struct img_packet *p)
{
	if (p->buffers_locked & 1)
		res_set_buffer(fd, SO_SNDBUF, p->sndbuf);
	if (p->buffers_locked & 2)
		res_set_buffer(fd, SO_RCVBUF, p->rcvbuf);
}

static int packet_add_ring(int fd, int name, const struct img_packet *p,
			   const struct img_packet_ring *shape, struct err *err)
{
	const struct tpacket_req3 req = { .tp_block_size = shape->block_size,
					  .tp_block_nr = shape->blocks,
					  .tp_frame_size = shape->frame_size,
					  .tp_frame_nr = shape->frames,
					  .tp_retire_blk_tov = shape->retire_ms,
					  .tp_sizeof_priv = shape->private_size,
					  .tp_feature_req_word = shape->features };
	bool three = packet_option_version(p) == TPACKET_V3;
	socklen_t len = three ? sizeof(req) : sizeof(struct tpacket_req);

	if (shape->blocks && setsockopt(fd, SOL_PACKET, name, &req, len) < 0)
		return err_set(err, errno, "make the ring of a packet socket");
	return 0;
}

/* What stood in the ring for the program; that it is the program's is said last. */
static int packet_fill(const struct packet_ring *ring, const struct model *m,
		       const struct img_file *f, const struct img_packet *p, struct err *err)
{
	const uint8_t *at = (const void *)(packet_members(p) + p->members);
	const uint8_t *end = (const uint8_t *)model_bytes(m, f->data) + f->data.len;
	size_t size = packet_ring_place_size(ring);
	size_t status = ring->version == TPACKET_V3
				? offsetof(struct tpacket_block_desc, hdr.bh1.block_status)
				: 0;

	for (uint32_t i = 0; i < p->places; i++) {
		const struct img_packet_place *place = (const void *)at;
		uint8_t *to;
		uint32_t word;

		if ((size_t)(end - at) < sizeof(*place) + size ||
		    place->number >= packet_ring_places(ring))
			return err_say(err, EBADMSG, "a packet socket's record is damaged");
		at += sizeof(*place);
		to = packet_ring_place(ring, place->number);
		memcpy(to, at, status);
		memcpy(to + status + sizeof(word), at + status + sizeof(word),
		       size - status - sizeof(word));
		memcpy(&word, at + status, sizeof(word));
		__atomic_store_n((uint32_t *)(void *)(to + status), word, __ATOMIC_RELEASE);
		at += (size_t)(end - at) < INET_ALIGN(size) ? (size_t)(end - at) : INET_ALIGN(size);
	}
	return 0;
}

static int packet_rings(const struct model *m, const struct img_file *f, const struct img_packet *p,
			int fd, struct err *err)
{
	struct packet_ring ring;
	struct tpacket_stats_v3 counted;
	socklen_t len = sizeof(counted);
	int rc = packet_add_ring(fd, PACKET_RX_RING, p, &p->receive, err);

	if (rc >= 0)
		rc = packet_add_ring(fd, PACKET_TX_RING, p, &p->send, err);
	if (rc < 0 || (!p->head && !p->places))
		return rc;
	rc = packet_ring_map(&ring, fd, p, err);
	if (rc < 0)
		return rc;
	if (p->head >= packet_ring_places(&ring))
		rc = err_say(err, EBADMSG, "a packet socket's record is damaged");
	else if (p->head)
		rc = packet_turn(fd, &ring, p->head, packet_type(f) == SOCK_DGRAM, err);
	filter_deafen(fd);
	getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &counted, &len);
	if (rc >= 0)
		rc = packet_fill(&ring, m, f, p, err);
	packet_ring_unmap(&ring);
	return rc;
}

/* One of the old kind is bound by name. */
static int packet_bind(int fd, const struct img_file *f, const struct img_packet *p,
		       struct err *err)
{
	int index = packet_interface(p->interface, err), why, rc;
	struct sockaddr old = { .sa_family = AF_PACKET };
	struct sockaddr_ll name = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(p->protocol),
				    .sll_ifindex = index };
	socklen_t len = sizeof(why);

	if (index <= 0 && (index < 0 || !p->protocol || packet_type(f) == SOCK_PACKET))
		return index;
	text_copy(old.sa_data, sizeof(old.sa_data), p->interface);
	rc = packet_type(f) == SOCK_PACKET ? bind(fd, &old, sizeof(old))
					   : bind(fd, (const void *)&name, sizeof(name));
	if (rc < 0)
		return err_set(err, errno, "bind a packet socket to interface '%s'", p->interface);
	/* That its interface is down the program has been told before. */
	if (!p->running)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len);
	return 0;
}

static int packet_join(int fd, const struct img_packet_member *one, struct err *err)
{
	struct {
		int index;
		unsigned short type, len;
		uint8_t address[sizeof(one->address)];
	} request = { .index = packet_interface(one->interface, err),
		      .type = one->type,
		      .len = one->address_len };

	if (request.index < 0)
		return request.index;
	memcpy(request.address, one->address, sizeof(request.address));
	for (uint32_t i = 0; i < one->count; i++)
		if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof(request)) <
		    0)
			return err_set(err, errno, "let interface '%s' receive more again",
				       one->interface);
	return 0;
}

static int packet_set(const struct model *m, const struct img_file *f, const struct img_packet *p,
		      int fd, struct err *err)
{
	int rc;

	packet_buffers(fd, p);
	inet_options_set(fd, packet_options(p), p->options_len, true);
	inet_options_set(fd, packet_options(p), p->options_len, false);
	packet_option_set(fd, p);
	rc = packet_rings(m, f, p, fd, err);
	if (rc >= 0)
		rc = packet_bind(fd, f, p, err);
	for (uint32_t i = 0; rc >= 0 && i < p->members; i++)
		rc = packet_join(fd, &packet_members(p)[i], err);
	if (rc >= 0 && p->fanout &&
	    setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &p->fanout, sizeof(p->fanout)) < 0)
		rc = err_set(err, errno, "let a packet socket join group %u again",
			     p->fanout & 0xffff);
	if (rc >= 0 && fcntl(fd, F_SETFL, f->open_flags) < 0)
		rc = err_set(err, errno, "flags of a packet socket");
	return rc;
}

int packet_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	const struct img_packet *p = packet_of(r->m, f);
	OWNED_FD int fd = -1;
	int rc;

	if (!p)
		return err_say(err, EBADMSG, "a packet socket's record is damaged");
	fd = packet_open(p, f, err);
	if (fd < 0)
		return fd;
	filter_deafen(fd);
	rc = packet_set(r->m, f, p, fd, err);
	return rc < 0 ? rc : owned_fd_take(&fd);
}
