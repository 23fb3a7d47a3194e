/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/launchable.h"
#include "arch/cpu.h"
#include "base/owned.h"
#include "host/proc.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { LAUNCHABLE_CAP_SYS_PTRACE = 19, LAUNCHABLE_PATH_MAX = 2048 };

/* '0' where there is no Yama. */
static char launchable_yama_scope(void)
{
	OWNED_FD int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
	char scope = '0';

	return fd >= 0 && read(fd, &scope, 1) == 1 ? scope : '0';
}

static int launchable_check_yama(struct err *err)
{
	char scope = launchable_yama_scope();

	if (scope == '3')
		return err_say(err, EPERM,
			       "this machine allows nobody to trace a program "
			       "(kernel.yama.ptrace_scope=3), so none can be checkpointed: ask an "
			       "administrator to set it to 1 and reboot");
	if (scope == '2' && !proc_has_cap(LAUNCHABLE_CAP_SYS_PTRACE))
		return err_say(err, EPERM,
			       "this machine allows only administrators to trace a "
			       "program (kernel.yama.ptrace_scope=2): ask for "
			       "`sysctl kernel.yama.ptrace_scope=1`, or for CAP_SYS_PTRACE");
	return 0;
}

int launchable_check_strangers(struct err *err)
{
	char scope = launchable_yama_scope();

	if (scope == '0' || proc_has_cap(LAUNCHABLE_CAP_SYS_PTRACE))
		return 0;
	return err_say(err, EPERM,
		       "only a process above may trace a program here "
		       "(kernel.yama.ptrace_scope=%c)",
		       scope);
}

/*
 * Trace a child of a child of ours: a filter may answer a forbidden call by killing who makes it, so that
 * is not us. Exit status: 0, or the errno of the refusal.
 */
static int launchable_try_child(void)
{
	pid_t target = fork();
	int rc;

	if (target < 0)
		return 0;
	if (target == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	rc = ptrace(PTRACE_SEIZE, target, 0, 0) ? errno : 0;
	kill(target, SIGKILL);
	waitpid(target, NULL, __WALL);
	return rc;
}

static int launchable_check_filter(struct err *err)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(launchable_try_child());
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return err_set(err, errno, "try whether tracing is allowed");
	if (status == 0)
		return 0;
	return err_say(err, EPERM,
		       "tracing is refused here by a seccomp filter or security policy "
		       "(%s), so nothing can be checkpointed: in a container, allow the ptrace "
		       "system call (podman, docker: --security-opt seccomp=unconfined or "
		       "--cap-add=SYS_PTRACE)",
		       WIFSIGNALED(status) ? "the call is fatal" : err_text(WEXITSTATUS(status)));
}

int launchable_check_ptrace(struct err *err)
{
	if (launchable_check_yama(err) < 0)
		return -err->num;
	/* The trial costs two forks: only where something is known to stand in between. */
	if (prctl(PR_GET_SECCOMP) == 0 && ptrace(PTRACE_SEIZE, INT_MAX, 0, 0) && errno == ESRCH)
		return 0;
	return launchable_check_filter(err);
}

bool launchable_find(char *path, size_t size, const char *program)
{
	const char *dirs = getenv("PATH");

	if (strchr(program, '/')) {
		snprintf(path, size, "%s", program);
		return true;
	}
	if (!dirs)
		dirs = "/bin:/usr/bin";
	for (;;) {
		size_t len = strcspn(dirs, ":");

		snprintf(path, size, "%.*s%s%s", (int)len, dirs, len ? "/" : "", program);
		if (!access(path, X_OK))
			return true;
		if (!dirs[len])
			return false;
		dirs += len + 1;
	}
}

static bool launchable_raises_ids(const char *path, const struct stat *st)
{
	struct statvfs fs;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return false;
	if (!statvfs(path, &fs) && (fs.f_flag & ST_NOSUID))
		return false;
	if ((st->st_mode & S_ISUID) && st->st_uid != getuid())
		return true;
	if ((st->st_mode & S_ISGID) && (st->st_mode & S_IXGRP) && st->st_gid != getgid())
		return true;
	return getxattr(path, "security.capability", NULL, 0) > 0;
}

static bool launchable_is_32bit(const char *path)
{
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf32_Ehdr head;

	return fd >= 0 && read(fd, &head, sizeof(head)) == sizeof(head) &&
	       !memcmp(head.e_ident, ELFMAG, SELFMAG) && head.e_ident[EI_CLASS] == ELFCLASS32 &&
	       head.e_machine == CPU_ELF_32BIT;
}

bool launchable_is_container(const char *program)
{
	static const char *const runtimes[] = { "podman",      "podman-hpc", "docker",
						"nerdctl",     "shifter",    "apptainer",
						"singularity", "ch-run",     "bwrap" };
	const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;

	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++)
		if (!strcmp(name, runtimes[i]))
			return true;
	return false;
}

int launchable_check_program(const char *program, struct err *err)
{
	char path[LAUNCHABLE_PATH_MAX];
	struct stat st;

	if (launchable_is_container(program))
		return err_say(err, ENOTSUP,
			       "'%s' starts a container, and what runs in it can be "
			       "checkpointed only from inside: put cairn between the image and the "
			       "program (%s ... IMAGE cairn run -- PROGRAM)",
			       program, program);
	if (!launchable_find(path, sizeof(path), program) || stat(path, &st) ||
	    !S_ISREG(st.st_mode) || access(path, X_OK))
		return 0;
	if (launchable_is_32bit(path))
		return err_say(err, ENOTSUP,
			       "'%s' is a 32-bit program, which cannot be checkpointed: use a "
			       "64-bit build of it",
			       path);
	if (proc_has_cap(LAUNCHABLE_CAP_SYS_PTRACE))
		return 0;
	if (launchable_raises_ids(path, &st))
		return err_say(err, EPERM,
			       "'%s' changes its privileges when it starts "
			       "(set-user-ID, set-group-ID or file capabilities), so you may not "
			       "trace it and it cannot be checkpointed: start it without cairn, or "
			       "launch as the user it runs as",
			       path);
	if (access(path, R_OK))
		return err_say(err, EPERM,
			       "'%s' can be run but not read by you: the kernel lets "
			       "nobody trace such a program, so it cannot be checkpointed",
			       path);
	return 0;
}
