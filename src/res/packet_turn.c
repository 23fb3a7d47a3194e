/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turning a new ring: the kernel counts places for itself, so it is given as many packets as there are places
 * before the one that it is to fill next. They go over the loopback interface, are of a kind that nobody
 * else takes (IEEE 802's for local experiments), and bear a mark that is the socket's alone.
 */
#include "res/packet.h"

#include "base/owned.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	TURN_PROTOCOL = 0x88b5,
	TURN_SMALL = 64, /* bytes of a packet, where each has a frame of its own */
	TURN_LARGE = 32768, /* likewise where blocks are to be filled */
	TURN_PACKET_MS = 1000, /* for one to arrive */
	TURN_FRAME_LEN = 262144, /* bytes that the filter lets pass */
	TURN_TRIES = 100, /* to be done before the kernel goes on by itself */
};

struct turn {
	const struct packet_ring *ring;
	int sender;
	struct sockaddr_ll to;
	uint8_t *packet;
	size_t len;
};

static const char turn_interface[] = "lo";

int packet_turn_check(struct err *err)
{
	OWNED_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { .ifr_flags = 0 };

	memcpy(r.ifr_name, turn_interface, sizeof(turn_interface));
	if (fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &r) == 0 && r.ifr_flags & IFF_UP)
		return 0;
	return err_say(err, ENETDOWN,
		       "it has a packet socket with a ring, for which the interface '%s' must be "
		       "up",
		       turn_interface);
}

/* Let @fd hear those packets alone that begin with @mark, behind @at bytes of a header. */
static int turn_hear(int fd, uint32_t mark, uint32_t at, const struct sockaddr_ll *to,
		     struct err *err)
{
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, mark, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, TURN_FRAME_LEN),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_filter *first = code;
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]) };

	memcpy(&program.filter, &first, sizeof(first)); /* not const there, and only read */
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ||
	    bind(fd, (const void *)to, sizeof(*to)) < 0)
		return err_set(err, errno, "turn the ring of a packet socket");
	return 0;
}

static int64_t turn_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static const struct tpacket_hdr_v1 *turn_block(const struct turn *t, uint32_t n)
{
	return &((const struct tpacket_block_desc *)(void *)packet_ring_place(t->ring, n))->hdr.bh1;
}

/* Changes with each packet that arrives. Of frames: is @at full? */
static uint64_t turn_state(const struct turn *t, uint32_t at)
{
	uint32_t newest;

	if (t->ring->version != TPACKET_V3)
		return packet_ring_is_full(t->ring, at);
	newest = packet_ring_newest(t->ring);
	return turn_block(t, newest)->seq_num << 32 |
	       __atomic_load_n(&turn_block(t, newest)->num_pkts, __ATOMIC_ACQUIRE);
}

/* One packet, which goes to place @at or behind it. It comes by itself, but not at once everywhere. */
static int turn_send(const struct turn *t, uint32_t at, struct err *err)
{
	int64_t until = turn_now_ms() + TURN_PACKET_MS;
	uint64_t before = turn_state(t, at);

	if (sendto(t->sender, t->packet, t->len, 0, (const void *)&t->to, sizeof(t->to)) < 0)
		return err_set(err, errno, "turn the ring of a packet socket");
	while (turn_state(t, at) == before) {
		if (turn_now_ms() > until)
			return err_say(err, ETIMEDOUT,
				       "the ring of a packet socket cannot be turned: what is sent "
				       "over '%s' does not arrive",
				       turn_interface);
		sched_yield();
	}
	return 0;
}

static int turn_frames(const struct turn *t, uint32_t head, struct err *err)
{
	int rc = 0;

	for (uint32_t i = 0; rc >= 0 && i < head; i++)
		rc = turn_send(t, i, err);
	for (uint32_t i = 0; rc >= 0 && i < head; i++)
		packet_ring_give(t->ring, i);
	return rc;
}

/*
 * The block @n is open, and what has opened it stands in it: let it be empty, and begin behind that.
 * False: the kernel has closed it meanwhile, as its time was up.
 */
static bool turn_empty(const struct turn *t, uint32_t n)
{
	struct tpacket_block_desc *block = (void *)packet_ring_place(t->ring, n);

	block->hdr.bh1.offset_to_first_pkt = block->hdr.bh1.blk_len;
	__atomic_store_n(&block->hdr.bh1.num_pkts, 0, __ATOMIC_SEQ_CST);
	return packet_ring_newest(t->ring) == n && !packet_ring_is_full(t->ring, n);
}

static int turn_blocks(const struct turn *t, uint32_t head, struct err *err)
{
	uint32_t n = packet_ring_places(t->ring);
	int rc = 0, tries = 0;

	while (rc >= 0) {
		for (uint32_t i = 0; i < n; i++)
			if (packet_ring_is_full(t->ring, i))
				packet_ring_give(t->ring, i);
		if (packet_ring_newest(t->ring) != head)
			rc = turn_send(t, head, err);
		else if (turn_empty(t, head))
			break;
		else if (tries++ == TURN_TRIES)
			rc = err_say(err, EBUSY,
				     "the ring of a packet socket cannot be turned: its blocks are "
				     "closed after %u ms",
				     t->ring->shape->retire_ms);
	}
	return rc;
}

int packet_turn(int fd, const struct packet_ring *ring, uint32_t head, bool headless,
		struct err *err)
{
	bool blocks = ring->version == TPACKET_V3;
	OWNED_FD int sender = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct turn t = { .ring = ring,
			  .sender = sender,
			  .to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(TURN_PROTOCOL),
				  .sll_ifindex = (int)if_nametoindex(turn_interface),
				  .sll_halen = ETH_ALEN },
			  .len = TURN_SMALL };
	OWNED_PTR uint8_t *packet = calloc(1, TURN_LARGE);
	uint32_t mark = 0;
	int rc;

	if (!packet || sender < 0 || getrandom(packet, sizeof(mark), 0) != sizeof(mark))
		return err_set(err, packet ? errno : ENOMEM, "turn the ring of a packet socket");
	memcpy(&mark, packet, sizeof(mark));
	t.packet = packet;
	if (blocks) /* at most half of one: what comes next has room behind it */
		t.len = ring->shape->block_size / 2 < TURN_LARGE ? ring->shape->block_size / 2
								 : TURN_LARGE;
	rc = turn_hear(fd, ntohl(mark), headless ? 0 : ETH_HLEN, &t.to, err);
	if (rc >= 0)
		rc = blocks ? turn_blocks(&t, head, err) : turn_frames(&t, head, err);
	return rc;
}
