/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/procs.h"

#include "lib/bytes.h"

#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct entry {
	pid_t pid, ppid;
	bool lives; /* not a zombie; a zombie leader of living threads lives */
};

struct listing {
	struct entry *at;
	size_t n, room;
};

char *procs_text(const char *fmt, ...)
{
	OWNED_TEXT char *path = NULL;
	struct bytes text = { 0 };
	va_list ap;
	int fd, n;

	va_start(ap, fmt);
	n = vasprintf(&path, fmt, ap);
	va_end(ap);
	if (n < 0)
		err(1, "%s", fmt);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = (int)bytes_read(&text, fd)) > 0)
		;
	if (fd < 0 || n < 0) {
		bytes_done(&text);
		text.at = bytes_format("(%s)", strerror(errno));
		text.n = strlen(text.at);
	}
	if (fd >= 0)
		close(fd);
	for (size_t i = 0; i < text.n; i++)
		if (!text.at[i])
			text.at[i] = ' ';
	while (text.n && isspace((unsigned char)text.at[text.n - 1]))
		text.at[--text.n] = '\0';
	return text.at;
}

static void listing_add(struct listing *l, pid_t pid)
{
	OWNED_TEXT char *stat = procs_text("/proc/%d/stat", pid);
	struct entry e = { .pid = pid };
	const char *rest = strrchr(stat, ')');
	long threads;
	char state;

	if (!rest ||
	    sscanf(rest, ") %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld",
		   &state, &e.ppid, &threads) != 3)
		return;
	e.lives = !strchr("ZX", state) || threads > 1;
	if (l->n == l->room) {
		l->room = 2 * l->room + 256;
		l->at = reallocarray(l->at, l->room, sizeof(*l->at));
		if (!l->at)
			err(1, "%zu processes", l->room);
	}
	l->at[l->n++] = e;
}

static struct listing list_all(void)
{
	struct listing l = { 0 };
	DIR *dir = opendir("/proc");
	const struct dirent *d;

	if (!dir)
		err(1, "/proc");
	while ((d = readdir(dir)))
		if (isdigit((unsigned char)d->d_name[0]))
			listing_add(&l, (pid_t)strtol(d->d_name, NULL, 10));
	closedir(dir);
	return l;
}

struct procs procs_below(pid_t root)
{
	struct listing all = list_all();
	pid_t *queue = calloc(all.n + 1, sizeof(*queue));
	struct procs found = { .pid = calloc(all.n + 1, sizeof(pid_t)) };
	size_t end = 1;

	if (!queue || !found.pid)
		err(1, "%zu processes", all.n);
	queue[0] = root;
	for (size_t at = 0; at < end; at++) {
		for (size_t i = 0; i < all.n; i++) {
			if (all.at[i].ppid != queue[at] || end > all.n)
				continue;
			queue[end++] = all.at[i].pid;
			if (all.at[i].lives)
				found.pid[found.n++] = all.at[i].pid;
		}
	}
	free(all.at);
	free(queue);
	return found;
}

void procs_done(struct procs *p)
{
	free(p->pid);
	*p = (struct procs){ 0 };
}

char *procs_describe(pid_t pid)
{
	OWNED_TEXT char *name = procs_text("/proc/%d/comm", pid);
	OWNED_TEXT char *command = procs_text("/proc/%d/cmdline", pid);

	return bytes_format("%d %s [%.120s]", pid, name, command);
}
