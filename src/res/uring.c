/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_uring. What is in the rings can be read by who maps them, and we have a descriptor; where the kernel
 * itself stands fdinfo tells. With which flags it was made nobody tells: one is made with those that it
 * should have, and both are asked the same things. If the answers are the same, so are the flags, as far
 * as that matters.
 *
 * Not to be found out, and not needed: what makes it quicker for those who wait in certain ways
 * (COOP_TASKRUN, SINGLE_ISSUER, DEFER_TASKRUN). A ring without can do all that one with them can. The
 * other way round it is with SUBMIT_ALL: who had not asked for it can live with it.
 */
#include "res/uring.h"

#include "base/owned.h"
#include "base/sys.h"
#include "base/text.h"
#include "procfs/uring.h"
#include "res/capture.h"
#include "res/res.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { /* newer than the headers */
       URING_CQE_NOTIF = 1 << 3, /* IORING_CQE_F_NOTIF */
       URING_PBUF_STATUS = 26, /* IORING_REGISTER_PBUF_STATUS, Linux 6.8 */
       URING_GROUPS =
	       64, /* of buffers, whose numbers the program chooses: those that are looked for */
       URING_ENTRIES_MAX = 1 << 15, /* the kernel's */
       URING_PAGE = 4096,
};

bool res_uring_is(const char *link)
{
	return text_equal(link, RES_URING_LINK);
}

static bool uring_match(const struct res_seen *seen)
{
	return res_uring_is(seen->link);
}

/* What fdinfo of our descriptor says now. */
static int uring_read(int fd, struct uring_info *info, struct err *err)
{
	struct res_listing own = { .n = 0 };
	int rc = listing_add_own(&own, fd, err);

	if (rc >= 0)
		rc = uring_parse(info, listing_text(&own, own.fds.at[0].info),
				 own.fds.at[0].info_len, err);
	res_listing_done(&own);
	return rc;
}

/* Requests that are not in the counters: never begun, as their index was none; ended, and dropped. */
static int uring_dropped(int fd, uint32_t *n, struct err *err)
{
	struct uring like; /* the words at the beginning of rings are at the same place in all */
	int rc = uring_open(&like, 1, 2, 0);
	const uint8_t *rings;

	if (rc < 0)
		return err_set(err, rc, "make an io_uring, to compare");
	rings = mmap(NULL, URING_PAGE, PROT_READ, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	rc = rings == MAP_FAILED ? err_set(err, errno, "map an io_uring") : 0;
	if (rc >= 0) {
		*n = *(const uint32_t *)(const void *)(rings + like.p.sq_off.dropped) +
		     *(const uint32_t *)(const void *)(rings + like.p.cq_off.overflow);
		munmap((void *)(uintptr_t)rings, URING_PAGE);
	}
	uring_close(&like);
	return rc;
}

int res_uring_look(int fd, struct res_uring *state, struct err *err)
{
	struct uring_info info;
	uint32_t dropped = 0, left;
	int rc = uring_read(fd, &info, err);

	if (rc == -EBADMSG) { /* the kernel says little while a worker of it has the ring */
		*state = (struct res_uring){ .left = 1 };
		return 0;
	}
	if (rc < 0)
		return rc;
	left = info.cached_sq_head - info.cached_cq_tail - info.overflown;
	if (left)
		rc = uring_dropped(fd, &dropped, err);
	*state = (struct res_uring){ (int32_t)(left - dropped), info.polls, info.overflown,
				     info.buffers };
	return rc;
}

const char *res_uring_busy(const struct res_uring *s)
{
	if (s->polls)
		return "has requests that wait for descriptors to be ready (poll, or reading where "
		       "there "
		       "is nothing yet), which only the kernel knows";
	if (s->overflown)
		return "has more completions than there is room for, until the program takes some";
	if (s->left < 0)
		return "has had more completions than requests (multishot, MSG_RING, zero copy), "
		       "so that "
		       "it cannot be told what is in flight";
	return s->left ? "has requests in flight, or has had some that told nobody of their end"
		       : NULL;
}

#define URING_WIDE "has entries of twice the size (SQE128, CQE32)"
#define URING_IS "descriptor %d is an io_uring that "
#define URING_ADVICE                                                              \
	"; let the program do without (UV_USE_IO_URING=0 for Node.js and libuv, " \
	"innodb_use_native_aio=0 for MariaDB)"

/* What fdinfo tells, and cannot be brought back. */
static const char *uring_refused(const struct uring_info *info)
{
	if (info->sq_thread >= 0)
		return "has a thread of the kernel's that submits (SQPOLL)";
	if (info->files)
		return "has registered files, which nobody can tell apart";
	if (info->personalities)
		return "has registered personalities, which cannot be brought back";
	return info->wide_sqes || info->wide_cqes ? URING_WIDE : NULL;
}

/* What is asked of the program's, and answered otherwise by one that has not this. */
static const char *uring_has(enum uring_question question, long answer)
{
	switch (question) {
	case URING_ASK_EVENTFD:
		return answer == -EBUSY ? "has registered an eventfd, which nobody can tell"
					: "is restricted, which cannot be brought back";
	case URING_ASK_REGION:
		return "has registered memory to wait with, which nobody can tell";
	default:
		return answer == -EBADFD ? "has not been enabled yet (R_DISABLED)"
					 : "waits by polling (IOPOLL)";
	}
}

static const char *uring_differs(int fd, int like)
{
	for (unsigned int q = 0; q < URING_QUESTIONS; q++) {
		long answer = uring_ask(fd, q);

		if (answer != -EEXIST && answer != uring_ask(like, q))
			return uring_has(q, answer);
	}
	return NULL;
}

/* Is there memory right behind the @len bytes at @offset? 0: no; 1: yes; less: it cannot be mapped. */
static int uring_reaches(int fd, size_t len, uint64_t offset)
{
	size_t behind = (len + URING_PAGE - 1) & ~(size_t)(URING_PAGE - 1);
	char *at = mmap(NULL, behind + URING_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			(off_t)offset),
	     byte;
	struct iovec here = { &byte, 1 }, there = { at + behind, 1 };
	int rc;

	if (at == MAP_FAILED)
		return -1;
	rc = process_vm_readv(getpid(), &here, 1, &there, 1, 0) == 1;
	munmap(at, behind + URING_PAGE);
	return rc;
}

static bool uring_same_size(int fd, const struct uring *like)
{
	return uring_reaches(fd, like->rings_len, IORING_OFF_SQ_RING) ==
		       uring_reaches(like->fd, like->rings_len, IORING_OFF_SQ_RING) &&
	       uring_reaches(fd, like->sqes_len, IORING_OFF_SQES) ==
		       uring_reaches(like->fd, like->sqes_len, IORING_OFF_SQES);
}

/* What the rings say of themselves, where @u has it. */
static bool uring_makes_sense(const struct uring *u)
{
	const struct io_uring_params *p = &u->p;

	return *uring_word(u, p->sq_off.ring_mask) == p->sq_entries - 1 &&
	       *uring_word(u, p->sq_off.ring_entries) == p->sq_entries &&
	       *uring_word(u, p->cq_off.ring_mask) == p->cq_entries - 1 &&
	       *uring_word(u, p->cq_off.ring_entries) == p->cq_entries;
}

/*
 * Does it go by an array of indices? If so fdinfo lists the entries that wait to be submitted. Where there is
 * none there is one for a moment: the head that the kernel shows there it never looks at, and writes it anew
 * whenever it takes entries.
 */
static int uring_has_array(int fd, const struct uring *u, bool *wide, struct err *err)
{
	uint32_t *head = uring_word(u, u->p.sq_off.head);
	uint32_t tail = __atomic_load_n(uring_word(u, u->p.sq_off.tail), __ATOMIC_ACQUIRE);
	uint32_t was = __atomic_load_n(head, __ATOMIC_ACQUIRE), shown = tail - 1;
	struct uring_info info;
	uint32_t index;
	struct iovec here = { &index, sizeof(index) }, there = { NULL, sizeof(index) };
	int rc;

	if (was == tail)
		__atomic_store_n(head, shown, __ATOMIC_RELEASE);
	rc = uring_read(fd, &info, err);
	if (was == tail)
		__atomic_compare_exchange_n(head, &shown, was, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED);
	if (rc < 0)
		return rc;
	*wide = info.wide_sqes;
	/* An index beyond the end is not listed either. Without an array there is nothing, or no memory. */
	there.iov_base = &uring_word(u, u->p.sq_off.array)[(tail - 1) & (u->p.sq_entries - 1)];
	return info.sqes || (process_vm_readv(getpid(), &here, 1, &there, 1, 0) == sizeof(index) &&
			     index >= u->p.sq_entries);
}

/* Have requests of the past, as far as they can still be seen, been such that counters do not count them? */
static const char *uring_past(const struct uring *u)
{
	const struct io_uring_cqe *cqe = (const void *)(u->rings + u->p.cq_off.cqes);
	const struct io_uring_sqe *sqe = (const void *)u->sqes;

	for (uint32_t i = 0; i < u->p.cq_entries; i++)
		if (cqe[i].flags & (IORING_CQE_F_MORE | URING_CQE_NOTIF))
			return "has had several completions of one request (multishot, zero copy), "
			       "so that "
			       "it cannot be told what is in flight";
	for (uint32_t i = 0; i < u->p.sq_entries; i++) {
		if (sqe[i].flags & IOSQE_BUFFER_SELECT)
			return "has buffers to choose from, which cannot be brought back";
		if (sqe[i].personality) /* since Linux 6.15 fdinfo does not tell of them */
			return "has registered personalities, which cannot be brought back";
	}
	return NULL;
}

static long uring_group(int fd, uint32_t number)
{
	uint32_t status[10] = { number };

	return sys4(__NR_io_uring_register, fd, URING_PBUF_STATUS, status, 1);
}

/* Has it groups of buffers to choose from? A kernel before 6.8 does not tell. */
static const char *uring_groups(int fd, int like)
{
	long none = uring_group(like, 0);

	for (uint32_t i = 0; none == -ENOENT && i < URING_GROUPS; i++) {
		long rc = uring_group(fd, i);

		if (rc == -EEXIST)
			break;
		if (rc != none)
			return "has buffers to choose from, which cannot be brought back";
	}
	return NULL;
}

static int uring_say(const struct res_seen *seen, const char *what, struct err *err)
{
	return err_say(err, ENOTSUP, URING_IS "%s" URING_ADVICE, seen->fd, what);
}

/* One of our own that is like it: @like; and a view of it. */
static int uring_find_like(struct uring *like, struct uring *view, const struct res_seen *seen,
			   const struct uring_info *info, struct err *err)
{
	uint32_t sq = info->sq_mask + 1, cq = info->cq_mask + 1;
	int rc = uring_open(like, sq, cq, IORING_SETUP_SUBMIT_ALL);
	struct uring other;
	bool wide = false;

	if (rc < 0)
		return err_set(err, rc, "make an io_uring of %u entries, to compare", sq);
	if (uring_view(view, seen->dup, like) < 0)
		return uring_say(seen, "is made of the program's own memory (NO_MMAP)", err);
	if (!uring_makes_sense(view))
		return uring_say(seen, "is not laid out as one should be", err);
	rc = uring_has_array(seen->dup, view, &wide, err);
	if (rc < 0)
		return rc;
	if (wide)
		return uring_say(seen, URING_WIDE, err);
	if (rc)
		return 0;
	rc = uring_open(&other, sq, cq, IORING_SETUP_SUBMIT_ALL | URING_NO_SQARRAY);
	if (rc >= 0) {
		uring_close(like);
		uring_close(view);
		*like = other;
		rc = uring_view(view, seen->dup, like);
	} else {
		uring_close(&other);
	}
	return rc < 0 && rc != -EINVAL ? err_set(err, rc, "make an io_uring, to compare") : 0;
}

static int uring_check(const struct res_seen *seen, const struct uring *like,
		       const struct uring *view, struct err *err)
{
	const char *why =
		uring_same_size(seen->dup, like) ? uring_differs(seen->dup, like->fd) : URING_WIDE;
	struct res_uring state;
	int rc = res_uring_look(seen->dup, &state, err);

	if (rc < 0)
		return rc;
	if (!why)
		why = uring_past(view);
	if (!why)
		why = uring_groups(seen->dup, like->fd);
	if (why)
		return uring_say(seen, why, err);
	why = res_uring_busy(&state);
	return why ? err_say(err, EBUSY, URING_IS "%s", seen->fd, why) : 0;
}

/* The buffers registered with it, by number; those that are left out are empty places. */
static int uring_buffers(int fd, struct img_range *to, uint32_t n, struct err *err)
{
	struct res_listing own = { .n = 0 };
	int rc = listing_add_own(&own, fd, err);
	struct uring_buffer b;
	struct scan text;

	memset(to, 0, n * sizeof(*to));
	if (rc >= 0)
		text = scan_over(listing_text(&own, own.fds.at[0].info), own.fds.at[0].info_len);
	while (rc >= 0 && uring_next_buffer(&text, &b))
		if (b.index < n)
			to[b.index] = (struct img_range){ b.start, b.len };
	res_listing_done(&own);
	return rc;
}

static int uring_keep(struct model *m, const struct res_seen *seen, struct img_file *f,
		      const struct uring *view, const struct uring_info *info, struct err *err)
{
	const struct io_sqring_offsets *sq = &view->p.sq_off;
	const struct io_cqring_offsets *cq = &view->p.cq_off;
	struct img_uring u = {
		.sq_entries = view->p.sq_entries,
		.cq_entries = view->p.cq_entries,
		.flags = view->p.flags & ~(uint32_t)IORING_SETUP_CQSIZE,
		.sq_head = info->cached_sq_head,
		.cq_tail = info->cached_cq_tail,
		.ring_size = (uint32_t)view->rings_len,
		.sqes_size = (uint32_t)view->sqes_len,
		.buffers = info->buffers,
		.sq_off = { sq->head, sq->tail, sq->ring_mask, sq->ring_entries, sq->flags,
			    sq->dropped, sq->array },
		.cq_off = { cq->head, cq->tail, cq->ring_mask, cq->ring_entries, cq->overflow,
			    cq->cqes, cq->flags },
	};
	size_t buffers = info->buffers * sizeof(struct img_range);
	uint8_t *to;
	void *room;
	int rc = model_put_room(m, &f->data, &room,
				sizeof(u) + buffers + view->rings_len + view->sqes_len);

	if (rc < 0)
		return err_set(err, rc, "keep an io_uring");
	to = room;
	f->flags |= IMG_FILE_SAVED;
	memcpy(to, &u, sizeof(u));
	rc = uring_buffers(seen->dup, (struct img_range *)(void *)(to + sizeof(u)), info->buffers,
			   err);
	to += sizeof(u) + buffers;
	memcpy(to, view->rings, view->rings_len);
	memcpy(to + view->rings_len, view->sqes, view->sqes_len);
	return rc;
}

static int uring_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
			 struct err *err)
{
	struct uring like = { .fd = -1 }, view = { .fd = -1 };
	struct uring_info info;
	int rc = uring_read(seen->dup, &info, err);

	if (rc < 0)
		return err_add(err, "descriptor %d", seen->fd);
	if (uring_refused(&info))
		return uring_say(seen, uring_refused(&info), err);
	rc = uring_find_like(&like, &view, seen, &info, err);
	if (rc >= 0)
		rc = uring_check(seen, &like, &view, err);
	if (rc >= 0)
		rc = uring_keep(m, seen, f, &view, &info, err);
	uring_close(&like);
	uring_close(&view);
	return rc;
}

bool res_uring_is_bound(int fd)
{
	return uring_ask(fd, URING_ASK_EVENTFD) == -EEXIST;
}

long res_uring_question(uint64_t fd, uint64_t args[6])
{
	return uring_question(URING_ASK_EVENTFD, fd, args);
}

int res_uring_answer(int fd, long answer, struct err *err)
{
	const struct res_seen seen = { .fd = fd };

	return answer == -EFAULT ? 0 : uring_say(&seen, uring_has(URING_ASK_EVENTFD, answer), err);
}

const struct res_kind res_uring = {
	.kind = IMG_F_URING,
	.name = "io_uring",
	.match = uring_match,
	.capture = uring_capture,
	.make = uring_make,
};
