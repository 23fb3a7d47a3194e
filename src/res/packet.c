/* SPDX-License-Identifier: Apache-2.0 */
/* Packet sockets: the kind. */
#include "res/packet.h"

#include "base/owned.h"
#include "host/log.h"
#include "res/inet.h"
#include "res/packetdiag.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum { PACKET_RINGS_MAX = 1 << 30, PACKET_FANOUT_TYPE = 16 };

static bool packet_match(const struct res_seen *seen)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return S_ISSOCK(seen->st.st_mode) &&
	       getsockopt(seen->dup, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	       domain == AF_PACKET;
}

const struct img_packet *packet_of(const struct model *m, const struct img_file *f)
{
	const struct img_packet *p = model_bytes(m, f->data);
	uint64_t need = sizeof(*p);

	if (f->kind != IMG_F_PACKET || f->data.len < sizeof(*p))
		return NULL;
	/* What comes last is not filled up. */
	need += p->members || p->places ? INET_ALIGN((uint64_t)p->options_len) : p->options_len;
	need += (uint64_t)p->members * sizeof(struct img_packet_member);
	return need <= f->data.len ? p : NULL;
}

const void *packet_options(const struct img_packet *p)
{
	return p + 1;
}

const struct img_packet_member *packet_members(const struct img_packet *p)
{
	return (const void *)((const uint8_t *)packet_options(p) + INET_ALIGN(p->options_len));
}

/* What only sock_diag tells. */
static int packet_take_diag(struct img_packet *p, const struct packetdiag *d, int number,
			    struct err *err)
{
	unsigned int fanout = d->fanout >> PACKET_FANOUT_TYPE & 0xff;

	if (d->interface && !if_indextoname((unsigned int)d->interface, p->interface))
		return err_say(err, ENOTSUP,
			       "descriptor %d is a packet socket of an interface that is gone; "
			       "close it before the checkpoint",
			       number);
	if (d->fanout && (fanout == PACKET_FANOUT_CBPF || fanout == PACKET_FANOUT_EBPF))
		return err_say(
			err, ENOTSUP,
			"descriptor %d is a packet socket of a group that a BPF program "
			"spreads over, which nobody can read; close it before the checkpoint",
			number);
	p->protocol = d->protocol;
	p->running = d->running;
	p->fanout = d->fanout;
	p->receive = d->receive;
	p->send = d->send;
	if (!(p->options_set >> PACKET_OPTION_COPY_THRESH & 1) && d->copy_thresh) {
		p->option[PACKET_OPTION_COPY_THRESH] = (int32_t)d->copy_thresh;
		p->options_set |= 1u << PACKET_OPTION_COPY_THRESH;
	}
	return 0;
}

static int packet_take_rings(const struct res_seen *seen, struct img_packet *p, struct model *pool,
			     struct err *err)
{
	struct packet_ring ring;
	int rc;

	if (packet_ring_size(&p->receive) + packet_ring_size(&p->send) > PACKET_RINGS_MAX)
		return err_say(err, EFBIG,
			       "descriptor %d is a packet socket with rings of over 1 GiB, which "
			       "are not kept",
			       seen->fd);
	rc = packet_ring_map(&ring, seen->dup, p, err);
	if (rc < 0 || !ring.at)
		return rc;
	if (!packet_ring_is_unsent(&ring))
		rc = err_say(err, ENOTSUP,
			     "descriptor %d is a packet socket that has sent through a ring "
			     "(PACKET_TX_RING); where the kernel is in it nobody tells; close it "
			     "before the checkpoint",
			     seen->fd);
	if (rc >= 0)
		rc = packet_ring_take(&ring, p, pool, err);
	packet_ring_unmap(&ring);
	return rc;
}

static void packet_take_buffers(int fd, struct img_packet *p)
{
	socklen_t len = sizeof(p->sndbuf);

	getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &p->sndbuf, &len);
	getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &p->rcvbuf, &len);
	getsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, &p->buffers_locked, &len);
}

static void packet_tell(const struct res_seen *seen)
{
	struct pollfd w = { .fd = seen->dup, .events = POLLIN };

	if (poll(&w, 1, 0) == 1 && w.revents & POLLIN)
		log_info("network",
			 "process %d, descriptor %d: what a packet socket has received and the "
			 "program has not read will be lost at a restart",
			 seen->pid, seen->fd);
}

/* struct img_packet, and all that comes behind it. */
static int packet_take(const struct res_seen *seen, const struct packetdiag *d, struct model *pool,
		       struct err *err)
{
	struct img_packet p = { .protocol = 0 };
	int rc = model_put_bytes(pool, &(struct img_ref){ 0 }, &p, sizeof(p));

	packet_option_get(seen->dup, &p);
	packet_take_buffers(seen->dup, &p);
	if (rc >= 0)
		rc = packet_take_diag(&p, d, seen->fd, err);
	if (rc >= 0)
		rc = inet_options_get(seen->dup, pool, err);
	p.options_len = (uint32_t)(pool->data.n - sizeof(p));
	p.members = (uint32_t)d->members.n;
	if (rc >= 0 && d->members.n)
		rc = model_put_bytes(pool, &(struct img_ref){ 0 }, d->members.at,
				     d->members.n * sizeof(*d->members.at));
	if (rc >= 0)
		rc = packet_take_rings(seen, &p, pool, err);
	if (rc >= 0 && !p.receive.blocks)
		packet_tell(seen);
	if (rc >= 0)
		memcpy(pool->data.at, &p, sizeof(p));
	return rc < 0 && !err->num ? err_set(err, rc, "keep a packet socket") : rc;
}

static int packet_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
			  struct err *err)
{
	size_t at = (size_t)(f - m->files.at);
	int type = 0, rc;
	socklen_t len = sizeof(type);
	struct packetdiag d;
	struct model pool;

	rc = packetdiag_find(&d, seen->st.st_ino, &(struct err){ 0 });
	if (rc < 0)
		rc = err_say(err, ENOTSUP,
			     "descriptor %d is a packet socket, of which this kernel tells nothing "
			     "(CONFIG_PACKET_DIAG); close it before the checkpoint",
			     seen->fd);
	model_init(&pool);
	if (rc >= 0)
		rc = packet_take(seen, &d, &pool, err);
	if (rc >= 0 && model_put_bytes(m, &m->files.at[at].data, pool.data.at, pool.data.n) < 0)
		rc = err_set(err, ENOMEM, "keep a packet socket");
	f = &m->files.at[at];
	getsockopt(seen->dup, SOL_SOCKET, SO_TYPE, &type, &len);
	f->arg[PACKET_ARG_TYPE] = (uint64_t)type;
	f->size = packet_ring_size(&d.receive) + packet_ring_size(&d.send);
	if (f->size)
		f->flags |= IMG_FILE_SAVED;
	packetdiag_done(&d);
	model_done(&pool);
	return rc;
}

const struct res_kind res_packet = {
	.kind = IMG_F_PACKET,
	.name = "packet socket",
	.match = packet_match,
	.capture = packet_capture,
	.make = packet_make,
};
