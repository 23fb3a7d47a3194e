/* SPDX-License-Identifier: Apache-2.0 */
/* Regular files: by path, or by contents where there is no path any more. */
#include "base/owned.h"
#include "base/sys.h"
#include "base/text.h"
#include "host/procid.h"
#include "res/policy.h"
#include "res/res.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	REG_SMALL_MAX = 1 << 20, /* a file this small is kept without being asked to */
	REG_SMALL_ALL =
		4 << 20, /* of all such files of the computation: they are read in the pause */
};

static bool reg_match(const struct res_seen *seen)
{
	if (seen->flags & O_PATH) /* of anything: it is only a name */
		return !S_ISDIR(seen->st.st_mode) && !S_ISLNK(seen->st.st_mode);
	return S_ISREG(seen->st.st_mode) && !text_starts(seen->link, "/memfd:");
}

static bool reg_is_at(const struct res_seen *seen, const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_dev == seen->st.st_dev && st.st_ino == seen->st.st_ino;
}

/* True if the path still names the very file that is open. False with errno EACCES: it cannot be told. */
static bool reg_named(const struct res_seen *seen)
{
	OWNED_PTR char *via = NULL;

	errno = 0;
	if (asprintf(&via, "/proc/%d/root%s", procid_shown(seen->pid), seen->link) < 0)
		return false;
	return reg_is_at(seen, via) || reg_is_at(seen, seen->link);
}

pid_t res_proc_pid(const char *path)
{
	const char *s = path + sizeof("/proc/") - 1;
	uint64_t pid;

	if (!text_starts(path, "/proc/") || !text_scan(&s, s + text_length(s), 10, &pid) ||
	    (*s && *s != '/') || pid > INT32_MAX)
		return 0;
	return (pid_t)pid;
}

/* What has been written to it, and is waited for, nobody tells. */
static int reg_check_pressure(const struct res_seen *seen, struct err *err)
{
	if ((seen->flags & O_ACCMODE) == O_RDONLY ||
	    !(text_starts(seen->link, "/proc/pressure/") || text_ends(seen->link, ".pressure")))
		return 0;
	return err_say(err, ENOTSUP,
		       "descriptor %d waits for pressure on a resource ('%s'), of which the kernel "
		       "does not tell how much; close it before the checkpoint",
		       seen->fd, seen->link);
}

/*
 * What belongs to a process or thread that is no more cannot be had again. What tells of a descriptor cannot
 * be had before there is that descriptor, and who looks at one closes it at once.
 */
static int reg_check_proc(const struct res_seen *seen, struct img_file *f, struct err *err)
{
	const char *task = strstr(seen->link, "/task/");
	pid_t pid = res_proc_pid(seen->link);
	char own[32];

	if (!pid)
		return reg_check_pressure(seen, err);
	if (strstr(seen->link, "/fdinfo/"))
		return err_say(err, RES_BUSY,
			       "descriptor %d is '%s', which cannot be opened in a restart; try "
			       "again when it "
			       "has been closed",
			       seen->fd, seen->link);
	if (text_ends(seen->link, " (deleted)") || access(seen->link, F_OK) < 0) {
		f->flags |= IMG_FILE_DELETED;
		if (!task)
			return 0;
	}
	text_format(own, sizeof(own), "/task/%d/", pid);
	if (task && !text_starts(task, own))
		return err_say(err, ENOTSUP,
			       "descriptor %d is '%s', of a thread, which cannot be brought back; "
			       "close it "
			       "before the checkpoint",
			       seen->fd, seen->link);
	return 0;
}

static bool reg_late(const struct model *m, const struct img_file *f)
{
	return (f->kind == IMG_F_PROC || f->kind == IMG_F_DIR) && !(f->flags & IMG_FILE_DELETED) &&
	       res_proc_pid(model_string(m, f->path));
}

static void reg_await(const struct res_restart *r, const struct img_file *f)
{
	if (reg_late(r->m, f) && r->await)
		r->await(r->context, res_proc_pid(model_string(r->m, f->path)));
}

/* A standard stream's file, opened once more: not ours to cut, others write to it as well. */
static bool reg_is_outside(const struct res_seen *seen)
{
	for (size_t i = 0; i < seen->capture->nstreams; i++)
		if (seen->capture->streams[i].ino == seen->st.st_ino &&
		    seen->capture->streams[i].dev == seen->st.st_dev)
			return true;
	return false;
}

/* O_NONBLOCK: else a lease would keep us waiting for its holder, which stands still. */
static int reg_save(struct model *m, const struct res_seen *seen, struct img_file *f, bool must,
		    struct err *err)
{
	OWNED_FD int fd = open(seen->link, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && !must)
		return 0; /* not for us to read: the file itself must do */
	if (fd < 0)
		return err_set(err, errno, "open '%s' to save it", seen->link);
	return res_save_file(m, f, fd, seen->link, err);
}

/*
 * What the program writes is cut back at a restart, as far as nobody has said otherwise. A small file
 * is kept as well: the program may have moved or rewritten it by then, and a temporary one may be
 * swept away.
 */
static int reg_capture_named(struct model *m, const struct res_seen *seen, struct img_file *f,
			     struct err *err)
{
	enum res_policy policy = res_policy_of(seen->capture->policies, seen->link);
	uint64_t size = (uint64_t)seen->st.st_size;
	bool writes = (seen->flags & O_ACCMODE) != O_RDONLY && !reg_is_outside(seen);

	if (policy == RES_POLICY_KEEP)
		return 0;
	if (policy != RES_POLICY_AUTO || writes)
		f->flags |= IMG_FILE_ROLLBACK;
	if (f->lease != F_UNLCK)
		return 0; /* to open it in order to give it back what it held would break the lease */
	if (policy == RES_POLICY_SAVE)
		return reg_save(m, seen, f, true, err);
	if (policy == RES_POLICY_ROLLBACK || size > REG_SMALL_MAX ||
	    seen->capture->kept + size > REG_SMALL_ALL ||
	    !(writes || res_is_temporary(seen->capture, seen->link)))
		return 0;
	seen->capture->kept += size;
	return reg_save(m, seen, f, false, err);
}

/* Of nsfs, and not bound to a name: "net:[4026531840]". */
static bool reg_is_namespace(const struct res_seen *seen)
{
	struct statfs fs;

	return seen->link[0] != '/' && fstatfs(seen->dup, &fs) == 0 && fs.f_type == NSFS_MAGIC;
}

/* A namespace that the process is in itself is found again there. */
static int reg_capture_namespace(struct model *m, const struct res_seen *seen, struct img_file *f,
				 struct err *err)
{
	char path[64], via[64], kind[16];
	struct stat st;
	size_t len = strcspn(seen->link, ":");

	if (len < sizeof(kind)) {
		text_copy(kind, len + 1, seen->link);
		text_format(via, sizeof(via), "ns/%s", kind);
		procid_path(path, sizeof(path), seen->pid, via);
	}
	if (len >= sizeof(kind) || stat(path, &st) < 0 || st.st_ino != seen->st.st_ino ||
	    st.st_dev != seen->st.st_dev)
		return err_say(
			err, ENOTSUP,
			"descriptor %d is a namespace ('%s') that the process is not in; close "
			"it before the checkpoint",
			seen->fd, seen->link);
	f->kind = IMG_F_PROC;
	text_format(path, sizeof(path), "/proc/%d/ns/%s", seen->pid, kind);
	return model_put_string(m, &f->path, path) < 0
		       ? err_set(err, ENOMEM, "keep '%s'", seen->link)
		       : 0;
}

/* What several descriptions of something without a name are all of. */
static uint64_t reg_object(const struct stat *st)
{
	return (uint64_t)st->st_dev << 40 ^ st->st_ino;
}

static int reg_capture_nameless(struct model *m, const struct res_seen *seen, struct img_file *f,
				struct err *err)
{
	f->flags |= IMG_FILE_DELETED | IMG_FILE_SAVED;
	f->object = reg_object(&seen->st);
	for (const struct img_file *other = m->files.at; other < f; other++)
		if (other->kind == IMG_F_REG && other->object == f->object &&
		    other->flags & IMG_FILE_DELETED) {
			f->data = other->data; /* opened twice, saved once */
			return 0;
		}
	return res_save_nameless(m, seen, f, err);
}

static int reg_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
		       struct err *err)
{
	off_t pos = lseek(seen->dup, 0, SEEK_CUR);

	f->pos = pos < 0 ? 0 : (uint64_t)pos;
	if (f->open_flags & O_PATH)
		f->flags |= IMG_FILE_OPATH;
	if (reg_is_namespace(seen))
		return reg_capture_namespace(m, seen, f, err);
	if (text_starts(seen->link, "/proc/") || text_starts(seen->link, "/sys/")) {
		f->kind = IMG_F_PROC;
		return reg_check_proc(seen, f, err);
	}
	if (f->open_flags & O_PATH && reg_named(seen))
		return 0;
	if (reg_named(seen))
		return reg_capture_named(m, seen, f, err);
	if (!S_ISREG(seen->st.st_mode))
		return err_say(err, ENOTSUP,
			       "descriptor %d is a path (O_PATH) of '%s', which has no name any "
			       "more; close "
			       "it before the checkpoint",
			       seen->fd, seen->link);
	return reg_capture_nameless(m, seen, f, err);
}

static int reg_open_flags(const struct img_file *f)
{
	/* O_TMPFILE has O_DIRECTORY in it, which is a directory's to keep. */
	uint32_t no = O_CREAT | O_EXCL | O_TRUNC |
		      (uint32_t)(f->kind == IMG_F_DIR ? O_TMPFILE & ~O_DIRECTORY : O_TMPFILE);

	return (int)(f->open_flags & ~no) | O_CLOEXEC | O_NOCTTY;
}

/*
 * A nameless file beside its old place, or in memory where that directory cannot hold it. Written
 * through a first description, so that read-only and append-only ones come back as they were.
 */
static int reg_make_deleted(struct res_restart *r, const struct img_file *f, struct err *err)
{
	const struct model *m = r->m;
	const char *path = model_string(m, f->path);
	OWNED_PTR char *dir = strdup(path);
	OWNED_FD int fd = -1;
	int made = res_made_find(r, f->object, f->kind);
	const struct timespec times[2] = {
		{ .tv_nsec = UTIME_NOW },
		{ f->mtime_ns / 1000000000, f->mtime_ns % 1000000000 },
	};
	char via[64];
	char *slash;
	int rc;

	if (!dir)
		return err_set(err, ENOMEM, "restore deleted file '%s'", path);
	if (made >= 0) { /* another description of the same file */
		text_format(via, sizeof(via), "/proc/self/fd/%d", made);
		rc = open(via, reg_open_flags(f));
		return rc < 0 ? err_set(err, errno, "open deleted file '%s' again", path) : rc;
	}
	slash = strrchr(dir, '/');
	if (slash) {
		slash[slash == dir] = '\0';
		fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, f->mode & 07777);
	}
	if (fd < 0)
		fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, f->mode & 07777);
	if (fd < 0)
		fd = res_memfd_create("restored", 0, true);
	if (fd < 0)
		return err_set(err, errno, "make a nameless file for '%s'", path);
	rc = res_load_nameless(m, f, fd, err);
	if (rc < 0)
		return rc;
	res_give_owner(fd, f);
	fchmod(fd, f->mode & 07777); /* the umask is the program's by now */
	futimens(fd, times);
	text_format(via, sizeof(via), "/proc/self/fd/%d", fd);
	rc = open(via, reg_open_flags(f));
	if (rc < 0) /* no /proc here, or the mode forbids it: the first description must do */
		return owned_fd_take(&fd);
	return rc;
}

/* Below /proc, of a process that has ended: such a file of a child that ends at once is like it in all. */
static int reg_open_ended(const struct res_restart *r, const struct img_file *f, struct err *err)
{
	const char *path = model_string(r->m, f->path);
	const char *rest = strchr(path + strlen("/proc/"), '/');
	OWNED_PTR char *there = NULL;
	/* With no signal at its end: nobody else is to know. */
	long pid = sys5(__NR_clone, 0, 0, 0, 0, 0);
	int fd = -1, rc;

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		for (;;)
			pause();
	}
	if (pid < 0)
		return err_set(err, (int)-pid, "a process in the place of one that has ended");
	if (rest && asprintf(&there, "/proc/%ld%s", pid, rest) >= 0) {
		text_drop_end(there, " (deleted)");
		fd = open(there, reg_open_flags(f));
	}
	rc = fd < 0 ? err_set(err, there ? errno : EBADMSG, "open '%s' again", path) : fd;
	kill((pid_t)pid, SIGKILL);
	while (waitpid((pid_t)pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return rc;
}

/* A file that will be cut back must hold what it held when the checkpoint was taken. */
static int reg_check_length(const struct model *m, const struct img_file *f, int fd,
			    struct err *err)
{
	const char *path = model_string(m, f->path);
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "stat '%s'", path);
	if ((uint64_t)st.st_size < f->size)
		return err_say(
			err, EINVAL,
			"'%s' has only %lld of the %llu bytes it had at the checkpoint; put it "
			"back, or restart an older generation",
			path, (long long)st.st_size, (unsigned long long)f->size);
	return 0;
}

static int reg_open_named(struct res_restart *r, const struct img_file *f, struct err *err)
{
	const char *path = model_string(r->m, f->path);
	int fd = open(path, reg_open_flags(f));

	if (fd < 0 && errno == ENOENT && f->flags & IMG_FILE_SAVED) {
		fd = res_make_saved(r->m, f, err);
		if (fd < 0)
			return fd;
		fd = open(path, reg_open_flags(f));
	}
	return fd < 0 ? err_set(err, errno, "open '%s'", path) : fd;
}

static int reg_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	const char *path = model_string(r->m, f->path);
	OWNED_FD int fd = -1;
	int rc;

	reg_await(r, f);
	if (f->kind == IMG_F_PROC && f->flags & IMG_FILE_DELETED)
		fd = reg_open_ended(r, f, err);
	else if (f->flags & IMG_FILE_DELETED)
		fd = reg_make_deleted(r, f, err);
	else
		fd = reg_open_named(r, f, err);
	if (fd < 0)
		return fd;
	if (f->flags & IMG_FILE_OPATH)
		return owned_fd_take(&fd);
	if (f->flags & IMG_FILE_ROLLBACK && !(f->flags & IMG_FILE_SAVED)) {
		rc = reg_check_length(r->m, f, fd, err);
		if (rc < 0)
			return rc;
	}
	if (lseek(fd, (off_t)f->pos, SEEK_SET) < 0 && f->kind != IMG_F_PROC)
		return err_set(err, errno, "seek in '%s'", path);
	return owned_fd_take(&fd);
}

const struct res_kind res_reg = {
	.kind = IMG_F_REG,
	.name = "file",
	.match = reg_match,
	.capture = reg_capture,
	.late = reg_late,
	.make = reg_make,
};

static bool dir_match(const struct res_seen *seen)
{
	return S_ISDIR(seen->st.st_mode) || S_ISLNK(seen->st.st_mode);
}

/* A symbolic link (O_PATH, O_NOFOLLOW): where it leads to, in case that it is gone by then. */
static int link_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
			struct err *err)
{
	char target[3500];
	ssize_t n = readlinkat(seen->dup, "", target, sizeof(target) - 1);

	if (n < 0)
		return err_set(err, errno, "read the link '%s'", seen->link);
	target[n] = '\0';
	return model_put_bytes(m, &f->data, target, (uint64_t)n + 1) < 0
		       ? err_set(err, ENOMEM, "keep the link '%s'", seen->link)
		       : 0;
}

/* What is at its path now may be another one: it is below a mount that has been taken off or covered. */
static int dir_check_place(const struct res_seen *seen, struct err *err)
{
	if (!S_ISDIR(seen->st.st_mode) || reg_named(seen) || errno == EACCES)
		return 0;
	return err_say(
		err, ENOTSUP,
		"descriptor %d is a directory that is not to be found at '%s', as it is "
		"mounted nowhere, or something has been mounted over it; close it before the "
		"checkpoint",
		seen->fd, seen->link);
}

static int dir_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
		       struct err *err)
{
	off_t pos;

	if (f->open_flags & O_PATH)
		f->flags |= IMG_FILE_OPATH;
	else if ((pos = lseek(seen->dup, 0, SEEK_CUR)) > 0)
		f->pos = (uint64_t)pos;
	if (res_proc_pid(seen->link))
		return reg_check_proc(seen, f, err);
	if (!text_ends(seen->link, " (deleted)")) {
		int rc = dir_check_place(seen, err);

		if (rc < 0)
			return rc;
	} else if (!reg_named(seen)) {
		f->flags |= IMG_FILE_DELETED;
		f->object = reg_object(&seen->st);
		res_keep_owner(f, &seen->st);
	}
	return S_ISLNK(f->mode) ? link_capture(m, seen, f, err) : 0;
}

int res_open_removed(const char *path, mode_t mode, int flags, struct err *err)
{
	char fresh[] = "/tmp/cairn-removed-XXXXXX";
	OWNED_PTR char *old = strdup(path);
	const char *name = old;
	int fd;

	if (!old)
		return err_set(err, ENOMEM, "restore removed directory '%s'", path);
	text_drop_end(old, " (deleted)");
	if (mkdir(old, mode & 07777) < 0)
		name = mkdtemp(fresh);
	fd = name ? open(name, flags) : -1;
	if (fd < 0)
		fd = err_set(err, errno, "restore removed directory '%s'", old);
	if (name) {
		chmod(name, mode & 07777); /* the umask has no say */
		rmdir(name);
	}
	return fd;
}

int res_capture_removed(struct res_capture *c, struct model *m, const char *path,
			const struct stat *st, uint32_t *id, struct err *err)
{
	size_t at = m->files.n;
	struct img_file *f = res_capture_file(c, m);

	if (!f || model_put_string(m, &m->files.at[at].path, path) < 0)
		return err_set(err, ENOMEM, "keep the removed directory '%s'", path);
	f = &m->files.at[at];
	f->kind = IMG_F_DIR;
	f->open_flags = O_PATH | O_DIRECTORY;
	f->flags = IMG_FILE_OPATH | IMG_FILE_DELETED;
	f->mode = st->st_mode;
	f->dev = st->st_dev;
	f->ino = st->st_ino;
	f->object = reg_object(st);
	res_keep_owner(f, st);
	*id = f->id;
	return 0;
}

/* A link like the one that was @path and has gone: where it was if that can be, else anywhere. */
static int link_make_removed(const char *target, const char *path, int flags, struct err *err)
{
	char fresh[] = "/tmp/cairn-removed-XXXXXX";
	OWNED_PTR char *old = strdup(path);
	const char *dir = NULL;
	int fd = -1;

	if (!old)
		return err_set(err, ENOMEM, "restore removed link '%s'", path);
	text_drop_end(old, " (deleted)");
	if (symlink(target, old) == 0) {
		fd = open(old, flags);
		unlink(old);
	} else if ((dir = mkdtemp(fresh))) {
		OWNED_FD int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (symlinkat(target, at, "link") == 0)
			fd = openat(at, "link", flags);
		unlinkat(at, "link", 0);
		rmdir(dir);
	}
	return fd < 0 ? err_set(err, errno, "restore removed link '%s'", old) : fd;
}

static int link_make(const struct model *m, const struct img_file *f, struct err *err)
{
	const char *path = model_string(m, f->path), *target = model_bytes(m, f->data);
	int flags = reg_open_flags(f), fd;

	if (!f->data.len || target[f->data.len - 1])
		return err_say(err, EBADMSG, "where the link '%s' leads to is damaged", path);
	if (f->flags & IMG_FILE_DELETED)
		return link_make_removed(target, path, flags, err);
	fd = open(path, flags);
	if (fd < 0 && errno == ENOENT && (symlink(target, path) == 0 || errno == EEXIST))
		fd = open(path, flags);
	return fd < 0 ? err_set(err, errno, "open the link '%s'", path) : fd;
}

/* However many descriptions it has, it is one directory. */
static int dir_make_removed(const struct res_restart *r, const struct img_file *f, struct err *err)
{
	const char *path = model_string(r->m, f->path);
	int made = f->object ? res_made_find(r, f->object, f->kind) : -1, fd;
	char via[64];

	if (made < 0) {
		fd = res_open_removed(path, f->mode, reg_open_flags(f), err);
		if (fd >= 0)
			res_give_owner(fd, f);
		return fd;
	}
	text_format(via, sizeof(via), "/proc/self/fd/%d", made);
	fd = open(via, reg_open_flags(f));
	return fd < 0 ? err_set(err, errno, "open removed directory '%s' again", path) : fd;
}

static int dir_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	const char *path = model_string(r->m, f->path);
	int fd;

	reg_await(r, f);
	if (S_ISLNK(f->mode) && f->data.len) /* none of those below /proc */
		return link_make(r->m, f, err);
	if (f->flags & IMG_FILE_DELETED && res_proc_pid(path))
		return reg_open_ended(r, f, err);
	if (f->flags & IMG_FILE_DELETED && text_ends(path, " (deleted)"))
		return dir_make_removed(r, f, err);
	fd = open(path, reg_open_flags(f));
	if (fd < 0)
		return err_set(err, errno, "open directory '%s'", path);
	if (f->pos)
		lseek(fd, (off_t)f->pos, SEEK_SET); /* a directory may have changed: best effort */
	return fd;
}

const struct res_kind res_dir = {
	.kind = IMG_F_DIR,
	.name = "directory",
	.match = dir_match,
	.capture = dir_capture,
	.late = reg_late,
	.make = dir_make,
};

/* Does the file hold what the image does, and no more? Then its time of change stays what it is. */
static bool reg_holds(const struct model *m, const struct img_file *f, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (uint64_t)st.st_size == f->data.len &&
	       res_holds(fd, model_bytes(m, f->data), f->data.len, 0);
}

int res_open_mapped(const struct model *m, const struct img_file *f, bool writable, struct err *err)
{
	const char *path = model_string(m, f->path);
	int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY);
	int rc;

	if (fd < 0 && errno == ENOENT && f->flags & IMG_FILE_SAVED) {
		fd = open(path, O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, f->mode & 07777);
		if (fd < 0) /* its directory has gone as well: a nameless one will do */
			fd = res_memfd_create("restored", 0, true);
	}
	if (fd < 0)
		return err_set(err, errno, "open mapped file '%s'", path);
	if (f->flags & IMG_FILE_SAVED && writable && !reg_holds(m, f, fd)) {
		rc = res_load_contents(m, f->data, fd, err);
		if (rc < 0) {
			close(fd);
			return err_add(err, "mapped file '%s'", path);
		}
	}
	return fd;
}
