/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rings of packet sockets, of all three versions: what the program has not taken out of one yet is there, and
 * what comes then stands where the program, which has been round already, goes on looking; also where there
 * is no room left. A child that has inherited the mapping sees the same.
 */
#include "live_packet.h"

#include <stddef.h>

enum {
	BLOCKS = 4,
	BLOCK = 4096,
	FRAME = 1024,
	RETIRE_MS = 5,
	BEFORE = 23,
	LEFT = 2,
	AFTER = 30,
	EARLIER = 7
};

struct ring {
	int fd, version;
	uint32_t mark;
	uint8_t *at;
	uint32_t next, places;
};

static uint8_t *place(const struct ring *r, uint32_t n)
{
	return r->at + n * (r->version == TPACKET_V3 ? BLOCK : FRAME);
}

static uint32_t *status(const struct ring *r, uint32_t n)
{
	return (uint32_t *)(void *)(place(r, n) +
				    (r->version == TPACKET_V3
					     ? offsetof(struct tpacket_block_desc, hdr.bh1)
					     : 0));
}

static void ring_init(struct ring *r, int version, uint32_t n)
{
	const struct tpacket_req3 req = {
		.tp_block_size = BLOCK,
		.tp_block_nr = BLOCKS,
		.tp_frame_size = FRAME,
		.tp_frame_nr = BLOCKS * BLOCK / FRAME,
		.tp_retire_blk_tov = version == TPACKET_V3 ? RETIRE_MS : 0,
	};
	const struct sockaddr_ll lo = packet_lo();
	int fd = packet_socket(version == TPACKET_V2 ? SOCK_DGRAM : SOCK_RAW);

	packet_filter(fd, version == TPACKET_V2 ? 0 : 14, packet_mark(n));
	LIVE_CHECK(!setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)));
	LIVE_CHECK(!setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req,
			       version == TPACKET_V3 ? sizeof(req) : sizeof(struct tpacket_req)));
	*r = (struct ring){ .fd = fd,
			    .version = version,
			    .mark = packet_mark(n),
			    .places = version == TPACKET_V3 ? BLOCKS : req.tp_frame_nr };
	r->at = mmap(NULL, BLOCKS * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	LIVE_CHECK(r->at != MAP_FAILED);
	LIVE_CHECK(!bind(fd, (const void *)&lo, sizeof(lo)));
}

/* A packet fills a block nearly: the last is closed when its time is up. */
static void await(const struct ring *r, uint32_t n)
{
	struct pollfd p = { .fd = r->fd, .events = POLLIN };

	while (!(__atomic_load_n(status(r, n % r->places), __ATOMIC_ACQUIRE) & TP_STATUS_USER))
		LIVE_CHECK(poll(&p, 1, RETIRE_MS) >= 0);
}

/* The number of the packet that stands in place @n. */
static uint32_t number(const struct ring *r, uint32_t n)
{
	const uint8_t *at = place(r, n);
	uint32_t bytes[2];
	uint16_t net;

	if (r->version == TPACKET_V1) {
		net = ((const struct tpacket_hdr *)(const void *)at)->tp_net;
	} else if (r->version == TPACKET_V2) {
		net = ((const struct tpacket2_hdr *)(const void *)at)->tp_net;
	} else {
		at += ((const struct tpacket_block_desc *)(const void *)at)
			      ->hdr.bh1.offset_to_first_pkt;
		net = ((const struct tpacket3_hdr *)(const void *)at)->tp_net;
	}
	memcpy(bytes, at + net, sizeof(bytes));
	LIVE_EQUAL(ntohl(bytes[0]), r->mark);
	return bytes[1];
}

/* Blocks may be closed with nothing in them. */
static bool is_empty(const struct ring *r)
{
	return r->version == TPACKET_V3 &&
	       !((const struct tpacket_block_desc *)(const void *)place(r, r->next))
			->hdr.bh1.num_pkts;
}

static void receive(struct ring *r, uint32_t want)
{
	bool empty;

	do {
		await(r, r->next);
		empty = is_empty(r);
		if (!empty)
			LIVE_EQUAL(number(r, r->next), want);
		__atomic_store_n(status(r, r->next), TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		r->next = (r->next + 1) % r->places;
	} while (empty);
}

static void send_one(int sender, const struct ring *r, uint32_t n)
{
	packet_send(sender, r->mark, n);
}

/* Tells whether @r's next place is the program's, when it is asked. */
static pid_t child(const struct ring *r, int ask[2])
{
	pid_t pid;
	char byte;

	LIVE_CHECK(!pipe(ask));
	pid = fork();
	if (pid)
		return pid;
	close(ask[1]);
	if (read(ask[0], &byte, 1) != 1)
		_exit(0); /* who would ask has been killed */
	_exit(__atomic_load_n(status(r, r->next), __ATOMIC_ACQUIRE) & TP_STATUS_USER ? 0 : 9);
}

/* More packets than there is room for, after so many that it does not begin at the first place. */
static void fill(int sender, struct ring *r)
{
	for (uint32_t n = 0; n < EARLIER; n++) {
		send_one(sender, r, n);
		receive(r, n);
	}
	for (uint32_t n = 0; n < r->places + LEFT; n++)
		send_one(sender, r, EARLIER + n);
	await(r, r->next + r->places - 1);
}

/* The newest of blocks is lost where there was no room behind it. */
static void empty(int sender, struct ring *r)
{
	uint32_t n = EARLIER, end = EARLIER + r->places;

	while (n < end - (r->version == TPACKET_V3))
		receive(r, n++);
	if (n < end && *status(r, r->next) & TP_STATUS_USER && !is_empty(r))
		receive(r, n);
	for (n = 0; n < AFTER; n++) {
		send_one(sender, r, 1000 + n);
		receive(r, 1000 + n);
	}
}

int main(void)
{
	struct ring rings[3], full[3];
	int sender = packet_socket(SOCK_DGRAM), ask[2], how;
	pid_t pid;

	for (int v = TPACKET_V1; v <= TPACKET_V3; v++) {
		struct ring *r = &rings[v];

		ring_init(&full[v], v, (uint32_t)v + 4);
		fill(sender, &full[v]);
		ring_init(r, v, (uint32_t)v + 1);
		for (uint32_t n = 0; n < BEFORE; n++) {
			send_one(sender, r, n);
			if (n >= LEFT)
				receive(r, n - LEFT);
		}
		await(r, r->next + LEFT - 1);
	}
	pid = child(&rings[TPACKET_V2], ask);

	live_ready();

	LIVE_CHECK(write(ask[1], "", 1) == 1);
	LIVE_CHECK(waitpid(pid, &how, 0) == pid);
	LIVE_EQUAL(how, 0);
	for (int v = TPACKET_V1; v <= TPACKET_V3; v++)
		for (uint32_t n = BEFORE - LEFT; n < AFTER + BEFORE; n++) {
			if (n >= BEFORE)
				send_one(sender, &rings[v], n);
			receive(&rings[v], n);
		}
	for (int v = TPACKET_V1; v <= TPACKET_V3; v++)
		empty(sender, &full[v]);
	return 0;
}
