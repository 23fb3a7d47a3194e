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

struct inotify_want {
	struct fdinfo_watch watch;
	char *path; /* owned; NULL: not found yet */
};

/* Looking for all watches of a descriptor at once: there may be one for each directory of a tree. */
struct inotify_look {
	struct inotify_want *wants; /* by inode */
	size_t n, missing;
	char path[PATH_MAX]; /* what is being looked at */
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

static int inotify_compare(const void *a, const void *b)
{
	const struct inotify_want *x = a, *y = b;

	if (x->watch.ino != y->watch.ino)
		return x->watch.ino < y->watch.ino ? -1 : 1;
	return x->watch.sdev < y->watch.sdev ? -1 : x->watch.sdev > y->watch.sdev;
}

/* The watch of that inode whose path is not known yet, or NULL. */
static struct inotify_want *inotify_wants(const struct inotify_look *look, const struct stat *st)
{
	const struct inotify_want key = {
		.watch = { .ino = st->st_ino, .sdev = major(st->st_dev) << 20 | minor(st->st_dev) },
	};
	struct inotify_want *w = bsearch(&key, look->wants, look->n, sizeof(key), inotify_compare);

	return w && !w->path ? w : NULL;
}

/* Is that the last one? */
static bool inotify_found(struct inotify_look *look, struct inotify_want *w, const char *path)
{
	w->path = strdup(path);
	look->missing -= w->path != NULL;
	return !look->missing;
}

/* Whatever the path leads to: was it the last one that was looked for? */
static bool inotify_is_last(struct inotify_look *look)
{
	struct inotify_want *w;
	struct stat st;

	w = lstat(look->path, &st) == 0 ? inotify_wants(look, &st) : NULL;
	return w && inotify_found(look, w, look->path);
}

/* The path and the directories that it is in. */
static bool inotify_look_up(struct inotify_look *look)
{
	char *slash;

	for (;;) {
		if (inotify_is_last(look))
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
	bool found = false;

	while (dir && !found && look->left && (e = readdir(dir))) {
		look->left--;
		if (text_equal(e->d_name, ".") || text_equal(e->d_name, "..") ||
		    len + strlen(e->d_name) + 2 > sizeof(look->path))
			continue;
		text_format(look->path + len, sizeof(look->path) - len, "/%s", e->d_name);
		found = inotify_is_last(look);
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
	struct inotify_want *w;
	struct stat st;

	w = stat(name, &st) == 0 && !st.st_nlink ? inotify_wants(look, &st) : NULL;
	if (!w)
		return false;
	text_format(look->path, sizeof(look->path), "/proc/self/fd/%s", fd);
	return inotify_found(look, w, look->path);
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
	return inotify_look_down(look, 0) || inotify_look_up(look);
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

static dev_t inotify_device(const struct fdinfo_watch *w)
{
	return makedev(w->sdev >> 20, w->sdev & 0xfffff);
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
static bool inotify_open_handle(struct inotify_look *look, const struct inotify_want *w)
{
	_Alignas(struct file_handle) char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	struct file_handle *h = (void *)room;
	OWNED_FD int mount = -1, fd = -1;
	char name[64];

	if (!inotify_read_handle(&w->watch, h))
		return false;
	mount = res_find_mount(inotify_device(&w->watch));
	if (mount < 0)
		return false;
	fd = open_by_handle_at(mount, h, O_PATH | O_CLOEXEC);
	text_format(name, sizeof(name), "/proc/self/fd/%d", fd);
	return fd >= 0 && inotify_link(look, name) && inotify_is_last(look);
}

static bool inotify_look_handles(struct inotify_look *look)
{
	bool found = false;

	for (size_t i = 0; !found && i < look->n; i++)
		found = !look->wants[i].path && inotify_open_handle(look, &look->wants[i]);
	return found;
}

static bool inotify_look_far(struct inotify_look *look)
{
	bool found = false;

	for (size_t i = 0; !found && i < look->n; i++) {
		struct inotify_want *w = &look->wants[i];
		OWNED_PTR char *path =
			w->path ? NULL
				: res_find_inode(inotify_device(&w->watch), w->watch.ino, NULL,
						 &look->left_far);

		found = path && inotify_found(look, w, path);
	}
	return found;
}

static bool inotify_find(struct inotify_look *look, pid_t pid)
{
	char cwd[64];

	procid_path(cwd, sizeof(cwd), pid, "cwd");
	return inotify_look_open(look, pid) || (inotify_link(look, cwd) && inotify_look_up(look)) ||
	       inotify_look_handles(look) ||
	       (inotify_link(look, cwd) && inotify_look_beside(look)) ||
	       (inotify_link(look, cwd) && inotify_look_down(look, 0)) ||
	       inotify_look_arguments(look, pid) || inotify_look_far(look);
}

static int inotify_keep(const struct res_seen *seen, const struct inotify_want *want,
			struct model *pool, struct err *err)
{
	const struct fdinfo_watch *w = &want->watch;
	struct inotify_watch keep = { .wd = w->wd, .mask = w->mask };
	struct stat st;
	int rc;

	if (!want->path)
		return err_say(
			err, ENOTSUP,
			"descriptor %d (inotify) watches inode %llu of device %x, whose path "
			"is not among the open files, nor near the working directory or what the "
			"command line names, nor soon found elsewhere; let the program keep it "
			"open, or close the watch before "
			"the checkpoint",
			seen->fd, (unsigned long long)w->ino, w->sdev);
	if (lstat(want->path, &st) == 0 && S_ISLNK(st.st_mode) && st.st_ino == w->ino &&
	    st.st_dev == inotify_device(w))
		keep.mask |= IN_DONT_FOLLOW; /* it is the link that is watched */
	keep.path_len = (uint32_t)strlen(want->path) + 1;
	rc = model_put_bytes(pool, &(struct img_ref){ 0 }, &keep, sizeof(keep));
	if (rc >= 0)
		rc = model_put_bytes(pool, &(struct img_ref){ 0 }, want->path, keep.path_len);
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

static int inotify_list(struct inotify_look *look, const struct res_seen *seen, struct err *err)
{
	struct scan scan = scan_over(seen->text, seen->len), count = scan;
	struct fdinfo_watch watch;
	size_t n = 0;

	while (fdinfo_next_watch(&count, &watch))
		n++;
	look->wants = calloc(n + 1, sizeof(*look->wants));
	if (!look->wants)
		return err_set(err, ENOMEM, "keep watches");
	while (look->n < n && fdinfo_next_watch(&scan, &look->wants[look->n].watch))
		look->n++;
	look->missing = look->n;
	qsort(look->wants, look->n, sizeof(*look->wants), inotify_compare);
	return 0;
}

static void inotify_forget(struct inotify_look *look)
{
	for (size_t i = 0; i < look->n; i++)
		free(look->wants[i].path);
	free(look->wants);
}

static int inotify_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
			   struct err *err)
{
	OWNED_PTR struct inotify_look *look = calloc(1, sizeof(*look));
	size_t at = (size_t)(f - m->files.at);
	struct model pool;
	int rc = 0;

	if (!look)
		return err_set(err, ENOMEM, "keep watches");
	if (seen->pid == getpid()) /* it was found in flight */
		rc = inotify_refuse_unread(seen->dup, seen->fd, err);
	look->left = INOTIFY_LOOK_MAX;
	look->left_far = INOTIFY_FAR_MAX;
	model_init(&pool);
	if (rc >= 0)
		rc = inotify_list(look, seen, err);
	if (rc >= 0 && look->n)
		inotify_find(look, seen->pid);
	for (size_t i = 0; rc >= 0 && i < look->n; i++)
		rc = inotify_keep(seen, &look->wants[i], &pool, err);
	inotify_forget(look);
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
