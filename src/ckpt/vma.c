/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings, and the files behind them. */
#include "base/owned.h"
#include "base/text.h"
#include "ckpt/capture.h"
#include "host/proc.h"
#include "procfs/maps.h"
#include "res/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
	/* A writable shared mapping of a file this small is kept whole: it may be gone by then. */
	VMA_SAVE_MAX = 1 << 20,
	VMA_HUGE_1GB = 1 << 30,
	VMA_UNMAPPED_MAX = 1 << 30,
	VMA_PAGE = 4096,
	VMA_PATH_MAX = 3600, /* a path on our stack */
	VMA_URING_PART = 0x7ffffff, /* bits of an offset that is not the beginning of one */
	VMA_URING_LAST = 0x10000000, /* IORING_OFF_SQES */
};

/* Which smaps flag stands for which madvise that must be given again. */
static const struct {
	uint32_t flag;
	unsigned int advice;
} vma_advice[] = {
	{ MAPS_DONTCOPY, MADV_DONTFORK },   { MAPS_DONTDUMP, MADV_DONTDUMP },
	{ MAPS_HUGEPAGE, MADV_HUGEPAGE },   { MAPS_NOHUGEPAGE, MADV_NOHUGEPAGE },
	{ MAPS_MERGEABLE, MADV_MERGEABLE }, { MAPS_WIPEONFORK, MADV_WIPEONFORK },
	{ MAPS_SEQ_READ, MADV_SEQUENTIAL }, { MAPS_RAND_READ, MADV_RANDOM },
};

static const struct {
	uint32_t seen, flag;
} vma_flags[] = {
	{ MAPS_GROWSDOWN, IMG_VMA_GROWSDOWN }, { MAPS_NORESERVE, IMG_VMA_NORESERVE },
	{ MAPS_LOCKED, IMG_VMA_LOCKED },       { MAPS_LOCKONFAULT, IMG_VMA_LOCKONFAULT },
	{ MAPS_DROPPABLE, IMG_VMA_DROPPABLE }, { MAPS_SEALED, IMG_VMA_SEALED },
	{ MAPS_HUGETLB, IMG_VMA_HUGETLB },
};

static uint64_t vma_object(const struct maps_vma *s)
{
	return makedev(s->dev_major, s->dev_minor) << 40 ^ s->ino;
}

/* The img_file behind this mapping if there is one already: same inode, same path. */
static uint32_t vma_known_file(const struct model *m, const char *path, uint64_t ino, uint32_t kind)
{
	for (size_t i = m->files.n; i-- > 0;) {
		const struct img_file *f = &m->files.at[i];

		if (f->kind == kind && f->ino == ino && text_equal(model_string(m, f->path), path))
			return f->id;
	}
	return 0;
}

/* Contents of a small file that the program writes through memory. */
static int vma_save_shared(struct capture *c, const struct stat *st, const char *path, size_t at,
			   struct err *err)
{
	enum res_policy policy = res_policy_of(c->res->policies, path);
	OWNED_FD int fd = -1;

	if (policy == RES_POLICY_KEEP || policy == RES_POLICY_ROLLBACK ||
	    (policy == RES_POLICY_AUTO && st->st_size > VMA_SAVE_MAX))
		return 0;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return 0; /* writable but not readable: the file itself must do */
	return res_save_file(c->m, &c->m->files.at[at], fd, path, err);
}

/* On a file system in memory, or temporary: a file for sharing memory, with a name. */
static bool vma_in_memory(const struct capture *c, const char *path)
{
	struct statfs fs;

	return res_is_temporary(c->res, path) ||
	       (statfs(path, &fs) == 0 && fs.f_type == TMPFS_MAGIC);
}

static int vma_add_file(struct capture *c, const struct maps_vma *s, const char *path, uint32_t *id,
			struct err *err)
{
	struct img_file *f;
	struct stat st;
	int rc;

	*id = vma_known_file(c->m, path, s->ino, IMG_F_MAPPED);
	if (!*id) {
		if (stat(path, &st) < 0)
			return err_set(err, errno, "mapped file '%s'", path);
		f = res_capture_file(c->res, c->m);
		if (!f)
			return err_set(err, ENOMEM, "keep mapped files");
		*id = f->id;
		f->kind = IMG_F_MAPPED;
		f->mode = st.st_mode;
		f->dev = st.st_dev;
		f->ino = s->ino;
		f->size = (uint64_t)st.st_size;
		f->mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
		rc = model_put_string(c->m, &f->path, path);
		if (rc < 0)
			return err_set(err, rc, "keep mapped file '%s'", path);
	}
	f = model_file(c->m, *id);
	if (s->prot & PROT_EXEC)
		f->flags |= IMG_FILE_EXECUTABLE;
	if (!s->shared || !(s->flags & MAPS_MAYWRITE))
		return 0;
	if (vma_in_memory(c, path))
		f->flags |= IMG_FILE_MEMORY;
	else if (!(f->flags & IMG_FILE_SAVED) && stat(path, &st) == 0)
		return vma_save_shared(c, &st, path, (size_t)(f - c->m->files.at), err);
	return 0;
}

/* "/SYSVkkkkkkkk": its inode number is its id. */
static int vma_segment(struct capture *c, const struct maps_vma *s, struct img_vma *v,
		       struct err *err)
{
	if (s->flags & MAPS_HUGETLB)
		return err_say(
			err, ENOTSUP,
			"System V shared memory segment %llu is of huge pages, which cannot be "
			"checkpointed yet; let the program use ordinary ones (MPI over UCX: "
			"UCX_SYSV_HUGETLB_MODE=n)",
			(unsigned long long)s->ino);
	v->object = IMG_OBJECT_SYSV | s->ino;
	return sysv_mapped(c->sysv, (int32_t)s->ino, err);
}

/* Mapped as it was made, from the beginning of one of its parts: the kernel knows no other way. */
static int vma_uring(struct capture *c, const struct maps_vma *s, struct img_vma *v,
		     struct err *err)
{
	int rc = res_capture_saved(c->res, c->m, s->ino, 0, &v->file, err);

	v->kind = IMG_VMA_URING;
	if (rc >= 0 &&
	    (!v->file || !s->shared || s->offset & VMA_URING_PART || s->offset > VMA_URING_LAST))
		return err_say(err, ENOTSUP,
			       "memory at %llx is of an io_uring, %s, which cannot be brought back",
			       (unsigned long long)s->start,
			       v->file ? "but not all of a part of it"
				       : "of which no process has the descriptor any more");
	return rc;
}

/* The rings of a packet socket; all of them, from the beginning: the kernel knows no other way. */
static int vma_socket(struct capture *c, const struct maps_vma *s, struct img_vma *v,
		      struct err *err)
{
	int rc = res_capture_saved(c->res, c->m, s->ino, 0, &v->file, err);
	uint64_t rings = rc < 0 ? 0 : res_capture_rings(c->res, v->file);

	if (rc < 0)
		return rc;
	v->kind = IMG_VMA_SOCKET;
	if (s->shared)
		v->flags |= IMG_VMA_ELSEWHERE;
	if (rings && (s->offset || s->end - s->start != rings))
		return err_say(err, ENOTSUP,
			       "memory at %llx is of a packet socket, but not all of its rings, "
			       "which cannot be brought back; unmap it before the checkpoint",
			       (unsigned long long)s->start);
	if (!rings)
		return err_say(
			err, ENOTSUP,
			"memory at %llx is a socket's (TCP_ZEROCOPY_RECEIVE, or one that is closed "
			"by now), which only the kernel fills; unmap it before the checkpoint",
			(unsigned long long)s->start);
	return 0;
}

/* A restart makes shared huge pages for one mapping; of two, each would get its own without a word. */
static int vma_check_huge(struct capture *c, const struct maps_vma *s, const struct img_vma *v,
			  struct err *err)
{
	uint64_t end = v->offset + (v->end - v->start);

	if (!s->shared || !(s->flags & MAPS_HUGETLB) || !s->deleted)
		return 0;
	if (!maps_begins(s, "/memfd:") && !shared_has(c->kept, v->object, v->offset, v->offset + 1))
		return shared_add(c->kept, v->object, v->offset, end, err);
	return err_say(err, ENOTSUP,
		       "memory at %llx is of huge pages, and shared with another mapping or a "
		       "descriptor, which cannot be brought back yet; let the program do without "
		       "huge pages (huge_pages=off for PostgreSQL)",
		       (unsigned long long)s->start);
}

int capture_keep_once(struct capture *c, struct img_vma *v, struct err *err)
{
	uint64_t end = v->offset + (v->end - v->start);

	if (!v->object || !(v->flags & IMG_VMA_SHARED) || v->flags & IMG_VMA_HUGETLB ||
	    v->kind == IMG_VMA_AIO || v->flags & IMG_VMA_ELSEWHERE)
		return 0;
	if (shared_has(c->kept, v->object, v->offset, end)) {
		v->flags |= IMG_VMA_ELSEWHERE;
		return 0;
	}
	return shared_add(c->kept, v->object, v->offset, end, err);
}

static bool vma_kernel_area(const struct maps_vma *s, uint32_t *kind)
{
	if (maps_named(s, "[vdso]"))
		*kind = IMG_VMA_VDSO;
	else if (maps_begins(s, "[vvar"))
		*kind = IMG_VMA_VVAR;
	else if (maps_named(s, "[vsyscall]"))
		*kind = IMG_VMA_VSYSCALL;
	else
		return false;
	return true;
}

/* @path, of VMA_PATH_MAX bytes, names the file: at once, or after another look. */
static bool vma_has_name(const struct capture *c, const struct maps_vma *s, char *path)
{
	return !s->deleted ||
	       (s->shared && res_is_temporary(c->res, path) &&
		res_linked_name(path, VMA_PATH_MAX, makedev(s->dev_major, s->dev_minor), s->ino));
}

/* What is behind the mapping. */
static int vma_kind(struct capture *c, const struct maps_vma *s, char *path, struct img_vma *v,
		    struct err *err)
{
	int rc;

	if (vma_kernel_area(s, &v->kind)) {
		if (v->kind == IMG_VMA_VDSO) {
			c->m->process.vdso_start = s->start;
			c->m->process.vdso_end = s->end;
		}
		return 0;
	}
	if (res_uring_is(path))
		return vma_uring(c, s, v, err);
	if (res_refused(path))
		return err_say(err, ENOTSUP, "memory at %llx is %s", (unsigned long long)s->start,
			       res_refused(path));
	if (maps_begins(s, "socket:["))
		return vma_socket(c, s, v, err);
	if (capture_is_aio(s)) {
		v->kind = IMG_VMA_AIO;
		v->object = vma_object(s);
		return 0;
	}
	v->kind = IMG_VMA_ANON;
	if (s->deleted && s->shared && maps_begins(s, "/SYSV"))
		return vma_segment(c, s, v, err);
	if (!s->ino || (s->flags & MAPS_HUGETLB && s->deleted)) {
		if (s->shared)
			v->object = vma_object(s);
		return 0;
	}
	if (s->flags & (MAPS_PFNMAP | MAPS_IO))
		return err_say(
			err, ENOTSUP,
			"memory at %llx is device memory of '%s', which cannot be brought back",
			(unsigned long long)s->start, path);
	if (vma_has_name(c, s, path)) {
		v->kind = IMG_VMA_FILE;
		rc = vma_add_file(c, s, path, &v->file, err);
		if (rc < 0 || !s->shared || !(s->flags & MAPS_MAYWRITE))
			return rc;
		v->flags |= IMG_VMA_MAYWRITE;
		if (model_file(c->m, v->file)->flags & IMG_FILE_MEMORY)
			v->object = vma_object(s);
		return 0;
	}
	/* Nameless: a descriptor's contents if one is open, else the mapped pages are all there is. */
	v->object = vma_object(s);
	rc = res_capture_saved(c->res, c->m, s->ino,
			       s->shared ? 0 : makedev(s->dev_major, s->dev_minor), &v->file, err);
	if (v->file)
		v->kind = IMG_VMA_MEMFD;
	/* A restart could not fill what may not be written. */
	if (v->file && s->shared && !(s->flags & MAPS_MAYWRITE && res_is_later(c->res, v->object)))
		v->flags |= IMG_VMA_ELSEWHERE;
	return rc;
}

void capture_vma_settings(struct img_vma *v, const struct maps_vma *s)
{
	v->protection_key = s->protection_key;
	v->flags &= ~(uint32_t)IMG_VMA_HUGE_1GB;
	v->advice = 0;
	for (size_t i = 0; i < sizeof(vma_flags) / sizeof(vma_flags[0]); i++) {
		v->flags &= ~vma_flags[i].flag;
		if (s->flags & vma_flags[i].seen)
			v->flags |= vma_flags[i].flag;
	}
	for (size_t i = 0; i < sizeof(vma_advice) / sizeof(vma_advice[0]); i++)
		if (s->flags & vma_advice[i].flag)
			v->advice |= 1ull << vma_advice[i].advice;
	if (s->kernel_page_size >= VMA_HUGE_1GB)
		v->flags |= IMG_VMA_HUGE_1GB;
}

int capture_vma(struct capture *c, const struct maps_vma *s, struct err *err)
{
	struct img_vma *v = model_add(&c->m->vmas);
	char path[VMA_PATH_MAX];
	int rc;

	if (!v)
		return err_set(err, ENOMEM, "keep mappings");
	if (!maps_path(s, path, sizeof(path)))
		return err_say(err, ENAMETOOLONG, "mapping at %llx has a path over %d bytes",
			       (unsigned long long)s->start, VMA_PATH_MAX);
	v->start = s->start;
	v->end = s->end;
	v->offset = s->offset;
	v->prot = s->prot;
	if (s->shared)
		v->flags |= IMG_VMA_SHARED;
	capture_vma_settings(v, s);
	rc = vma_kind(c, s, path, v, err);
	if (rc >= 0)
		rc = vma_check_huge(c, s, v, err);
	if (rc >= 0)
		rc = capture_keep_once(c, v, err);
	if (rc < 0)
		return rc;
	if (s->shared && s->swap)
		v->flags |= IMG_VMA_SWAPPED;
	if (path[0] == '[') {
		rc = model_put_string(c->m, &v->name, path);
		if (rc < 0)
			return err_set(err, rc, "keep mappings");
	}
	return 0;
}

int capture_unmapped(struct model *m, struct shared *kept, struct err *err)
{
	for (size_t i = 0; i < m->files.n; i++) {
		struct img_file *f = &m->files.at[i];
		uint64_t object = f->dev << 40 ^ f->ino;
		OWNED_FD int fd = -1;
		int rc;

		if (!(f->flags & IMG_FILE_MEMORY) ||
		    shared_has(kept, object, 0, (f->size + VMA_PAGE - 1) / VMA_PAGE * VMA_PAGE))
			continue;
		if (f->size > VMA_UNMAPPED_MAX)
			return err_say(
				err, EFBIG,
				"'%s' of %llu bytes is shared memory of which only parts are "
				"mapped: over 1 GiB of such is not saved; map all of it",
				model_string(m, f->path), (unsigned long long)f->size);
		fd = open(model_string(m, f->path), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			return err_set(err, errno, "open '%s' to save it",
				       model_string(m, f->path));
		rc = res_save_contents(m, &f->data, fd, f->size, err);
		if (rc >= 0)
			rc = shared_add(kept, object, 0, f->size + VMA_PAGE, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}
