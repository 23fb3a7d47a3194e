/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What live tests of seccomp share: putting filters on, and looking at those of a thread, as only root may.
 *
 * The one rule: who puts a filter on is a child of the test's own process, which itself goes on talking to
 * the driver.
 */
#pragma once

#include "live_proc.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

enum { LIVE_FILTERS = 16, LIVE_CALLS = 16 };

#define LIVE_NR BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))

/* Checkpoints of such programs are for root, on the host. */
static inline void live_needs_seccomp(void)
{
	pid_t child = fork();
	int status = 0;
	long rc;

	if (child == 0) {
		pause();
		_exit(0);
	}
	LIVE_CHECK(child > 0);
	LIVE_CHECK(!ptrace(PTRACE_SEIZE, child, 0, 0));
	LIVE_CHECK(!ptrace(PTRACE_INTERRUPT, child, 0, 0));
	LIVE_CHECK(waitpid(child, &status, 0) == child);
	rc = ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_SUSPEND_SECCOMP);
	kill(child, SIGKILL);
	LIVE_CHECK(waitpid(child, &status, 0) == child);
	if (rc)
		live_skip("only root on the host can checkpoint programs with seccomp filters");
}

static inline long live_seccomp(unsigned int flags, struct sock_filter *code, size_t n)
{
	struct sock_fprog program = { (unsigned short)n, code };

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

/* A filter by which all @n calls of @calls end with @action and all others with @other. */
static inline long live_filter(unsigned int flags, const long *calls, size_t n, uint32_t action,
			       uint32_t other)
{
	struct sock_filter code[LIVE_CALLS + 3] = { LIVE_NR };
	size_t at = 1;

	LIVE_CHECK(n <= LIVE_CALLS);
	for (size_t i = 0; i < n; i++)
		code[at++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], (unsigned char)(n - i), 0);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, other);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
	return live_seccomp(flags, code, at);
}

/* A filter by which call @nr fails with @num. */
static inline void live_refuse(unsigned int flags, long nr, int num)
{
	LIVE_EQUAL(live_filter(flags, &nr, 1, SECCOMP_RET_ERRNO | (uint32_t)num, SECCOMP_RET_ALLOW),
		   0);
}

/* What seccomp does to a thread: all of it. */
struct live_chain {
	struct {
		struct sock_filter code[64];
		long n;
		uint64_t flags;
	} at[LIVE_FILTERS];
	int n;
	char status[256];
};

/* Its lines of status: Seccomp, Seccomp_filters, NoNewPrivs, speculation. */
static inline void live_seccomp_status(pid_t pid, pid_t tid, char *text, size_t size)
{
	static const char *const keys[] = { "NoNewPrivs:", "Seccomp:", "Seccomp_filters:",
					    "Speculation_Store_Bypass:" };
	static char all[1 << 14];
	char path[64], *rest = all;
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	live_read(path, all, sizeof(all));
	for (char *line; (line = strsep(&rest, "\n"));)
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (!strncmp(line, keys[i], strlen(keys[i])))
				n += (size_t)snprintf(text + n, size - n, "%s\n", line);
	LIVE_CHECK(n > 0);
}

static inline void live_chain(pid_t pid, pid_t tid, struct live_chain *c)
{
	struct {
		uint64_t at, flags;
	} about;
	int status;

	*c = (struct live_chain){ .n = 0 };
	live_seccomp_status(pid, tid, c->status, sizeof(c->status));
	while (ptrace(PTRACE_SEIZE, tid, 0, 0)) { /* it may not have been let go yet, as we have */
		LIVE_EQUAL(errno, EPERM);
		sched_yield();
	}
	LIVE_CHECK(!ptrace(PTRACE_INTERRUPT, tid, 0, 0));
	LIVE_CHECK(waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status));
	for (; c->n < LIVE_FILTERS; c->n++) {
		long n = ptrace(PTRACE_SECCOMP_GET_FILTER, tid, (void *)(long)c->n, NULL);

		if (n <= 0)
			break;
		LIVE_CHECK(n <= 64);
		c->at[c->n].n = n;
		ptrace(PTRACE_SECCOMP_GET_FILTER, tid, (void *)(long)c->n, c->at[c->n].code);
		about.at = (uint64_t)c->n;
		about.flags = 0;
		LIVE_CHECK(ptrace(PTRACE_SECCOMP_GET_METADATA, tid, (void *)sizeof(about),
				  &about) == sizeof(about));
		c->at[c->n].flags = about.flags;
	}
	LIVE_CHECK(!ptrace(PTRACE_DETACH, tid, 0, 0));
}

static inline void live_same_chain(const struct live_chain *before, const struct live_chain *now)
{
	if (strcmp(before->status, now->status))
		live_fail("it had\n%s and has\n%s", before->status, now->status);
	LIVE_EQUAL(now->n, before->n);
	for (int i = 0; i < now->n; i++)
		if (memcmp(&before->at[i], &now->at[i], sizeof(before->at[i])))
			live_fail("filter %d is another one", i);
}
