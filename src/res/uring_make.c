/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An io_uring as it was. The kernel counts for itself how many requests there have been, and how many ends of
 * such; so there are as many that do nothing. Then all that the program could see of it is put back.
 */
#include "base/sys.h"
#include "res/res.h"
#include "res/uring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { MAKE_SKIP = 1 << 6 }; /* IOSQE_CQE_SKIP_SUCCESS, Linux 5.17 */

static const struct img_uring *make_image(const struct model *m, const struct img_file *f)
{
	return model_bytes(m, f->data);
}

const struct img_range *res_uring_buffers(const struct model *m, const struct img_file *f,
					  size_t *n)
{
	const struct img_uring *i =
		f->kind == IMG_F_URING && f->std_stream < 0 ? make_image(m, f) : NULL;

	*n = i ? i->buffers : 0;
	return *n ? (const struct img_range *)(const void *)(i + 1) : NULL;
}

static int make_open(struct uring *u, const struct img_uring *i, struct err *err)
{
	int rc = uring_open(u, i->sq_entries, i->cq_entries, i->flags);

	if (rc == -EPERM || rc == -ENOSYS || rc == -EACCES)
		return err_set(
			err, rc,
			"it has an io_uring, and none can be had here (kernel.io_uring_disabled, "
			"or a container's seccomp filter)");
	if (rc == -EINVAL)
		return err_say(err, ENOTSUP,
			       "it has an io_uring of a kind that this kernel does not know (flags "
			       "0x%x)",
			       i->flags);
	if (rc < 0)
		return err_set(
			err, rc,
			"it has an io_uring of %u entries, which cannot be made here (see ulimit "
			"-l)",
			i->sq_entries);
	if (u->rings_len != i->ring_size || u->sqes_len != i->sqes_size ||
	    memcmp(&u->p.sq_off, i->sq_off, sizeof(i->sq_off)) != 0 ||
	    memcmp(&u->p.cq_off, i->cq_off, sizeof(i->cq_off)) != 0)
		return err_say(err, ENOTSUP,
			       "it has an io_uring, and this kernel lays them out otherwise");
	return 0;
}

int res_check_uring(const struct model *m, const struct img_file *f, struct err *err)
{
	struct uring u;
	int rc = make_open(&u, make_image(m, f), err);

	uring_close(&u);
	return rc;
}

/*
 * How far the ends may be said to be taken out. The kernel remembers for a while what room there is: what the
 * program has not taken must not be among it.
 */
static uint32_t make_taken(const struct uring *u, const struct img_uring *i, uint32_t head)
{
	uint32_t tail = *uring_word(u, u->p.cq_off.tail);

	return i->cq_tail - head <= u->p.cq_entries && tail - head <= u->p.cq_entries ? head : tail;
}

/*
 * @n requests that do nothing; with @flags MAKE_SKIP nobody is told of their ends. @head: of those that are,
 * from where on the program has taken none.
 */
static long make_turn(const struct uring *u, const struct img_uring *i, uint32_t head, uint32_t n,
		      uint8_t flags)
{
	uint32_t *tail = uring_word(u, u->p.sq_off.tail), sent = *tail;
	uint32_t most = u->p.sq_entries < u->p.cq_entries ? u->p.sq_entries : u->p.cq_entries;
	struct io_uring_sqe *sqes = (void *)u->sqes;

	for (uint32_t k = 0; k < u->p.sq_entries; k++) {
		sqes[k] = (struct io_uring_sqe){ .opcode = IORING_OP_NOP, .flags = flags };
		if (!(u->p.flags & URING_NO_SQARRAY))
			uring_word(u, u->p.sq_off.array)[k] = k;
	}
	while (n) {
		uint32_t room = u->p.cq_entries - (*uring_word(u, u->p.cq_off.tail) -
						   *uring_word(u, u->p.cq_off.head));
		uint32_t some = n < most ? n : most;
		long rc;

		if (!(flags & MAKE_SKIP) && some > room)
			some = room;
		sent += some;
		__atomic_store_n(tail, sent, __ATOMIC_RELEASE);
		rc = sys6(__NR_io_uring_enter, u->fd, some, 0, 0, 0, 0);
		if (rc != some)
			return rc < 0 ? rc : -EAGAIN;
		__atomic_store_n(uring_word(u, u->p.cq_off.head), make_taken(u, i, head),
				 __ATOMIC_RELEASE);
		n -= some;
	}
	return 0;
}

static bool make_stands(const struct uring *u, const struct img_uring *i)
{
	return *uring_word(u, u->p.sq_off.head) == i->sq_head &&
	       *uring_word(u, u->p.cq_off.tail) == i->cq_tail;
}

static int make_put_back(const struct uring *u, const struct img_uring *i, struct err *err)
{
	const uint8_t *bytes = (const uint8_t *)(i + 1) + i->buffers * sizeof(struct img_range);
	uint32_t head;
	long rc;

	memcpy(&head, bytes + u->p.cq_off.head, sizeof(head));
	rc = make_turn(u, i, head, i->cq_tail, 0);
	if (rc >= 0)
		rc = make_turn(u, i, head, i->sq_head - i->cq_tail, MAKE_SKIP);
	if (rc < 0)
		return err_set(err, (int)rc, "bring an io_uring to where it stood");
	if (!make_stands(u, i))
		return err_say(err, EPROTO, "an io_uring counts otherwise here");
	memcpy(u->rings, bytes, u->rings_len);
	memcpy(u->sqes, bytes + u->rings_len, u->sqes_len);
	*uring_word(u, u->p.sq_off.flags) = 0; /* the kernel's: what is to be done */
	return make_stands(u, i) ? 0
				 : err_say(err, EBADMSG, "an io_uring of the image makes no sense");
}

int uring_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	const struct img_uring *i = make_image(r->m, f);
	struct uring u;
	int rc = make_open(&u, i, err), fd;

	if (rc >= 0)
		rc = make_put_back(&u, i, err);
	if (rc >= 0 && fcntl(u.fd, F_SETFL, f->open_flags & O_NONBLOCK) < 0)
		rc = err_set(err, errno, "flags of an io_uring");
	fd = u.fd;
	if (rc >= 0)
		u.fd = -1;
	uring_close(&u);
	return rc < 0 ? rc : fd;
}
