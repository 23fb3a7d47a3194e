/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/status and /proc/PID/task/TID/status.
 *
 * The one rule: lines that this kernel does not have leave their fields 0 (seccomp and tracer
 * then read as "none"); only Pid and State must be there. The name stands in stat.h, unescaped.
 */
#pragma once

#include "base/err.h"
#include "procfs/scan.h"

enum { STATUS_NS_MAX = 32 }; /* the kernel's limit for nested pid namespaces */

struct status_ids { /* from the reader's pid namespace inwards; the last is the process's own */
	int32_t at[STATUS_NS_MAX];
	size_t n;
};

struct status {
	char state; /* R S D T t X Z I ... */
	int32_t pid; /* of this task: a TID below task/ */
	int32_t tgid, ppid, tracer_pid;
	uint32_t uid[4], gid[4]; /* real, effective, saved, file system */
	uint32_t umask;
	uint32_t threads;
	uint32_t no_new_privs; /* 0 or 1 */
	uint32_t seccomp; /* 0 none, 1 strict, 2 filter */
	uint32_t seccomp_filters;
	uint32_t thp_enabled, core_dumping;
	/* As the thread has asked for it, not as the machine is: PR_SPEC_DISABLE, FORCE_DISABLE, else 0. */
	uint32_t no_store_bypass, no_indirect_branch;
	bool shadow_stack; /* x86: what it calls is checked when it returns */
	uint64_t sig_pending, shared_pending, sig_blocked, sig_ignored, sig_caught; /* bit n-1 */
	uint64_t cap_inheritable, cap_permitted, cap_effective, cap_bounding, cap_ambient;
	uint64_t vm_size, vm_rss, vm_locked, vm_swap; /* bytes */
	struct status_ids ns_tgid, ns_pid, ns_pgid, ns_sid;
	struct scan groups; /* into the text: status_next_group */
};

/* -EBADMSG with a message where a needed line is missing or a line makes no sense. */
int status_parse(struct status *status, const char *text, size_t len, struct err *err);

/* The supplementary groups one by one: pass a copy of status.groups. */
bool status_next_group(struct scan *groups, uint32_t *gid);
