/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/restart_files.h"
#include "base/owned.h"
#include "base/text.h"
#include "host/log.h"
#include "image/model.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A name that the file system finds too long is told by that. */
enum { RESTART_FILES_NAME = 2 * (NAME_MAX + 1) };

struct restart_files {
	int dirfd; /* what the checkpoint directory is in */
	const char *path; /* of the checkpoint directory */
	char stem[NAME_MAX + 1]; /* its name, without _files */
	const char *id; /* the part of it that no other computation has */
};

/* Is this directory one that has such files? */
static bool restart_files_open(struct restart_files *f, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	OWNED_PTR char *parent = strndup(path, (size_t)(name - path));
	const char *last;

	if (!parent || !text_copy(f->stem, sizeof(f->stem), name) ||
	    !text_drop_end(f->stem, "_files") || !text_starts(f->stem, "ckpt_"))
		return false;
	last = strrchr(f->stem, '_');
	f->id = last + 1;
	f->path = path;
	f->dirfd = open(parent, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	return f->dirfd >= 0;
}

/* Only what no shell, and no one who takes the name apart, stumbles over. */
static void restart_files_program(char *name, size_t size, const char *exe)
{
	const char *last = strrchr(exe, '/');

	text_copy(name, size, last && last[1] ? last + 1 : "process");
	for (char *c = name; *c; c++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.+-",
			    *c))
			*c = '_';
}

static void restart_files_name(const struct restart_files *f, const struct model *m, bool first,
			       char *name, size_t size)
{
	char program[64];

	if (first) {
		snprintf(name, size, "%s.dmtcp", f->stem);
		return;
	}
	restart_files_program(program, sizeof(program), model_string(m, m->process.exe));
	snprintf(name, size, "ckpt_%s_%s-%d.dmtcp", program, f->id, m->process.pid);
}

static int restart_files_put(const struct restart_files *f, const char *name)
{
	char partial[NAME_MAX + 32];
	int fd, failed;

	snprintf(partial, sizeof(partial), ".%s.partial", f->stem);
	unlinkat(f->dirfd, partial, 0);
	fd = openat(f->dirfd, partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	failed = dprintf(fd, "%s_files\n%s\n", f->stem, f->path) < 0 ? EIO : 0;
	if (close(fd) && !failed)
		failed = errno;
	if (!failed && renameat(f->dirfd, partial, f->dirfd, name))
		failed = errno;
	if (failed)
		unlinkat(f->dirfd, partial, 0);
	return -failed;
}

/* ckpt_PROGRAM_ID-PID.dmtcp of this computation: the PID, else 0. */
static pid_t restart_files_pid(const struct restart_files *f, const char *name)
{
	const char *last = strrchr(name, '_'), *p = last ? last + 1 : name,
		   *end = name + strlen(name);
	size_t id = strlen(f->id);
	uint64_t pid;

	if (!text_starts(name, "ckpt_") || strncmp(p, f->id, id) || p[id] != '-')
		return 0;
	p += id + 1;
	if (!text_scan(&p, end, 10, &pid) || !text_equal(p, ".dmtcp") || pid > INT_MAX)
		return 0;
	return (pid_t)pid;
}

static bool restart_files_has(const struct restart_files *f, const struct model *const *models,
			      size_t n, pid_t root, pid_t pid, const char *name)
{
	char right[RESTART_FILES_NAME];

	for (size_t i = 0; i < n; i++)
		if (models[i]->process.pid == pid && pid != root) {
			restart_files_name(f, models[i], false, right, sizeof(right));
			return !strcmp(right, name);
		}
	return false;
}

/* Those of an earlier checkpoint whose processes have gone since, or are other programs now. */
static void restart_files_sweep(const struct restart_files *f, const struct model *const *models,
				size_t n, pid_t root)
{
	int fd = openat(f->dirfd, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;
	pid_t pid;

	if (!dir) {
		owned_fd_done(&fd);
		return;
	}
	while ((d = readdir(dir))) {
		pid = restart_files_pid(f, d->d_name);
		if (pid && !restart_files_has(f, models, n, root, pid, d->d_name))
			unlinkat(f->dirfd, d->d_name, 0);
	}
	closedir(dir);
}

void restart_files_write(const struct agent *a, const struct ckpt *ckpt)
{
	struct restart_files f = { .dirfd = -1 };
	OWNED_PTR const struct model **models = NULL;
	char name[RESTART_FILES_NAME];
	size_t n;
	int rc = 0;

	if (!a->options.restart_files || !restart_files_open(&f, a->ckpt_dir))
		return;
	models = ckpt_models(ckpt, &n);
	if (models)
		restart_files_sweep(&f, models, n, a->root);
	for (size_t i = 0; models && i < n && !rc; i++) {
		restart_files_name(&f, models[i], models[i]->process.pid == a->root, name,
				   sizeof(name));
		rc = restart_files_put(&f, name);
		if (rc)
			log_error("restart_files", "'%s' beside '%s': %s", name, f.path,
				  strerror(-rc));
	}
	owned_fd_done(&f.dirfd);
}
