/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads with credentials of their own, as file servers have that work for many users: other ids and groups,
 * fewer capabilities, another bounding set. The others have many groups.
 */
#include "live_proc.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>

enum { THREADS = 3, TEXT = 1 << 17, GROUPS = 16000 };

static char before[THREADS][TEXT], after[TEXT];
static pid_t tids[THREADS];
static int end[2];

static void drop(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	LIVE_CHECK(!syscall(SYS_capget, &head, data));
	data[0].effective &= ~(1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE);
	data[0].permitted &= ~(1u << CAP_DAC_OVERRIDE);
	data[0].inheritable |= 1u << CAP_NET_BIND_SERVICE;
	LIVE_CHECK(!syscall(SYS_capset, &head, data));
}

static void *other_user(void *tid)
{
	static const gid_t groups[] = { 1, 7, 70000 };
	char c;

	LIVE_CHECK(!syscall(SYS_setgroups, 3, groups));
	LIVE_CHECK(!syscall(SYS_setresgid, 100, 101, 102));
	LIVE_CHECK(!syscall(SYS_setresuid, 0, 1000, 0));
	live_here(tid);
	LIVE_EQUAL(read(end[0], &c, 1), 0);
	return NULL;
}

static void *less_capable(void *tid)
{
	char c;

	drop();
	live_here(tid);
	LIVE_EQUAL(read(end[0], &c, 1), 0);
	return NULL;
}

static void *bounded(void *tid)
{
	char c;

	LIVE_CHECK(!prctl(PR_CAPBSET_DROP, CAP_SYS_TIME, 0, 0, 0));
	live_here(tid);
	LIVE_EQUAL(read(end[0], &c, 1), 0);
	return NULL;
}

/* The lines of its status that tell of credentials. */
static void look(pid_t tid, char *text)
{
	static const char *const keys[] = { "Uid:",    "Gid:",	  "Groups:", "CapInh:",
					    "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:" };
	static char all[TEXT];
	char path[64], *rest = all;
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	live_read(path, all, sizeof(all));
	for (char *line; (line = strsep(&rest, "\n"));)
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (!strncmp(line, keys[i], strlen(keys[i])))
				n += (size_t)snprintf(text + n, TEXT - n, "%s\n", line);
	LIVE_CHECK(n > 0);
}

int main(void)
{
	void *(*const runs[THREADS])(void *) = { other_user, less_capable, bounded };
	static gid_t groups[GROUPS];
	pthread_t t[THREADS];

	if (geteuid())
		live_skip("a plain user's threads have one set of ids");
	for (gid_t i = 0; i < GROUPS; i++)
		groups[i] = i + 1;
	LIVE_CHECK(!setgroups(GROUPS, groups));
	LIVE_CHECK(!pipe2(end, O_CLOEXEC));
	for (int i = 0; i < THREADS; i++)
		t[i] = live_sleeper(runs[i], &tids[i]);
	LIVE_CHECK(!prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); /* which other ids have taken away */
	for (int i = 0; i < THREADS; i++)
		look(tids[i], before[i]);
	live_ready();
	LIVE_EQUAL(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
	for (int i = 0; i < THREADS; i++) {
		look(tids[i], after);
		if (strcmp(before[i], after))
			live_fail("thread %d had\n%s and has\n%s", i, before[i], after);
	}
	close(end[1]);
	for (int i = 0; i < THREADS; i++)
		LIVE_CHECK(!pthread_join(t[i], NULL));
	return 0;
}
