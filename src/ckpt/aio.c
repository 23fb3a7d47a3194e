/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AIO contexts (io_setup). Each is a ring of events, mapped into the process; its address is the context's
 * name. All of it is there to be read but the requests in flight, which only the kernel knows: there must
 * be none. They are waited for.
 */
#include "ckpt/capture.h"
#include "base/owned.h"
#include "host/proc.h"
#include "trace/remote.h"

#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	AIO_WAIT_NS = 500000000, /* the program stands still meanwhile */
	AIO_AT_ONCE = 64,
};

/* An idle context of @nr events of our own, and how many requests it takes; or -errno. */
struct aio_idle {
	uint32_t nr;
	long takes;
	aio_context_t context;
};

static long aio_fill(aio_context_t context, int fd)
{
	uint64_t count;
	struct iocb nothing = { /* a read that would wait, and may not */
				.aio_lio_opcode = IOCB_CMD_PREAD,
				.aio_fildes = (uint32_t)fd,
				.aio_buf = (uintptr_t)&count,
				.aio_nbytes = sizeof(count)
	};
	struct iocb *again[AIO_AT_ONCE];
	long n, taken = 0;

	for (size_t i = 0; i < AIO_AT_ONCE; i++)
		again[i] = &nothing;
	while ((n = syscall(__NR_io_submit, context, (long)AIO_AT_ONCE, again)) > 0)
		taken += n;
	return taken;
}

/* A thread that keeps to one CPU: each keeps some of them for itself. */
static void *aio_measure(void *arg)
{
	OWNED_FD int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct aio_idle *i = arg;
	cpu_set_t one;
	int cpu = sched_getcpu();

	CPU_ZERO(&one);
	CPU_SET(cpu < 0 ? 0 : (size_t)cpu, &one);
	if (fd < 0 || sched_setaffinity(0, sizeof(one), &one) < 0 ||
	    syscall(__NR_io_setup, img_aio_ask(i->nr), &i->context) < 0)
		i->takes = -errno;
	else if (((const struct probe_aio_ring *)i->context)->nr != i->nr)
		i->takes = -EPROTO;
	else
		i->takes = aio_fill(i->context, fd);
	return NULL;
}

/* That takes a while (a grace period of the kernel's), and the program stands still. */
static void *aio_destroy(void *context)
{
	syscall(__NR_io_destroy, context);
	return NULL;
}

static void aio_leave(aio_context_t context)
{
	pthread_t thread;

	if (!context)
		return;
	if (pthread_create(&thread, NULL, aio_destroy, (void *)context) == 0)
		pthread_detach(thread);
	else
		aio_destroy((void *)context);
}

/* Remembered: mostly all contexts of a program are of one size. */
static int aio_idle(struct notes *notes, uint32_t nr, uint32_t *takes, struct err *err)
{
	struct aio_idle idle = { .nr = nr };
	pthread_t thread;
	int rc;

	if (notes->aio_nr != nr) {
		rc = pthread_create(&thread, NULL, aio_measure, &idle);
		if (rc)
			return err_set(err, rc, "start a thread");
		pthread_join(thread, NULL);
		aio_leave(idle.context);
		if (idle.takes < 0)
			return err_set(err, (int)idle.takes,
				       "make an AIO context of %u events, to compare (see "
				       "/proc/sys/fs/aio-max-nr)",
				       nr);
		notes->aio_takes = (uint32_t)idle.takes;
		notes->aio_nr = nr;
	}
	*takes = notes->aio_takes;
	return 0;
}

static int aio_read(struct capture *c, uint64_t start, uint64_t end, uint64_t offset,
		    struct img_aio *a, struct err *err)
{
	struct probe_aio_ring r;
	int rc = remote_read(c->alive, start, &r, sizeof(r), err);

	if (rc < 0)
		return rc;
	a->address = start;
	a->nr = (uint32_t)((end - start - sizeof(r)) / PROBE_AIO_EVENT);
	a->head = r.head;
	a->tail = r.tail;
	if (offset || r.magic != PROBE_AIO_MAGIC || r.nr != a->nr || r.head >= r.nr ||
	    r.tail >= r.nr)
		return err_say(err, ENOTSUP,
			       "the AIO context at %llx is not as io_setup has made it, which "
			       "cannot be brought back",
			       (unsigned long long)start);
	return 0;
}

/* Nothing may be in flight. */
static int aio_look(struct capture *c, struct probe *probe, const struct img_aio *a,
		    struct err *err)
{
	struct probe_aio look = { .ring = a->address, .nr = a->nr, .wait_ns = AIO_WAIT_NS };
	int rc = aio_idle(c->notes, a->nr, &look.idle, err);

	if (rc >= 0)
		rc = probe_aio(probe, &look, err);
	if (rc < 0)
		return err_add(err, "AIO context at %llx", (unsigned long long)a->address);
	if (look.left)
		return err_say(err, EBUSY,
			       "the AIO context at %llx has %lld request%s in flight (io_submit), "
			       "which did not end within %d ms; try again when the program waits "
			       "for no more",
			       (unsigned long long)a->address, (long long)look.left,
			       look.left == 1 ? "" : "s", AIO_WAIT_NS / 1000000);
	return 0;
}

static int aio_context(struct capture *c, struct probe *probe, struct img_vma *v, struct err *err)
{
	struct img_aio *a, first = { 0 };
	int rc = aio_read(c, v->start, v->end, v->offset, &first, err);

	if (rc >= 0)
		rc = aio_look(c, probe, &first, err);
	if (rc < 0)
		return rc;
	v->object = 0;
	a = model_add(&c->m->aios);
	return a ? aio_read(c, v->start, v->end, v->offset, a, err)
		 : err_set(err, ENOMEM, "keep AIO contexts");
}

/* Is the ring at @start that of a context? One that was inherited is memory shared with the parent. */
static int aio_is_context(struct probe *probe, uint64_t start, struct err *err)
{
	int64_t result;
	uint8_t none;
	int rc = probe_ask(probe, __NR_io_getevents, (const uint64_t[4]){ start }, &none, 0,
			   &result, err);

	return rc < 0 ? rc : result >= 0;
}

static int aio_vma(struct capture *c, struct probe *probe, struct img_vma *v, struct err *err)
{
	int rc = aio_is_context(probe, v->start, err);

	if (rc)
		return rc < 0 ? rc : aio_context(c, probe, v, err);
	v->kind = IMG_VMA_ANON;
	return capture_keep_once(c, v, err);
}

int capture_aio(struct capture *c, struct probe *probe, struct err *err)
{
	for (size_t i = 0; i < c->m->vmas.n; i++) {
		int rc = c->m->vmas.at[i].kind != IMG_VMA_AIO
				 ? 0
				 : aio_vma(c, probe, &c->m->vmas.at[i], err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

bool capture_is_aio(const struct maps_vma *s)
{
	return s->deleted && s->shared && !s->dev_major && maps_named(s, "/[aio]");
}

bool capture_aio_exists(void)
{
	OWNED_FD int fd = open("/proc/sys/fs/aio-nr", O_RDONLY | O_CLOEXEC);
	char events[2] = "?";

	/* Where that cannot be read there may be some. */
	return fd < 0 || read(fd, events, sizeof(events)) <= 0 || events[0] != '0';
}

int capture_has_aio(pid_t pid, bool *has, struct err *err)
{
	OWNED_PTR char *text = NULL;
	struct maps_cursor cursor;
	struct maps_vma s;
	size_t len;
	int rc = proc_read(pid, "maps", &text, &len, err);

	*has = false;
	if (rc < 0)
		return rc;
	for (cursor = maps_over(text, len); !*has && maps_next(&cursor, &s);)
		*has = capture_is_aio(&s);
	return 0;
}

static int aio_settle(struct capture *c, struct probe *probe, const struct maps_vma *s,
		      struct err *err)
{
	struct img_aio a = { 0 };
	int rc = aio_is_context(probe, s->start, err);

	if (rc > 0)
		rc = aio_read(c, s->start, s->end, s->offset, &a, err);
	if (rc >= 0 && a.nr)
		rc = aio_look(c, probe, &a, err);
	return rc < 0 ? err_add(err, "process %d", c->parked->pid) : 0;
}

int capture_settle_aio(struct capture *c, struct park *park, struct park_process *parked,
		       struct err *err)
{
	OWNED_PTR char *text = NULL;
	struct probe *probe = NULL;
	struct maps_cursor cursor;
	struct maps_vma s;
	size_t len;
	int rc = proc_read(c->alive, "maps", &text, &len, err);

	if (rc < 0)
		return rc;
	for (cursor = maps_over(text, len); rc >= 0 && maps_next(&cursor, &s);) {
		if (!capture_is_aio(&s))
			continue;
		if (!probe) {
			rc = probe_new(&probe, park, parked, NULL, err);
			if (rc >= 0)
				rc = probe_open(&probe, 1, err);
		}
		if (rc >= 0)
			rc = aio_settle(c, probe, &s, err);
	}
	if (probe)
		probe_close(&probe, 1);
	return rc;
}
