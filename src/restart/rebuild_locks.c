/* SPDX-License-Identifier: Apache-2.0 */
/* File locks, taken again by the process itself: nobody else could own them. */
#include "base/text.h"
#include "restart/rebuild.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <sys/file.h>

/*
 * As somebody had opened the file who waits for it. Nobody is told: the program has been. What the lease was
 * before is not shown; only a writer's can become a reader's.
 */
static void rebuild_broken(struct rebuild *b, const struct img_file *f, int fd)
{
	const struct f_owner_ex owner = { f->owner_type, f->owner_pid };
	int to = f->lease & ~IMG_LEASE_BREAKING;
	bool reader = to == F_UNLCK && (f->open_flags & O_ACCMODE) == O_RDONLY;
	char via[64];
	size_t len = text_format(via, sizeof(via), "/proc/self/fd/%d", fd) + 1;

	plan_call(&b->plan, PLAN_MUST, __NR_fcntl, PLAN_ARG(fd), F_SETLEASE,
		  reader ? F_RDLCK : F_WRLCK);
	plan_call(&b->plan, PLAN_MUST, __NR_fcntl, PLAN_ARG(fd), F_SETOWN, 0);
	plan_call(&b->plan, PLAN_TRY, __NR_openat, PLAN_ARG(AT_FDCWD),
		  plan_data(&b->plan, via, len),
		  (to == F_UNLCK ? O_WRONLY : O_RDONLY) | O_NONBLOCK);
	plan_call(&b->plan, PLAN_TRY, __NR_fcntl, PLAN_ARG(fd), F_SETOWN_EX,
		  plan_data(&b->plan, &owner, sizeof(owner)));
}

size_t rebuild_leases_broken(const struct model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->files.n; i++)
		n += (m->files.at[i].lease & IMG_LEASE_BREAKING) != 0;
	return n;
}

/* A lease is the description's; one of its numbers will do. */
static void rebuild_leases(struct rebuild *b)
{
	for (size_t i = 0; i < b->m->files.n; i++) {
		const struct img_file *f = &b->m->files.at[i];
		size_t k = 0;

		if (f->kind != IMG_F_REG || f->std_stream >= 0 || f->lease == F_UNLCK)
			continue;
		while (k < b->m->fds.n && b->m->fds.at[k].file != f->id)
			k++;
		if (k == b->m->fds.n)
			continue;
		if (f->lease & IMG_LEASE_BREAKING)
			rebuild_broken(b, f, b->m->fds.at[k].fd);
		else
			plan_call(&b->plan, PLAN_MUST, __NR_fcntl, PLAN_ARG(b->m->fds.at[k].fd),
				  F_SETLEASE, (uint64_t)f->lease);
	}
}

static void rebuild_lock(struct rebuild *b, const struct img_lock *l)
{
	const struct flock range = {
		.l_type = l->write ? F_WRLCK : F_RDLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)l->start,
		.l_len = (off_t)l->len,
	};

	if (l->type == IMG_LOCK_FLOCK)
		plan_call(&b->plan, PLAN_MUST, __NR_flock, PLAN_ARG(l->fd),
			  (l->write ? LOCK_EX : LOCK_SH) | LOCK_NB);
	else
		plan_call(&b->plan, PLAN_MUST, __NR_fcntl, PLAN_ARG(l->fd),
			  l->type == IMG_LOCK_OFD ? F_OFD_SETLK : F_SETLK,
			  plan_data(&b->plan, &range, sizeof(range)));
}

void rebuild_locks(struct rebuild *b)
{
	for (size_t i = 0; i < b->m->locks.n; i++)
		if (!b->shared || b->m->locks.at[i].type != IMG_LOCK_POSIX)
			rebuild_lock(b, &b->m->locks.at[i]);
	rebuild_leases(b);
}

void rebuild_locks_late(struct rebuild *b)
{
	for (size_t i = 0; b->shared && i < b->table->locks.n; i++) {
		const struct img_lock *l = &b->table->locks.at[i];
		int32_t taker = l->pid ? l->pid : b->table->process.pid;

		if (l->type == IMG_LOCK_POSIX && taker == b->m->process.pid)
			rebuild_lock(b, l);
	}
}
