/* SPDX-License-Identifier: Apache-2.0 */
/* File locks, taken again by the process itself: nobody else could own them. */
#include "restart/rebuild.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <sys/file.h>

/*
 * A lease is the description's; one of its numbers will do. A reader's on a file that is open for writing was
 * a writer's that has been told to make way for readers: it has.
 */
static void rebuild_leases(struct rebuild *b)
{
	for (size_t i = 0; i < b->m->files.n; i++) {
		const struct img_file *f = &b->m->files.at[i];
		size_t k = 0;

		if (f->kind != IMG_F_REG || f->std_stream >= 0 || f->lease == F_UNLCK ||
		    (f->lease == F_RDLCK && (f->open_flags & O_ACCMODE) != O_RDONLY))
			continue;
		while (k < b->m->fds.n && b->m->fds.at[k].file != f->id)
			k++;
		if (k < b->m->fds.n)
			plan_call(&b->plan, PLAN_MUST, __NR_fcntl, PLAN_ARG(b->m->fds.at[k].fd),
				  F_SETLEASE, (uint64_t)f->lease);
	}
}

void rebuild_locks(struct rebuild *b)
{
	for (size_t i = 0; i < b->m->locks.n; i++) {
		const struct img_lock *l = &b->m->locks.at[i];
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
	rebuild_leases(b);
}
