/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/namespace.h"

#include "base/owned.h"
#include "base/text.h"
#include "host/log.h"
#include "host/procid.h"
#include "procfs/stat.h"
#include "restart/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

enum { NAMESPACE_SEC = 1000000000 };

static int namespace_write(const char *path, const char *text, struct err *err)
{
	OWNED_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, errno, "open %s", path);
	if (write(fd, text, strlen(text)) < 0)
		return err_set(err, errno, "write '%s' to %s", text, path);
	return 0;
}

/* Who we were outside, for pid 1 to map: it sees the overflow ids only. */
static uid_t namespace_uid;
static gid_t namespace_gid;
static bool namespace_user;

pid_t namespace_fork(bool ipc)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	sys2(__NR_capget, &head, data);
	namespace_user = !(data[0].effective >> CAP_SYS_ADMIN & 1);
	namespace_uid = geteuid();
	namespace_gid = getegid();
	return spawn_fork(0,
			  CLONE_NEWPID | CLONE_NEWNS | (namespace_user ? CLONE_NEWUSER : 0) |
				  (ipc ? CLONE_NEWIPC : 0),
			  SIGCHLD);
}

static int namespace_map_ids(struct err *err)
{
	char text[64];
	int rc;

	/* Without the right to set groups no plain user may map a gid. Absent on old kernels. */
	rc = namespace_write("/proc/self/setgroups", "deny", err);
	text_format(text, sizeof(text), "%u %u 1", namespace_uid, namespace_uid);
	if (rc >= 0)
		rc = namespace_write("/proc/self/uid_map", text, err);
	text_format(text, sizeof(text), "%u %u 1", namespace_gid, namespace_gid);
	if (rc >= 0)
		rc = namespace_write("/proc/self/gid_map", text, err);
	return rc;
}

static int64_t namespace_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * (int64_t)NAMESPACE_SEC + t.tv_nsec;
}

/* The offset that this namespace has already, relative to the machine. */
static int64_t namespace_offset(const char *text, const char *name)
{
	const char *line = strstr(text, name);
	long long sec, nsec;
	char *end;

	if (!line)
		return 0;
	sec = strtoll(line + strlen(name), &end, 10);
	nsec = strtoll(end, NULL, 10);
	return sec * NAMESPACE_SEC + nsec;
}

static size_t namespace_clock_line(char *out, size_t size, const char *name, int64_t offset)
{
	int64_t sec = offset / NAMESPACE_SEC, nsec = offset % NAMESPACE_SEC;

	if (nsec < 0) {
		nsec += NAMESPACE_SEC;
		sec--;
	}
	return text_format(out, size, "%s %lld %lld\n", name, (long long)sec, (long long)nsec);
}

/* For the children of this process: clocks that go on from the checkpoint. */
static int namespace_clocks(const struct img_machine *then, struct err *err)
{
	OWNED_FD int fd = -1;
	char text[256];
	ssize_t n;
	int64_t mono, boot;
	size_t len;

	if (!then->monotonic_ns)
		return 0;
	if (unshare(CLONE_NEWTIME) < 0)
		return err_set(err, errno, "new time namespace");
	fd = open("/proc/self/timens_offsets", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open /proc/self/timens_offsets");
	n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	mono = then->monotonic_ns - namespace_clock(CLOCK_MONOTONIC) +
	       namespace_offset(text, "monotonic");
	boot = then->boottime_ns - namespace_clock(CLOCK_BOOTTIME) +
	       namespace_offset(text, "boottime");
	len = namespace_clock_line(text, sizeof(text), "monotonic", mono);
	len += namespace_clock_line(text + len, sizeof(text) - len, "boottime", boot);
	if (pwrite(fd, text, len, 0) < 0)
		return err_set(err, errno, "set the clocks of a time namespace");
	return 0;
}

int namespace_enter(const struct img_machine *then, struct err *err)
{
	struct err why = ERR_INIT;
	int rc = namespace_user ? namespace_map_ids(err) : 0;

	if (rc < 0)
		return rc;
	/* Clocks before /proc: the offsets are written through the outer one. */
	rc = namespace_clocks(then, &why);
	if (rc < 0 && namespace_clock(CLOCK_MONOTONIC) < then->monotonic_ns) {
		*err = why;
		return err_add(err, "the monotonic clock would run backwards");
	}
	if (rc < 0)
		log_info("namespace", "%s", why.msg);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		log_info("namespace", "cannot mount a new /proc: %s", err_text(errno));
	procid_look();
	return 0;
}

void namespace_set_last_id(pid_t last)
{
	char text[16];

	text_format(text, sizeof(text), "%d", last);
	namespace_write("/proc/sys/kernel/ns_last_pid", text, NULL);
}

static const char namespace_limit[] = "/proc/sys/kernel/pid_max";

pid_t namespace_id_limit(void)
{
	OWNED_FD int fd = open(namespace_limit, O_RDONLY | O_CLOEXEC);
	char text[32] = "";

	return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 ? atoi(text) : 0;
}

void namespace_set_id_limit(pid_t limit)
{
	char text[16];

	if (namespace_id_limit() == limit)
		return;
	text_format(text, sizeof(text), "%d", limit);
	namespace_write(namespace_limit, text, NULL);
}

/* Be told apart from the agent by those who look at command lines. */
static void namespace_rename(void)
{
	static const char name[] = "cairn-init";
	OWNED_FD int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	struct stat_line s = { 0 };
	char text[1024];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	size_t len;

	prctl(PR_SET_NAME, name);
	if (n <= 0 || stat_parse(&s, text, (size_t)n, NULL) < 0 || s.arg_end <= s.arg_start)
		return;
	len = s.arg_end - s.arg_start;
	memset((void *)s.arg_start, 0, len);
	memcpy((void *)s.arg_start, name, len < sizeof(name) ? len : sizeof(name));
}

void namespace_reap(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	namespace_rename();
	(void)!chdir("/");
	sys3(__NR_close_range, 0, ~0U, 0);
	for (;;)
		if (waitpid(-1, NULL, __WALL) < 0 && errno == ECHILD)
			_exit(0);
}
