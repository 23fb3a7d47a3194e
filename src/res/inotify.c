/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify: what is watched, by path, under the same watch numbers.
 *
 * The kernel tells inodes, and handles, which only an administrator may open. Paths are looked for among
 * what the process has open, where it stands, what it was started with and below and beside that, then in
 * the whole file system; a watch whose path is not found is refused. Events that nobody has
 * read can neither be peeked nor put back: they are waited for, since programs read them soon. Whether there
 * are any is asked before a file or directory is opened, as a program may watch for that.
 */
#include "base/owned.h"
#include "base/sys.h"
#include "base/text.h"
#include "host/procid.h"
#include "res/capture.h"
#include "res/kinds.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
	INOTIFY_LOOK_MAX = 20000, /* directory entries, while the program stands still */
	INOTIFY_FAR_MAX = 200000, /* likewise, of the whole file system */
	INOTIFY_DEPTH_MAX = 16,
	INOTIFY_WD_MAX = 1 << 20,
	INOTIFY_ARGUMENTS_MAX = 65536, /* bytes */
};

/* img_file.data; the path follows, padded to 8. */
struct inotify_watch {
	int32_t wd;
	uint32_t mask;
	uint32_t path_len; /* with its NUL */
	uint32_t reserved;
};

struct inotify_look {
	const struct fdinfo_watch *watch;
	uint64_t ino;
	uint32_t dev; /* as the kernel has it */
	char path[PATH_MAX]; /* what is being looked at; in the end, what was found */
	unsigned int left, left_far;
};

bool inotify_is_link(const char *link)
{
	return text_equal(link, "anon_inode:inotify");
}

static bool inotify_match(const struct res_seen *seen)
{
	return inotify_is_link(seen->link);
}

static bool inotify_is(const struct inotify_look *look, const struct stat *st)
{
	return st->st_ino == look->ino &&
	       (major(st->st_dev) << 20 | minor(st->st_dev)) == look->dev;
}

/* The path and the directories that it is in. */
static bool inotify_look_up(struct inotify_look *look)
{
	struct stat st;
	char *slash;

	for (;;) {
		if (lstat(look->path, &st) == 0 && inotify_is(look, &st))
			return true;
		slash = strrchr(look->path, '/');
		if (!slash || (slash == look->path && !slash[1]))
			return false;
		slash[slash == look->path] = '\0';
	}
}

/* Everything below the path. */
static bool inotify_look_down(struct inotify_look *look, unsigned int depth)
{
	DIR *dir = depth < INOTIFY_DEPTH_MAX ? opendir(look->path) : NULL;
	size_t len = strlen(look->path);
	struct dirent *e;
	struct stat st;
	bool found = false;

	while (dir && !found && look->left && (e = readdir(dir))) {
		look->left--;
		if (text_equal(e->d_name, ".") || text_equal(e->d_name, "..") ||
		    len + strlen(e->d_name) + 2 > sizeof(look->path))
			continue;
		text_format(look->path + len, sizeof(look->path) - len, "/%s", e->d_name);
		found = lstat(look->path, &st) == 0 && inotify_is(look, &st);
		if (!found && e->d_type == DT_DIR)
			found = inotify_look_down(look, depth + 1);
		if (!found)
			look->path[len] = '\0';
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool inotify_link(struct inotify_look *look, const char *name)
{
	ssize_t n = readlink(name, look->path, sizeof(look->path) - 1);

	look->path[n < 0 ? 0 : n] = '\0';
	return look->path[0] == '/';
}

/* A file without a name is watched through the descriptor that the program has for it. */
static bool inotify_is_nameless(struct inotify_look *look, const char *name, const char *fd)
{
	struct stat st;

	if (stat(name, &st) < 0 || st.st_nlink || !inotify_is(look, &st))
		return false;
	text_format(look->path, sizeof(look->path), "/proc/self/fd/%s", fd);
	return true;
}

static bool inotify_look_open(struct inotify_look *look, pid_t pid)
{
	char name[300];
	struct dirent *e;
	bool found = false;
	DIR *dir;

	text_format(name, sizeof(name), "/proc/%d/fd", pid);
	dir = opendir(name);
	while (dir && !found && (e = readdir(dir))) {
		text_format(name, sizeof(name), "/proc/%d/fd/%s", pid, e->d_name);
		found = inotify_is_nameless(look, name, e->d_name) ||
			(inotify_link(look, name) && inotify_look_up(look));
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Whatever is in the directories above the path, but not below it. */
static bool inotify_look_beside(struct inotify_look *look)
{
	char *slash;

	while ((slash = strrchr(look->path, '/')) && slash > look->path) {
		slash[0] = '\0';
		if (inotify_look_down(look, INOTIFY_DEPTH_MAX - 1))
			return true;
	}
	return false;
}

/* A word of the command line: a path, or an option that says one. */
static bool inotify_look_argument(struct inotify_look *look, const char *cwd, const char *word)
{
	const char *is = strchr(word, '=');
	struct stat st;

	if (word[0] == '-')
		word = is ? is + 1 : "";
	if (!word[0] || strlen(cwd) + strlen(word) + 2 > sizeof(look->path))
		return false;
	if (word[0] == '/')
		text_format(look->path, sizeof(look->path), "%s", word);
	else
		text_format(look->path, sizeof(look->path), "%s/%s", cwd, word);
	if (lstat(look->path, &st) < 0)
		return false;
	return inotify_is(look, &st) || inotify_look_down(look, 0) || inotify_look_up(look);
}

static bool inotify_look_arguments(struct inotify_look *look, pid_t pid)
{
	OWNED_PTR char *text = calloc(1, INOTIFY_ARGUMENTS_MAX + 1);
	OWNED_PTR char *cwd = calloc(1, PATH_MAX);
	char name[64];
	OWNED_FD int fd = -1;
	ssize_t n;

	procid_path(name, sizeof(name), pid, "cmdline");
	fd = open(name, O_RDONLY | O_CLOEXEC);
	n = text && fd >= 0 ? read(fd, text, INOTIFY_ARGUMENTS_MAX) : -1;
	procid_path(name, sizeof(name), pid, "cwd");
	if (n <= 0 || !cwd || readlink(name, cwd, PATH_MAX - 1) < 0)
		return false;
	for (const char *word = text; word < text + n; word += strlen(word) + 1)
		if (inotify_look_argument(look, cwd, word))
			return true;
	return false;
}

/* The handle of an inode, from hexadecimal digits; false: none, or none of this size. */
static bool inotify_read_handle(const struct fdinfo_watch *w, struct file_handle *h)
{
	size_t digits = (size_t)(w->handle.end - w->handle.at);

	if (!digits || digits > 2 * MAX_HANDLE_SZ)
		return false;
	for (size_t i = 0; i < digits / 2; i++) {
		const char *at = w->handle.at + 2 * i;
		uint64_t byte;

		if (!text_scan(&at, at + 2, 16, &byte))
			return false;
		h->f_handle[i] = (uint8_t)byte;
	}
	h->handle_bytes = (unsigned int)digits / 2;
	h->handle_type = (int)w->handle_type;
	return true;
}

/* Where the inode is as far as the kernel remembers, which it does of what is watched. */
static bool inotify_look_handle(struct inotify_look *look)
{
	_Alignas(struct file_handle) char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	struct file_handle *h = (void *)room;
	OWNED_FD int mount = -1, fd = -1;
	char name[64];
	struct stat st;

	if (!inotify_read_handle(look->watch, h))
		return false;
	mount = res_find_mount(makedev(look->dev >> 20, look->dev & 0xfffff));
	if (mount < 0)
		return false;
	fd = open_by_handle_at(mount, h, O_PATH | O_CLOEXEC);
	text_format(name, sizeof(name), "/proc/self/fd/%d", fd);
	return fd >= 0 && inotify_link(look, name) && lstat(look->path, &st) == 0 &&
	       inotify_is(look, &st);
}

static bool inotify_look_far(struct inotify_look *look)
{
	OWNED_PTR char *path = res_find_inode(makedev(look->dev >> 20, look->dev & 0xfffff),
					      look->ino, NULL, &look->left_far);

	if (!path || strlen(path) >= sizeof(look->path))
		return false;
	strcpy(look->path, path);
	return true;
}

static bool inotify_find(struct inotify_look *look, pid_t pid)
{
	char cwd[64];

	procid_path(cwd, sizeof(cwd), pid, "cwd");
	return inotify_look_open(look, pid) || (inotify_link(look, cwd) && inotify_look_up(look)) ||
	       inotify_look_handle(look) ||
	       (inotify_link(look, cwd) && inotify_look_beside(look)) ||
	       (inotify_link(look, cwd) && inotify_look_down(look, 0)) ||
	       inotify_look_arguments(look, pid) || inotify_look_far(look);
}

static int inotify_keep(const struct res_seen *seen, const struct fdinfo_watch *w,
			struct inotify_look *look, struct model *pool, struct err *err)
{
	struct inotify_watch keep = { .wd = w->wd, .mask = w->mask };
	struct stat st;
	int rc;

	look->watch = w;
	look->ino = w->ino;
	look->dev = w->sdev;
	if (!inotify_find(look, seen->pid))
		return err_say(
			err, ENOTSUP,
			"descriptor %d (inotify) watches inode %llu of device %x, whose path "
			"is not among the open files, nor near the working directory or what the "
			"command line names, nor soon found elsewhere; let the program keep it "
			"open, or close the watch before "
			"the checkpoint",
			seen->fd, (unsigned long long)w->ino, w->sdev);
	if (lstat(look->path, &st) == 0 && S_ISLNK(st.st_mode) && inotify_is(look, &st))
		keep.mask |= IN_DONT_FOLLOW; /* it is the link that is watched */
	keep.path_len = (uint32_t)strlen(look->path) + 1;
	rc = model_put_bytes(pool, &(struct img_ref){ 0 }, &keep, sizeof(keep));
	if (rc >= 0)
		rc = model_put_bytes(pool, &(struct img_ref){ 0 }, look->path, keep.path_len);
	return rc < 0 ? err_set(err, rc, "keep a watch") : 0;
}

int inotify_refuse_unread(int dup, int fd, struct err *err)
{
	int queued = 0;

	if (ioctl(dup, FIONREAD, &queued) < 0 || !queued)
		return 0;
	return err_say(err, RES_BUSY,
		       "descriptor %d (inotify) has events that the program has not read yet; try "
		       "again when it has",
		       fd);
}

static int inotify_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
			   struct err *err)
{
	OWNED_PTR struct inotify_look *look = calloc(1, sizeof(*look));
	struct scan scan = scan_over(seen->text, seen->len);
	size_t at = (size_t)(f - m->files.at);
	struct fdinfo_watch watch;
	struct model pool;
	int rc = 0;

	if (!look)
		return err_set(err, ENOMEM, "keep watches");
	if (seen->pid == getpid()) /* it was found in flight */
		rc = inotify_refuse_unread(seen->dup, seen->fd, err);
	look->left = INOTIFY_LOOK_MAX;
	look->left_far = INOTIFY_FAR_MAX;
	model_init(&pool);
	while (rc >= 0 && fdinfo_next_watch(&scan, &watch))
		rc = inotify_keep(seen, &watch, look, &pool, err);
	if (rc >= 0)
		rc = model_put_bytes(m, &m->files.at[at].data, pool.data.at, pool.data.n);
	model_done(&pool);
	return rc;
}

static int inotify_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	int fd = inotify_init1((int)(f->open_flags & O_NONBLOCK) | IN_CLOEXEC);

	(void)r;
	return fd < 0 ? err_set(err, errno, "make an inotify descriptor") : fd;
}

/* The next record at *@at, or NULL. */
static const struct inotify_watch *inotify_next(const uint8_t **at, const uint8_t *end)
{
	const struct inotify_watch *w = (const void *)*at;
	uint64_t left = (uint64_t)(end - *at), need;

	if (left <= sizeof(*w))
		return NULL;
	need = sizeof(*w) + (((uint64_t)w->path_len + 7) & ~7ull);
	if (!w->path_len || w->path_len > left - sizeof(*w) ||
	    ((const char *)(w + 1))[w->path_len - 1])
		return NULL;
	*at = need > left ? end : *at + need;
	return w;
}

/* The kernel counts watches up: one that is too low is taken away and made again. */
static int inotify_add(int fd, const struct inotify_watch *w, struct err *err)
{
	const char *path = (const char *)(w + 1);

	for (int tries = 0; tries < INOTIFY_WD_MAX; tries++) {
		int wd = inotify_add_watch(fd, path, w->mask);

		if (wd < 0)
			return err_set(err, errno, "watch '%s' again", path);
		if (wd == w->wd)
			return 0;
		if (wd > w->wd)
			break;
		inotify_rm_watch(fd, wd);
	}
	return err_say(err, EEXIST, "'%s' cannot be watched under number %d again", path, w->wd);
}

/* What taking watches away has told, and what our own work has done to what is watched. */
static void inotify_drain(int fd)
{
	char buf[2048];
	int queued;

	while (ioctl(fd, FIONREAD, &queued) == 0 && queued && read(fd, buf, sizeof(buf)) > 0)
		;
}

void res_forget_told(const struct model *m)
{
	OWNED_FD int pidfd = -1;

	for (size_t i = 0; i < m->fds.n; i++) {
		const struct img_file *f = model_file(m, m->fds.at[i].file);

		if (!f || f->kind != IMG_F_INOTIFY || f->std_stream >= 0)
			continue;
		if (pidfd < 0)
			pidfd = capture_pidfd(m->process.pid);
		OWNED_FD int dup = (int)sys3(__NR_pidfd_getfd, pidfd, m->fds.at[i].fd, 0);

		if (dup >= 0)
			inotify_drain(dup);
	}
}

static int inotify_finish(const struct res_restart *r, const struct model *m,
			  const struct img_file *f, int fd, struct err *err)
{
	const uint8_t *begin = model_bytes(m, f->data), *end = begin + f->data.len;
	const struct inotify_watch *w, *next = NULL;
	int rc = 0;

	(void)r;
	for (int32_t last = 0; rc >= 0; last = next->wd) {
		const uint8_t *at = begin;

		next = NULL;
		while (begin && (w = inotify_next(&at, end)))
			if (w->wd > last && (!next || w->wd < next->wd))
				next = w;
		if (!next)
			break;
		rc = inotify_add(fd, next, err);
	}
	inotify_drain(fd);
	return rc;
}

const struct res_kind res_inotify = {
	.kind = IMG_F_INOTIFY,
	.name = "inotify",
	.match = inotify_match,
	.capture = inotify_capture,
	.make = inotify_make,
	.finish = inotify_finish,
};
