/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/suspend.h"

#include "host/proc.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>

/* The first user namespace has always had it (PROC_USER_INIT_INO, linux/proc_ns.h). */
static const ino_t suspend_first_namespace = 0xeffffffd;

enum { /* what a thread has while it works for us */
       SUSPEND_OPTIONS = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
			 PTRACE_O_TRACEVFORK
};

bool suspend_allowed(void)
{
	struct stat st;

	return prctl(PR_GET_SECCOMP) == 0 && proc_has_cap(CAP_SYS_ADMIN) &&
	       stat("/proc/self/ns/user", &st) == 0 && st.st_ino == suspend_first_namespace;
}

int suspend_begin(struct tracee *t, struct err *err)
{
	if (!t->filtered || t->suspended)
		return 0;
	/* A kernel without CONFIG_CHECKPOINT_RESTORE does not know the option. */
	if (ptrace(PTRACE_SETOPTIONS, t->tid, 0, SUSPEND_OPTIONS | PTRACE_O_SUSPEND_SECCOMP) < 0)
		return err_say(err, EPERM,
			       "it has a seccomp filter, which may kill it if asked to make system "
			       "calls for us; only " SUSPEND_WHO " can suspend it meanwhile");
	t->suspended = true;
	return 0;
}

void suspend_end(struct tracee *t)
{
	if (!t->suspended)
		return;
	t->suspended = false;
	suspend_set_options(t, SUSPEND_OPTIONS);
}

void suspend_set_options(const struct tracee *t, long options)
{
	ptrace(PTRACE_SETOPTIONS, t->tid, 0,
	       options | (t->suspended ? PTRACE_O_SUSPEND_SECCOMP : 0));
}
