/* SPDX-License-Identifier: Apache-2.0 */
#include "host/procid.h"

#include "base/owned.h"
#include "base/sys.h"
#include "base/text.h"
#include "procfs/status.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROCID_THREAD = O_EXCL }; /* PIDFD_THREAD, Linux 6.9 */

enum procid_proc { PROCID_UNKNOWN, PROCID_OURS, PROCID_FOREIGN };

static enum procid_proc procid_proc;

static bool procid_status(const char *path, struct status *status)
{
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	return n > 0 && status_parse(status, text, (size_t)n, NULL) >= 0;
}

void procid_look(void)
{
	struct status self;

	/* From the namespace that /proc was mounted for inwards: more than one is more than ours. */
	procid_proc = procid_status("/proc/self/status", &self) && self.ns_pid.n > 1
			      ? PROCID_FOREIGN
			      : PROCID_OURS;
}

bool procid_is_foreign(void)
{
	if (procid_proc == PROCID_UNKNOWN)
		procid_look();
	return procid_proc == PROCID_FOREIGN;
}

/* The kernel tells of a pidfd which id the /proc that is asked would show it as. */
static pid_t procid_of_pidfd(pid_t id, unsigned int flags)
{
	OWNED_FD int pidfd = (int)sys2(__NR_pidfd_open, id, flags);
	OWNED_FD int info = -1;
	char path[40], text[512];
	const char *line;
	ssize_t n;

	if (pidfd < 0)
		return 0;
	text_format(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	n = info < 0 ? -1 : read(info, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	line = strstr(text, "\nPid:\t");
	n = line ? atoi(line + 6) : 0;
	return n > 0 ? (pid_t)n : 0;
}

pid_t procid_shown(pid_t pid)
{
	pid_t shown;

	if (!procid_is_foreign())
		return pid;
	shown = procid_of_pidfd(pid, 0);
	return shown ? shown : procid_of_pidfd(pid, PROCID_THREAD);
}

/* An older kernel has pidfds of processes only: look through the threads. */
static pid_t procid_find_thread(pid_t process, pid_t tid)
{
	struct dirent *entry;
	pid_t found = 0;
	char path[40];
	DIR *dir;

	text_format(path, sizeof(path), "/proc/%d/task", process);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir)))
		if (procid_meant(atoi(entry->d_name)) == tid)
			found = atoi(entry->d_name);
	if (dir)
		closedir(dir);
	return found;
}

pid_t procid_shown_thread(pid_t pid, pid_t tid)
{
	pid_t shown;

	if (!procid_is_foreign())
		return tid;
	shown = procid_of_pidfd(tid, PROCID_THREAD);
	if (!shown)
		shown = procid_of_pidfd(tid, 0);
	return shown ? shown : procid_find_thread(procid_shown(pid), tid);
}

pid_t procid_meant(pid_t shown)
{
	struct status self, status;
	char path[40];

	if (!procid_is_foreign() || shown <= 0)
		return shown;
	text_format(path, sizeof(path), "/proc/%d/status", shown);
	if (!procid_status("/proc/self/status", &self) || !procid_status(path, &status) ||
	    status.ns_pid.n < self.ns_pid.n)
		return 0;
	return status.ns_pid.at[self.ns_pid.n - 1];
}

void procid_path(char *path, size_t size, pid_t pid, const char *name)
{
	text_format(path, size, "/proc/%d/%s", procid_shown(pid), name);
}
