/* SPDX-License-Identifier: Apache-2.0 */
#include "host/proc.h"
#include "base/owned.h"
#include "base/sys.h"
#include "base/text.h"
#include "host/procid.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROC_PIDFD_INFO_EXIT = 1 << 3 };

bool proc_status_text(pid_t pid, const char *field, char *value, size_t size)
{
	char path[32] = "/proc/self/status", buf[3072], key[40];
	OWNED_FD int fd = -1;
	const char *p;
	ssize_t n;

	if (pid)
		procid_path(path, sizeof(path), pid, "status");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	*buf = '\n'; /* so that the first field, too, stands behind a newline */
	n = fd < 0 ? -1 : read(fd, buf + 1, sizeof(buf) - 2);
	if (n <= 0)
		return false;
	buf[n + 1] = '\0';
	text_format(key, sizeof(key), "\n%s:\t", field);
	p = strstr(buf, key);
	if (!p)
		return false;
	p += strlen(key);
	text_format(value, size, "%.*s", (int)strcspn(p, "\n"), p);
	return true;
}

uint64_t proc_status_number(pid_t pid, const char *field, int base, uint64_t otherwise)
{
	char value[64];

	if (!proc_status_text(pid, field, value, sizeof(value)))
		return otherwise;
	return strtoull(value, NULL, base);
}

bool proc_has_cap(unsigned int cap)
{
	return proc_status_number(0, "CapEff", 16, 0) >> cap & 1;
}

int proc_pidfd_status(int pidfd)
{
	struct { /* struct pidfd_info, which may be longer */
		uint64_t mask, cgroup;
		uint32_t ids[11];
		int32_t exit_code;
	} info = { .mask = PROC_PIDFD_INFO_EXIT };

	if (ioctl(pidfd, _IOWR(0xff, 11, info), &info) < 0 || !(info.mask & PROC_PIDFD_INFO_EXIT))
		return -1;
	return info.exit_code;
}

void proc_end_like(int wait_status)
{
	const struct rlimit none = { 0, 0 };
	int sig = WTERMSIG(wait_status);
	uint64_t all = 0;

	if (WIFSIGNALED(wait_status)) {
		setrlimit(RLIMIT_CORE, &none);
		signal(sig, SIG_DFL);
		kill(getpid(), sig);
		sys4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&all, 0, sizeof(all));
	}
	_exit(WEXITSTATUS(wait_status));
}

char proc_state(pid_t pid)
{
	char value[64];

	return proc_status_text(pid, "State", value, sizeof(value)) ? *value : '\0';
}

bool proc_lives(pid_t pid)
{
	char state = proc_state(pid);

	return state && state != 'X' &&
	       (state != 'Z' || proc_status_number(pid, "Threads", 10, 0) > 1);
}

enum { PROC_READ_PIECE = 1 << 14 };

static int proc_read_all(pid_t pid, const char *name, bool record, char **text, size_t *len,
			 struct err *err)
{
	OWNED_PTR char *buf = NULL;
	OWNED_FD int fd = -1;
	char path[128];
	size_t room = 0;
	ssize_t n;

	*len = 0;
	procid_path(path, sizeof(path), pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open %s", path);
	do {
		if (room - *len < PROC_READ_PIECE) {
			char *more = realloc(buf, room = room * 2 + 2 * PROC_READ_PIECE);

			if (!more)
				return err_set(err, ENOMEM, "read %s", path);
			buf = more;
		}
		n = read(fd, buf + *len, room - *len - 1);
		if (n < 0)
			return err_set(err, errno, "read %s", path);
		*len += (size_t)n;
	} while (n > 0 && !(record && *len < room - 1));
	buf[*len] = '\0';
	*text = owned_ptr_take(&buf);
	return 0;
}

int proc_read(pid_t pid, const char *name, char **text, size_t *len, struct err *err)
{
	return proc_read_all(pid, name, false, text, len, err);
}

int proc_read_record(pid_t pid, const char *name, char **text, size_t *len, struct err *err)
{
	return proc_read_all(pid, name, true, text, len, err);
}

int proc_stat(pid_t pid, struct stat_line *stat, struct err *err)
{
	char path[64], line[1024]; /* one read gives all of it */
	OWNED_FD int fd = -1;
	ssize_t n;

	procid_path(path, sizeof(path), pid, "stat");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, line, sizeof(line));
	return n < 0 ? err_set(err, errno, "read %s", path)
		     : stat_parse(stat, line, (size_t)n, err);
}

int proc_exit_code(pid_t pid)
{
	struct stat_line s;

	return proc_stat(pid, &s, NULL) < 0 ? -1 : (int)s.exit_code;
}

const char *proc_next_variable(const char **at, const char *end, const char *const *names, size_t n)
{
	while (*at < end) {
		const char *s = *at;

		*at += strlen(s) + 1;
		for (size_t i = 0; i < n; i++)
			if (text_starts(s, names[i]))
				return strchr(s, '=') + 1;
	}
	return NULL;
}
