/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making descriptors again, inside the process that is to own them.
 *
 * Everything is made where the program has no numbers (room.c), then put in place: so no
 * new descriptor can sit on a number that is still to be filled.
 */
#include "base/owned.h"
#include "base/sys.h"
#include "res/kinds.h"
#include "res/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct res_made { /* one open file description, at its temporary number */
	const struct model *m; /* in whose image it stands */
	const struct img_file *file;
	struct res_slot slot;
};

const struct img_file *res_find_file(const struct res_restart *r, const struct model **owner,
				     bool (*match)(const struct img_file *f, uint64_t key),
				     uint64_t key)
{
	for (size_t i = 0; i < r->nmodels; i++) {
		const struct model *m = r->models[i];

		for (size_t j = 0; j < m->files.n; j++)
			if (m->files.at[j].std_stream < 0 && match(&m->files.at[j], key)) {
				*owner = m;
				return &m->files.at[j];
			}
	}
	return NULL;
}

int res_made_find(const struct res_restart *r, uint64_t object, uint32_t kind)
{
	for (size_t i = 0; i < r->nmade; i++) {
		const struct img_file *f = r->made[i].file;

		if (f->object == object && f->kind == kind && f->std_stream < 0)
			return shelf_fetch(r, &r->made[i].slot);
	}
	return -1;
}

struct res_spare {
	uint64_t key;
	struct res_slot slot; /* of one that was taken: empty */
};

struct res_slot *res_slot_at(const struct res_restart *r, size_t i)
{
	if (i < r->nmade)
		return &r->made[i].slot;
	i -= r->nmade;
	return i < r->nspares ? &r->spares[i].slot : NULL;
}

/* Where what is made stands: nothing of the program's is there, or nothing yet. */
static int remake_lowest(const struct res_restart *r)
{
	return r->shelves ? ROOM_LOWEST : r->base;
}

int res_spare_put(struct res_restart *r, uint64_t key, int fd, struct err *err)
{
	struct res_spare *more = realloc(r->spares, (r->nspares + 1) * sizeof(*more));
	int high = more ? fcntl(fd, F_DUPFD_CLOEXEC, remake_lowest(r)) : -1;

	close(fd);
	if (more)
		r->spares = more;
	if (high < 0)
		return err_set(err, more ? errno : ENOMEM, "keep the other end of a pair");
	r->spares[r->nspares].key = key;
	shelf_add(r, &r->spares[r->nspares++].slot, high);
	return 0;
}

static struct res_slot *remake_spare(const struct res_restart *r, uint64_t key)
{
	for (size_t i = 0; i < r->nspares; i++)
		if (r->spares[i].key == key &&
		    (r->spares[i].slot.fd >= 0 || r->spares[i].slot.shelf >= 0))
			return &r->spares[i].slot;
	return NULL;
}

int res_spare_find(const struct res_restart *r, uint64_t key)
{
	struct res_slot *slot = remake_spare(r, key);

	return slot ? shelf_fetch(r, slot) : -1;
}

int res_spare_take(struct res_restart *r, uint64_t key)
{
	struct res_slot *slot = remake_spare(r, key);
	int fd = slot ? shelf_fetch(r, slot) : -1;

	if (fd >= 0)
		*slot = (struct res_slot){ .fd = -1, .shelf = -1 };
	return fd;
}

/* Move @fd to where such stand, close-on-exec; the old number is closed. */
static int remake_lift(struct res_restart *r, int fd, struct err *err)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, remake_lowest(r));

	if (high < 0) {
		high = err_set(err, errno,
			       "a descriptor above %d; is the limit (ulimit -n) too low?", r->base);
		close(fd);
		return high;
	}
	close(fd);
	return high;
}

/* The stream for numbers above 2: one that can be written, where the old one could. */
static int remake_stream(const struct res_restart *r, const struct img_file *f)
{
	int first = r->std_fds[f->std_stream];

	for (int i = 2; i >= 0 && (f->open_flags & O_ACCMODE) == O_RDWR; i--)
		if (f->flags & (uint32_t)IMG_FILE_STREAM << i && r->std_fds[i] >= 0 &&
		    (fcntl(r->std_fds[i], F_GETFL) & O_ACCMODE) == O_RDWR)
			return r->std_fds[i];
	return first;
}

static int remake_std(struct res_restart *r, const struct img_file *f, struct err *err)
{
	int fd = remake_stream(r, f);
	int copy = fd < 0 ? open("/dev/null", (int)(f->open_flags & O_ACCMODE) | O_CLOEXEC)
			  : fcntl(fd, F_DUPFD_CLOEXEC, remake_lowest(r));

	return copy < 0 ? err_set(err, errno, "standard stream %d", f->std_stream) : copy;
}

static int remake_one(struct res_restart *r, const struct img_file *f, struct err *err)
{
	const struct res_kind *kind = res_kind_by_number(f->kind);
	int fd;

	if (f->std_stream >= 0)
		fd = remake_std(r, f, err);
	else if (!kind)
		return err_say(err, ENOTSUP, "'%s' is of kind %u, which this Cairn cannot make",
			       model_string(r->m, f->path), f->kind);
	else
		fd = kind->make(r, f, err);
	if (fd < 0)
		return fd;
	return remake_lift(r, fd, err);
}

static bool remake_is_late(const struct model *m, const struct img_file *f)
{
	const struct res_kind *kind = res_kind_by_number(f->kind);

	return f->std_stream < 0 && kind && kind->late && kind->late(m, f);
}

/* A file that no descriptor was for. */
static bool remake_needs_none(const struct img_file *f)
{
	return f->kind == IMG_F_MAPPED || f->kind == IMG_F_NAMED;
}

static struct res_made *remake_add(struct res_restart *r, const struct model *m,
				   const struct img_file *f, int fd)
{
	struct res_made *made = &r->made[r->nmade++];

	*made = (struct res_made){ .m = m, .file = f };
	shelf_add(r, &made->slot, fd);
	return made;
}

static int remake_model(struct res_restart *r, const struct model *m, struct err *err)
{
	struct res_made *more;

	more = realloc(r->made, (r->nmade + m->files.n + 1) * sizeof(*more));
	if (!more)
		return err_set(err, ENOMEM, "make descriptors");
	r->made = more;
	r->m = m;
	for (size_t i = 0; i < m->files.n; i++) {
		int fd;

		if (remake_needs_none(&m->files.at[i]) || remake_is_late(m, &m->files.at[i]))
			continue;
		fd = shelf_trim(r, err);
		if (fd >= 0)
			fd = remake_one(r, &m->files.at[i], err);
		if (fd < 0)
			return fd;
		remake_add(r, m, &m->files.at[i], fd);
	}
	return 0;
}

typedef int remake_hook(struct res_restart *r, const struct img_file *f, int fd, struct err *err);

/* What the kinds have to do when every description is there. */
static int remake_each(struct res_restart *r, struct res_made *made, remake_hook *hook,
		       struct err *err)
{
	int rc = shelf_trim(r, err);
	int fd = rc < 0 ? rc : shelf_fetch(r, &made->slot);

	r->m = made->m;
	if (rc >= 0 && fd < 0)
		return err_set(err, fd, "fetch '%s'", model_string(made->m, made->file->path));
	return fd < 0 ? fd : hook(r, made->file, fd, err);
}

static int remake_all(struct res_restart *r, bool filled, struct err *err)
{
	for (size_t i = 0; i < r->nmade; i++) {
		struct res_made *made = &r->made[i];
		const struct res_kind *kind = res_kind_by_number(made->file->kind);
		remake_hook *hook = !kind ? NULL : filled ? kind->settle : kind->fill;
		int rc = 0;

		if (made->file->std_stream < 0 && hook)
			rc = remake_each(r, made, hook, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int remake_filter(struct res_restart *r, const struct img_file *f, int fd, struct err *err)
{
	return filter_attach(r->m, f, fd, err);
}

static int remake_filters(struct res_restart *r, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < r->nmade; i++)
		if (r->made[i].file->std_stream < 0)
			rc = remake_each(r, &r->made[i], remake_filter, err);
	return rc;
}

/* The highest number that the caller and we still need. */
static int remake_top(const int std_fds[3], int *const *keep, size_t nkeep)
{
	int top = 0;

	for (size_t i = 0; i < nkeep; i++)
		top = *keep[i] > top ? *keep[i] : top;
	for (int i = 0; i < 3; i++)
		top = std_fds[i] > top ? std_fds[i] : top;
	return top;
}

/*
 * Close everything but what the caller and we still need. Those are first copied to the numbers right above
 * @top, the highest open one, in order, and so stand in one block that nothing else is in.
 */
static int remake_clear(struct res_restart *r, const int std_fds[3], int *const *keep, size_t nkeep,
			struct err *err)
{
	int top = remake_top(std_fds, keep, nkeep), first, last;

	if (top < r->base)
		top = r->base;
	sys3(__NR_close_range, top + 1, ~0U, 0);
	first = last = top + 1;
	for (size_t i = 0; i < nkeep; i++, last++) {
		if (dup3(*keep[i], last, O_CLOEXEC) < 0)
			return err_set(err, errno, "move descriptor %d to %d", *keep[i], last);
		*keep[i] = last;
	}
	for (int i = 0; i < 3; i++) {
		r->std_fds[i] = -1;
		if (std_fds[i] >= 0 && dup3(std_fds[i], last, O_CLOEXEC) >= 0)
			r->std_fds[i] = last++;
	}
	sys3(__NR_close_range, 0, first - 1, 0);
	return 0;
}

int res_restart_make(struct res_restart *r, const struct model *const *models, size_t n,
		     const int std_fds[3], int *const *keep, size_t nkeep, struct err *err)
{
	int rc;

	*r = (struct res_restart){ .models = models,
				   .nmodels = n,
				   .std_fds = { -1, -1, -1 },
				   .own_mounts = r->own_mounts,
				   .await = r->await,
				   .fork_shelf = r->fork_shelf,
				   .context = r->context };
	rc = res_room(r, remake_top(std_fds, keep, nkeep), (int)nkeep, err);
	if (rc >= 0)
		rc = remake_clear(r, std_fds, keep, nkeep, err);
	for (size_t i = 0; rc >= 0 && i < n; i++)
		rc = remake_model(r, models[i], err);
	if (rc >= 0)
		rc = remake_all(r, false, err);
	if (rc >= 0)
		rc = remake_all(r, true, err);
	/* Last: what is put back into queues would not pass. */
	if (rc >= 0)
		rc = remake_filters(r, err);
	if (rc >= 0)
		res_pty_close_doors(r);
	return rc < 0 ? rc : shelf_clear(r, err);
}

static struct res_made *remake_find(const struct res_restart *r, uint32_t id)
{
	for (size_t i = 0; i < r->nmade; i++)
		if (r->made[i].file->id == id)
			return &r->made[i];
	return NULL;
}

int res_restart_find(const struct res_restart *r, uint32_t id)
{
	struct res_made *made = remake_find(r, id);

	return made ? shelf_fetch(r, &made->slot) : -1;
}

/* In the process that needs it: a description that could not be made before. */
static int remake_late(struct res_restart *r, uint32_t id, struct err *err)
{
	const struct img_file *f = NULL;
	struct res_made *more;
	size_t i = 0;
	int fd;

	while (!f && i < r->nmodels)
		f = model_file(r->models[i++], id);
	if (!f || remake_find(r, id) || !remake_is_late(r->models[i - 1], f))
		return 0;
	more = realloc(r->made, (r->nmade + 1) * sizeof(*more));
	if (!more)
		return err_set(err, ENOMEM, "make descriptors");
	r->made = more;
	r->m = r->models[i - 1];
	fd = remake_one(r, f, err);
	if (fd < 0)
		return fd;
	remake_add(r, r->m, f, fd);
	return 0;
}

/* Whom to signal: the process must be there. */
static void remake_owner(const struct res_restart *r, const struct img_file *f, int fd)
{
	const struct f_owner_ex owner = { f->owner_type, f->owner_pid };

	if (f->owner_signal)
		fcntl(fd, F_SETSIG, f->owner_signal);
	if (!f->owner_pid)
		return;
	if (r->await)
		r->await(r->context, f->owner_pid);
	fcntl(fd, F_SETOWN_EX, &owner);
}

/* si_fd of the signals is the number by which O_ASYNC was set: taken to be the lowest that there is. */
static void remake_async(const struct model *m, const struct img_file *f, int fd)
{
	if (!(f->open_flags & O_ASYNC))
		return;
	for (size_t i = 0; m->fds.at[i].fd < fd; i++)
		if (m->fds.at[i].file == f->id)
			return;
	fcntl(fd, F_SETFL, f->open_flags & ~(uint32_t)O_ASYNC);
	fcntl(fd, F_SETFL, f->open_flags);
}

static bool remake_has(const struct model *m, const struct img_file *f, int fd)
{
	for (size_t i = 0; i < m->fds.n; i++)
		if (m->fds.at[i].fd == fd)
			return m->fds.at[i].file == f->id;
	return false;
}

/*
 * A shell that puts another file in the place of a stream keeps the stream at a number above meanwhile: which
 * one is at @fd, the lowest first. -1: none.
 */
static int remake_kept_aside(const struct model *m, const struct img_file *f, int fd)
{
	size_t before = 0;

	for (size_t i = 0; i < m->fds.n; i++)
		before += m->fds.at[i].fd > 2 && m->fds.at[i].fd < fd && m->fds.at[i].file == f->id;
	for (int stream = 0; stream <= 2; stream++)
		if (f->flags & (uint32_t)IMG_FILE_STREAM << stream && !remake_has(m, f, stream) &&
		    !before--)
			return stream;
	return -1;
}

/*
 * What is to stand at number @fd. A terminal mostly was all of the standard streams; those of the restart
 * may be three: each number has its own then. Where the program itself has put one in the place of another
 * (2>&1) it stays there.
 */
static int remake_source(const struct res_restart *r, const struct model *m, struct res_made *made,
			 int fd)
{
	int stream = fd;

	if (made->file->std_stream < 0)
		return shelf_fetch(r, &made->slot);
	if (fd > 2)
		stream = remake_kept_aside(m, made->file, fd);
	if (stream >= 0 && made->file->flags & (uint32_t)IMG_FILE_STREAM << stream &&
	    r->std_fds[stream] >= 0)
		return r->std_fds[stream];
	return shelf_fetch(r, &made->slot);
}

static int remake_place_one(struct res_restart *r, const struct model *m, const struct img_fd *want,
			    struct err *err)
{
	int rc = remake_late(r, want->file, err), source;
	struct res_made *made = remake_find(r, want->file);

	if (rc < 0)
		return rc;
	if (!made)
		return err_say(err, EINVAL, "descriptor %d names file %u, which is in no image",
			       want->fd, want->file);
	source = remake_source(r, m, made, want->fd);
	if (source < 0)
		return err_set(err, source, "fetch what descriptor %d is to be", want->fd);
	rc = want->flags & FD_CLOEXEC;
	if (source == want->fd ? fcntl(source, F_SETFD, rc) < 0
			       : dup3(source, want->fd, rc ? O_CLOEXEC : 0) < 0)
		return err_set(err, errno, "put '%s' at descriptor %d",
			       model_string(made->m, made->file->path), want->fd);
	if (r->shelves)
		shelf_placed(r, &made->slot, want->fd, made->file->std_stream < 0);
	if (made->m == m && made->file->std_stream < 0)
		remake_async(m, made->file, want->fd);
	shelf_drop(r);
	return 0;
}

/* What refers to numbers refers to those of the process in whose image it stands. */
static int remake_finish(struct res_restart *r, const struct model *m, struct res_made *made,
			 struct err *err)
{
	const struct res_kind *kind = res_kind_by_number(made->file->kind);
	int rc = 0, fd = shelf_fetch(r, &made->slot);

	remake_owner(r, made->file, fd);
	if (made->file->std_stream < 0 && kind && kind->finish)
		rc = kind->finish(r, m, made->file, fd, err);
	shelf_drop(r);
	return rc;
}

int res_restart_place(struct res_restart *r, const struct model *m, struct err *err)
{
	int rc = 0;

	shelf_drop(r);
	for (size_t i = 0; rc >= 0 && i < m->fds.n; i++)
		rc = remake_place_one(r, m, &m->fds.at[i], err);
	for (size_t i = 0; rc >= 0 && i < m->epolls.n; i++)
		rc = remake_late(r, m->epolls.at[i].target, err);
	for (size_t i = 0; rc >= 0 && i < r->nmade; i++)
		if (r->made[i].m == m)
			rc = remake_finish(r, m, &r->made[i], err);
	return rc;
}

void res_restart_drop(const struct res_restart *r)
{
	shelf_drop(r);
}

void res_restart_done(struct res_restart *r)
{
	const struct res_slot *slot;

	for (size_t i = 0; (slot = res_slot_at(r, i)); i++)
		if (slot->fd >= 0 && !slot->placed)
			close(slot->fd);
	for (int i = 0; i < 3; i++)
		if (r->std_fds[i] >= 0)
			close(r->std_fds[i]);
	pty_close_all(r);
	shelf_done(r);
	free(r->spares);
	free(r->made);
	*r = (struct res_restart){ .std_fds = { -1, -1, -1 } };
}
