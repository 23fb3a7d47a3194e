/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet sockets: what the files packet*.c of this room share.
 *
 * They see copies of all traffic, and what they have received nobody can send again: they come back with an
 * empty queue. A ring is memory that the program shares with the kernel, and what stands in it for the
 * program does come back; but the kernel begins at the first place of a new ring, and the program goes on
 * where it was, so that the new ring must be turned to there.
 *
 * The one rule: while it is made a socket hears nothing of anybody's but what turns its ring.
 */
#pragma once

#include "base/err.h"
#include "image/model.h"
#include "res/res.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PACKET_ARG_TYPE }; /* img_file.arg */

/* Of the options in packet_option.c. The second older kernels tell by sock_diag alone. */
enum { PACKET_OPTION_VERSION, PACKET_OPTION_COPY_THRESH = 11 };

void packet_option_get(int fd, struct img_packet *p);
void packet_option_set(int fd, const struct img_packet *p);
uint32_t packet_option_version(const struct img_packet *p);

/* The records of @f; NULL where they make no sense. Behind @p: its options, its members. */
const struct img_packet *packet_of(const struct model *m, const struct img_file *f);
const void *packet_options(const struct img_packet *p);
const struct img_packet_member *packet_members(const struct img_packet *p);

/* packet_ring.c: the rings of a socket, in our own memory too: that for receiving, then that for sending. */
struct packet_ring {
	uint8_t *at; /* NULL: none */
	size_t receive_size, size; /* bytes; of both */
	uint32_t version; /* TPACKET_V3: its places are blocks, else frames */
	const struct img_packet_ring *shape; /* of that for receiving */
};

uint64_t packet_ring_size(const struct img_packet_ring *shape);
int packet_ring_map(struct packet_ring *ring, int fd, const struct img_packet *p, struct err *err);
void packet_ring_unmap(struct packet_ring *ring);

uint32_t packet_ring_places(const struct packet_ring *ring);
size_t packet_ring_place_size(const struct packet_ring *ring);
uint8_t *packet_ring_place(const struct packet_ring *ring, uint32_t n);

/* Is place @n the program's? And give it to the kernel. */
bool packet_ring_is_full(const struct packet_ring *ring, uint32_t n);
void packet_ring_give(const struct packet_ring *ring, uint32_t n);
/* Of blocks: that which the kernel has opened last. */
uint32_t packet_ring_newest(const struct packet_ring *ring);

/* What stands in the ring for the program, into @pool, while the kernel goes on filling it. */
int packet_ring_take(const struct packet_ring *ring, struct img_packet *p, struct model *pool,
		     struct err *err);
/* Nothing has ever been sent by it. */
bool packet_ring_is_unsent(const struct packet_ring *ring);

/* packet_turn.c: let the kernel go on at place @head of the ring of @fd, which is new; by way of "lo". */
int packet_turn(int fd, const struct packet_ring *ring, uint32_t head, bool headless,
		struct err *err);
int packet_turn_check(struct err *err);

/* packet_make.c */
int packet_make(struct res_restart *r, const struct img_file *f, struct err *err);
