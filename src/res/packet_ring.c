/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rings of packet sockets. A place is the program's once the kernel has filled it, and the kernel's again
 * when the program says so; while the program stands still, the former only become more. Which place the
 * kernel fills next nobody tells: it is the one behind the newest.
 */
#include "res/packet.h"

#include "base/mem.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define RING_BLOCK(field) offsetof(struct tpacket_block_desc, hdr.bh1.field)

struct ring_look { /* at one place */
	bool full;
	uint64_t when; /* the greater, the later; 0: never */
};

uint64_t packet_ring_size(const struct img_packet_ring *shape)
{
	return (uint64_t)shape->block_size * shape->blocks;
}

static bool ring_makes_sense(const struct img_packet_ring *s)
{
	return !s->blocks || (s->frame_size >= sizeof(struct tpacket_block_desc) &&
			      s->block_size >= s->frame_size &&
			      s->frames / s->blocks == s->block_size / s->frame_size);
}

int packet_ring_map(struct packet_ring *ring, int fd, const struct img_packet *p, struct err *err)
{
	void *at = NULL;

	*ring = (struct packet_ring){
		.receive_size = packet_ring_size(&p->receive),
		.size = packet_ring_size(&p->receive) + packet_ring_size(&p->send),
		.version = packet_option_version(p),
		.shape = &p->receive,
	};
	if (!ring_makes_sense(&p->receive))
		return err_say(err, EBADMSG, "the ring of a packet socket makes no sense");
	if (ring->size)
		at = mmap(NULL, ring->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return err_set(err, errno, "map the rings of a packet socket");
	ring->at = at;
	return 0;
}

void packet_ring_unmap(struct packet_ring *ring)
{
	if (ring->at)
		munmap(ring->at, ring->size);
	ring->at = NULL;
}

static bool ring_has_blocks(const struct packet_ring *ring)
{
	return ring->version == TPACKET_V3;
}

uint32_t packet_ring_places(const struct packet_ring *ring)
{
	return ring_has_blocks(ring) ? ring->shape->blocks : ring->shape->frames;
}

size_t packet_ring_place_size(const struct packet_ring *ring)
{
	return ring_has_blocks(ring) ? ring->shape->block_size : ring->shape->frame_size;
}

uint8_t *packet_ring_place(const struct packet_ring *ring, uint32_t n)
{
	const struct img_packet_ring *s = ring->shape;
	uint32_t each = s->block_size / s->frame_size;

	if (ring_has_blocks(ring))
		return ring->at + (size_t)n * s->block_size;
	return ring->at + (size_t)(n / each) * s->block_size + (size_t)(n % each) * s->frame_size;
}

/* Of TPACKET_V1 it is a long word, whose low half says enough. */
static uint32_t *ring_status(const struct packet_ring *ring, uint32_t n)
{
	return (uint32_t *)(void *)(packet_ring_place(ring, n) +
				    (ring_has_blocks(ring) ? RING_BLOCK(block_status) : 0));
}

bool packet_ring_is_full(const struct packet_ring *ring, uint32_t n)
{
	return __atomic_load_n(ring_status(ring, n), __ATOMIC_ACQUIRE) & TP_STATUS_USER;
}

void packet_ring_give(const struct packet_ring *ring, uint32_t n)
{
	__atomic_store_n(ring_status(ring, n), TP_STATUS_KERNEL, __ATOMIC_RELEASE);
}

/* Blocks are counted; frames tell when their packet came, also when they have been given back. */
static uint64_t ring_when(const struct packet_ring *ring, uint32_t n)
{
	const void *place = packet_ring_place(ring, n);
	const struct tpacket_hdr *one = place;
	const struct tpacket2_hdr *two = place;

	switch (ring->version) {
	case TPACKET_V1:
		return one->tp_sec * UINT64_C(1000000) + one->tp_usec;
	case TPACKET_V2:
		return two->tp_sec * UINT64_C(1000000000) + two->tp_nsec;
	default:
		return ((const struct tpacket_block_desc *)place)->hdr.bh1.seq_num;
	}
}

uint32_t packet_ring_newest(const struct packet_ring *ring)
{
	uint32_t newest = 0;

	for (uint32_t i = 1; i < packet_ring_places(ring); i++)
		if (ring_when(ring, i) > ring_when(ring, newest))
			newest = i;
	return newest;
}

/*
 * Against the direction in which the kernel fills them: if one is full, so are those before it that are
 * looked at later. What is looked at first, @from, is best far from where it fills.
 */
static void ring_look(const struct packet_ring *ring, struct ring_look *look, uint32_t from)
{
	uint32_t n = packet_ring_places(ring);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = (from + n - i) % n;

		look[at].full = packet_ring_is_full(ring, at);
		look[at].when = ring_when(ring, at);
	}
}

/*
 * Behind the newest of @n frames time falls most: packets that came at nearly the same time may stand the
 * other way round, and the clock may have been set.
 */
static uint32_t ring_behind_newest(const struct ring_look *look, uint32_t n)
{
	uint64_t most = 0;
	uint32_t head = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t here = look[i].when, next = look[(i + 1) % n].when;

		if (here > next && here - next > most) {
			most = here - next;
			head = (i + 1) % n;
		}
	}
	return head;
}

/* Where those that the program has end; where they do not stand all together time must tell. */
static uint32_t ring_head_of_frames(const struct ring_look *look, uint32_t n)
{
	uint32_t head = 0, ends = 0;

	for (uint32_t i = 0; i < n; i++)
		if (look[i].full && !look[(i + 1) % n].full) {
			head = (i + 1) % n;
			ends++;
		}
	return ends == 1 ? head : ring_behind_newest(look, n);
}

/*
 * The newest, if it is still open, else the one behind it. If that is the program's there was no room: the
 * newest must do, and what stands in it is lost.
 */
static uint32_t ring_head_of_blocks(const struct ring_look *look, uint32_t n)
{
	uint32_t newest = 0, next;

	for (uint32_t i = 1; i < n; i++)
		if (look[i].when > look[newest].when)
			newest = i;
	next = (newest + 1) % n;
	return look[newest].full && !look[next].full ? next : newest;
}

static uint32_t ring_head(const struct packet_ring *ring, const struct ring_look *look)
{
	uint32_t n = packet_ring_places(ring);

	return ring_has_blocks(ring) ? ring_head_of_blocks(look, n) : ring_head_of_frames(look, n);
}

static int ring_keep(const struct packet_ring *ring, uint32_t n, struct model *pool)
{
	const struct img_packet_place place = { .number = n };
	int rc = model_put_bytes(pool, &(struct img_ref){ 0 }, &place, sizeof(place));

	return rc < 0 ? rc
		      : model_put_bytes(pool, &(struct img_ref){ 0 }, packet_ring_place(ring, n),
					packet_ring_place_size(ring));
}

int packet_ring_take(const struct packet_ring *ring, struct img_packet *p, struct model *pool,
		     struct err *err)
{
	uint32_t n = packet_ring_places(ring);
	struct ring_look *look = calloc(n + 1, sizeof(*look));
	int rc = 0;

	if (!look)
		return err_set(err, ENOMEM, "look at the ring of a packet socket");
	if (n) {
		ring_look(ring, look, 0);
		ring_look(ring, look, (ring_head(ring, look) + n / 2) % n);
		p->head = ring_head(ring, look);
	}
	for (uint32_t i = 0; rc >= 0 && i < n; i++)
		if (look[i].full && !(ring_has_blocks(ring) && i == p->head)) {
			rc = ring_keep(ring, i, pool);
			p->places++;
		}
	free(look);
	return rc < 0 ? err_set(err, rc, "keep the ring of a packet socket") : 0;
}

bool packet_ring_is_unsent(const struct packet_ring *ring)
{
	return mem_is_zero(ring->at + ring->receive_size, ring->size - ring->receive_size);
}
