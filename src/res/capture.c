/* SPDX-License-Identifier: Apache-2.0 */
/* Capturing descriptors: which numbers, which open file descriptions behind them, which came from outside. */
#include "base/owned.h"
#include "base/sys.h"
#include "base/text.h"
#include "res/capture.h"
#include "res/described.h"
#include "res/kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
	CAPTURE_PIDFD_THREAD = O_EXCL, /* PIDFD_THREAD, Linux 6.9 */
	CAPTURE_MEM_MAJOR = 1, /* /dev/null and its like */
};

int capture_pidfd(pid_t pid)
{
	int fd = (int)sys2(__NR_pidfd_open, pid, 0);

	return fd < 0 ? (int)sys2(__NR_pidfd_open, pid, CAPTURE_PIDFD_THREAD) : fd;
}

/* An open file description and a descriptor for it. */
struct capture_look {
	struct res_seen seen;
	char link[3500];
};

/* Pipes have two directions: standard input is the one that is read. */
static bool capture_direction_fits(const struct res_seen *seen, int stream)
{
	int mode = seen->flags & O_ACCMODE;

	return !S_ISFIFO(seen->st.st_mode) || mode == O_RDWR ||
	       mode == (stream == 0 ? O_RDONLY : O_WRONLY);
}

/*
 * Of a stream that we do not hold only the file is known, and others may have opened that too: /dev/null, a
 * log. Theirs are not the stream, which its process has at its number.
 */
static bool capture_may_be_stream(struct res_capture *c, const struct res_seen *seen, int number)
{
	mode_t mode = seen->st.st_mode;
	bool many =
		S_ISREG(mode) || (S_ISCHR(mode) && major(seen->st.st_rdev) == CAPTURE_MEM_MAJOR);

	return capture_direction_fits(seen, number) &&
	       (!many || seen->fd == number || described_same(c, seen, seen->pid, number));
}

/* Which of the standard streams from outside this is: the lowest, or -1; and all of them in *@flags. */
static int capture_std_stream(struct res_capture *c, const struct res_seen *seen, uint32_t *flags)
{
	int lowest = -1;

	*flags = 0;
	for (size_t i = 0; i < c->nstreams; i++) {
		const struct res_stream *s = &c->streams[i];

		if (!s->ino || s->dev != seen->st.st_dev || s->ino != seen->st.st_ino)
			continue;
		if (s->fd < 0 ? !capture_may_be_stream(c, seen, s->number)
			      : !described_same(c, seen, getpid(), s->fd))
			continue;
		*flags |= (uint32_t)IMG_FILE_STREAM << s->number;
		if (lowest < 0)
			lowest = s->number;
	}
	return lowest;
}

/* The contents of something that has no name any more: a named file's are in the file as well. */
static bool capture_holds_nameless(const struct img_file *f)
{
	return f->flags & IMG_FILE_SAVED && (f->kind != IMG_F_REG || f->flags & IMG_FILE_DELETED);
}

struct img_file *res_capture_file(struct res_capture *c, struct model *m)
{
	struct img_file *f = model_add(&m->files);

	if (f) {
		f->id = c->next_id++;
		f->std_stream = -1;
	}
	return f;
}

static bool capture_breaking(const struct res_seen *seen)
{
	struct scan scan = scan_over(seen->text, seen->len);
	struct fdinfo_lock lock;

	while (fdinfo_next_lock(&scan, &lock))
		if (lock.breaking)
			return true;
	return false;
}

static void capture_owner(struct img_file *f, const struct res_seen *seen)
{
	struct f_owner_ex owner;
	int fd = seen->dup, rc;

	if (fcntl(fd, F_GETOWN_EX, &owner) == 0 && owner.pid) {
		f->owner_type = owner.type;
		f->owner_pid = owner.pid;
	}
	rc = fcntl(fd, F_GETSIG);
	f->owner_signal = rc < 0 ? 0 : rc;
	rc = fcntl(fd, F_GETLEASE);
	f->lease = rc < 0 ? F_UNLCK : rc;
	if (capture_breaking(seen))
		f->lease |= IMG_LEASE_BREAKING;
}

/* A description not met before. */
static int capture_describe(struct res_capture *c, struct model *m, const struct res_seen *seen,
			    uint32_t *id, struct err *err)
{
	uint32_t streams;
	int std = capture_std_stream(c, seen, &streams);
	const struct res_kind *kind = res_kind_of(seen);
	struct img_file *f;
	size_t at = m->files.n, described;
	int rc;

	if (std < 0 && res_refused(seen->link))
		return err_say(err, ENOTSUP, "descriptor %d is %s", seen->fd,
			       res_refused(seen->link));
	if (!kind && std < 0)
		return err_say(
			err, ENOTSUP,
			"descriptor %d is '%s', a kind that cannot be checkpointed yet; close it "
			"before the checkpoint",
			seen->fd, seen->link);
	f = res_capture_file(c, m);
	if (!f)
		return err_set(err, ENOMEM, "describe descriptor %d", seen->fd);
	*id = f->id;
	f->kind = kind ? kind->kind : IMG_F_CHR;
	f->open_flags = (uint32_t)seen->flags;
	f->std_stream = std;
	f->mode = seen->st.st_mode;
	f->dev = seen->st.st_dev;
	f->ino = seen->st.st_ino;
	f->rdev = seen->st.st_rdev;
	f->size = (uint64_t)seen->st.st_size;
	f->mtime_ns = seen->st.st_mtim.tv_sec * 1000000000LL + seen->st.st_mtim.tv_nsec;
	capture_owner(f, seen);
	rc = model_put_string(m, &m->files.at[at].path, seen->link);
	if (rc < 0)
		return err_set(err, rc, "describe descriptor %d", seen->fd);
	rc = described_remember(c, seen, *id, err);
	if (rc < 0)
		return rc;
	if (std >= 0) {
		m->files.at[at].flags |= IMG_FILE_OUTSIDE | streams;
		return 0;
	}
	described = c->ndescribed - 1;
	rc = filter_capture(m, seen, at, err);
	if (rc < 0)
		return rc;
	rc = kind->capture(m, seen, &m->files.at[at], err);
	c->described[described].late = kind->late && kind->late(m, &m->files.at[at]);
	c->described[described].saved = capture_holds_nameless(&m->files.at[at]);
	if (kind->kind == IMG_F_PACKET)
		c->described[described].rings = m->files.at[at].size;
	return rc;
}

static const uint32_t capture_lock_types[] = {
	[FDINFO_POSIX] = IMG_LOCK_POSIX,
	[FDINFO_OFD] = IMG_LOCK_OFD,
	[FDINFO_FLOCK] = IMG_LOCK_FLOCK,
};

/* The locks on a description: POSIX ones are this process's, the others its own and kept once. */
static int capture_locks(struct model *m, int fd, uint32_t id, bool first, const char *text,
			 size_t len, struct err *err)
{
	struct scan scan = scan_over(text, len);
	struct fdinfo_lock lock;

	for (size_t i = 0; i < m->fds.n; i++)
		if (m->fds.at[i].file == id)
			return 0; /* under another number of this process */
	while (fdinfo_next_lock(&scan, &lock)) {
		struct img_lock *l;

		if (lock.type == FDINFO_LEASE)
			continue; /* F_GETLEASE has told */
		if (lock.type != FDINFO_POSIX && !first)
			continue;
		l = model_add(&m->locks);
		if (!l)
			return err_set(err, ENOMEM, "keep the locks of descriptor %d", fd);
		*l = (struct img_lock){ .fd = fd,
					.type = capture_lock_types[lock.type],
					.write = lock.write,
					.start = lock.start };
		if (lock.end != UINT64_MAX)
			l->len = lock.end - lock.start + 1;
	}
	return 0;
}

int res_capture_saved(struct res_capture *c, struct model *m, uint64_t ino, uint64_t dev,
		      uint32_t *id, struct err *err)
{
	for (size_t i = 0; i < c->ndescribed; i++) {
		const struct res_described *d = &c->described[i];

		if (d->ino != ino || !d->saved || (dev && d->dev != dev))
			continue;
		*id = d->id;
		return described_mention(m, d->id, err);
	}
	return 0;
}

uint64_t res_capture_rings(const struct res_capture *c, uint32_t id)
{
	const struct res_described *d = described_find(c, id);

	return d ? d->rings : 0;
}

/* A file whose name was removed and that has another: beside it, below the directory above, or afar. */
static void capture_other_name(struct capture_look *look)
{
	const struct stat *st = &look->seen.st;
	OWNED_PTR char *above = NULL, *found = NULL;
	char *slash;

	if (!S_ISREG(st->st_mode) || !st->st_nlink || !text_ends(look->link, " (deleted)") ||
	    res_linked_name(look->link, sizeof(look->link), st->st_dev, st->st_ino))
		return;
	above = strdup(look->link);
	for (int i = 0; i < 2; i++)
		if (above && (slash = strrchr(above, '/')))
			*slash = '\0';
	found = res_find_inode(st->st_dev, st->st_ino, above && *above ? above : NULL,
			       &look->seen.capture->entries_left);
	if (found && strlen(found) < sizeof(look->link))
		strcpy(look->link, found);
}

int capture_look_again(const struct res_seen *seen, struct fdinfo *info, struct err *err)
{
	struct res_listing own = { .n = 0 };
	int rc = listing_add_own(&own, seen->dup, err);

	if (rc >= 0)
		rc = fdinfo_parse(info, listing_text(&own, own.fds.at[0].info),
				  own.fds.at[0].info_len, err);
	res_listing_done(&own);
	return rc < 0 ? err_add(err, "descriptor %d", seen->fd) : 0;
}

/* What is known of descriptor @d of @pid when it has been listed. */
static int capture_look_listed(struct capture_look *look, struct res_capture *c, pid_t pid,
			       const struct res_listing *l, const struct res_listed *d,
			       struct err *err)
{
	struct res_seen *seen = &look->seen;

	*seen = (struct res_seen){ .pid = pid,
				   .fd = d->fd,
				   .text = listing_text(l, d->info),
				   .len = d->info_len,
				   .capture = c };
	return fdinfo_parse(&seen->info, seen->text, seen->len, err);
}

/* And what its description tells, for which @dup is ours. */
static int capture_look(struct capture_look *look, int dup, const char *link, struct err *err)
{
	struct res_seen *seen = &look->seen;

	seen->dup = dup;
	if (fstat(dup, &seen->st) < 0)
		return err_set(err, errno, "look at descriptor %d", seen->fd);
	text_format(look->link, sizeof(look->link), "%s", link);
	capture_other_name(look);
	seen->link = look->link;
	seen->flags = fcntl(dup, F_GETFL);
	return 0;
}

/* The id of its description, captured now if it is new; in @m's tables from here on. */
static int capture_identify(struct res_capture *c, struct model *m, const struct res_seen *seen,
			    uint32_t *id, struct err *err)
{
	*id = described_known(c, seen);
	return *id ? described_mention(m, *id, err) : capture_describe(c, m, seen, id, err);
}

static int capture_flying(struct res_capture *c, struct model *m, int fd,
			  const struct res_listing *l, uint32_t *id, struct err *err)
{
	const struct res_listed *d = &l->fds.at[0];
	struct capture_look look;
	int rc = capture_look_listed(&look, c, getpid(), l, d, err);

	if (rc >= 0)
		rc = capture_look(&look, fd, listing_text(l, d->link), err);
	if (rc >= 0)
		rc = capture_identify(c, m, &look.seen, id, err);
	if (rc >= 0 && described_find(c, *id) && described_find(c, *id)->late)
		rc = err_say(err, RES_BUSY,
			     "'%s' belongs to a process; try again when it has been received",
			     look.link);
	return rc;
}

int res_capture_flying(struct res_capture *c, struct model *m, int fd, uint32_t *id,
		       struct err *err)
{
	int *more = realloc(c->flying, (c->nflying + 1) * sizeof(*more));
	struct res_listing own = { .n = 0 };
	int rc;

	if (!more) {
		close(fd);
		return err_set(err, ENOMEM, "keep a descriptor in flight");
	}
	c->flying = more;
	c->flying[c->nflying++] = fd;
	rc = listing_add_own(&own, fd, err);
	if (rc >= 0)
		rc = capture_flying(c, m, fd, &own, id, err);
	res_listing_done(&own);
	return rc < 0 ? err_add(err, "descriptor in flight") : 0;
}

static int capture_add(struct model *m, const struct res_seen *seen, uint32_t id, struct err *err)
{
	bool first = model_file(m, id);
	struct img_fd *entry;
	int rc;

	if (seen->info.has & FDINFO_LOCKS) {
		rc = capture_locks(m, seen->fd, id, first, seen->text, seen->len, err);
		if (rc < 0)
			return rc;
	}
	entry = model_add(&m->fds);
	if (!entry)
		return err_set(err, ENOMEM, "descriptor %d", seen->fd);
	*entry = (struct img_fd){ .fd = seen->fd, .file = id };
	if (seen->info.flags & O_CLOEXEC)
		entry->flags = FD_CLOEXEC;
	return 0;
}

static int capture_descriptor(struct res_capture *c, struct model *m, pid_t pid,
			      const struct res_listing *l, const struct res_listed *d, int pidfd,
			      struct err *err)
{
	OWNED_FD int dup = -1;
	struct capture_look look;
	uint32_t id = described_inherited(c, pid, d->fd);
	int rc = capture_look_listed(&look, c, pid, l, d, err);

	if (rc < 0)
		return rc;
	if (id) { /* its description is known, and not looked at again */
		rc = described_mention(m, id, err);
		return rc < 0 ? rc : capture_add(m, &look.seen, id, err);
	}
	dup = (int)sys3(__NR_pidfd_getfd, pidfd, d->fd, 0);
	if (dup < 0)
		return err_set(err, dup, "look at descriptor %d", d->fd);
	rc = capture_look(&look, dup, listing_text(l, d->link), err);
	if (rc >= 0)
		rc = capture_identify(c, m, &look.seen, &id, err);
	return rc < 0 ? rc : capture_add(m, &look.seen, id, err);
}

static int capture_temporary(struct res_capture *c, const struct res_listing *l, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < l->temporary.n; i++)
		rc = temporary_add(c, listing_text(l, l->temporary.at[i]), err);
	return rc;
}

/* A lock of all who share the descriptors tells who has taken it. */
static void capture_lock_takers(struct model *m, pid_t pid, const struct res_listing *l,
				const struct res_listed *d)
{
	struct scan scan = scan_over(listing_text(l, d->info), d->info_len);
	struct fdinfo_lock lock;

	while (fdinfo_next_lock(&scan, &lock))
		for (size_t i = 0; lock.pid == pid && i < m->locks.n; i++) {
			struct img_lock *k = &m->locks.at[i];

			if (k->type == IMG_LOCK_POSIX && lock.type == FDINFO_POSIX &&
			    k->fd == d->fd && k->start == lock.start)
				k->pid = pid;
		}
}

int res_capture_fds_of(struct res_capture *c, struct model *m, pid_t pid,
		       const struct res_listing *listing, struct err *err)
{
	for (size_t i = 0; m->locks.n && i < listing->fds.n; i++)
		capture_lock_takers(m, pid, listing, &listing->fds.at[i]);
	return capture_temporary(c, listing, err);
}

int res_capture_fds(struct res_capture *c, struct model *m, pid_t pid,
		    const struct res_listing *listing, struct err *err)
{
	OWNED_FD int pidfd = capture_pidfd(pid);
	int rc = 0;

	if (pidfd < 0)
		return err_set(err, pidfd, "pidfd of process %d", pid);
	rc = capture_temporary(c, listing, err);
	for (size_t i = 0; rc >= 0 && i < listing->fds.n; i++)
		rc = capture_descriptor(c, m, pid, listing, &listing->fds.at[i], pidfd, err);
	if (rc < 0)
		return err_add(err, "process %d", pid);
	c->last = m;
	c->last_pid = pid;
	return 0;
}
