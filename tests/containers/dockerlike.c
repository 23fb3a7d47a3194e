/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dockerlike PROGRAM ARGS...: run it under a seccomp filter of the shape of Docker's: no user namespaces,
 * clone3 unknown (so that flags can be looked at), kcmp and others refused.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REFUSE(errno_) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (errno_))
#define IF_NOT(call, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, skip)
#define REFUSED(call) IF_NOT(call, 1), REFUSE(EPERM)
/* Namespaces, in the call's first argument. */
#define NO_NAMESPACES(call)                                                                       \
	IF_NOT(call, 4), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)), \
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x7e020000, 0, 1), REFUSE(EPERM),            \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

int main(int argc, char **argv)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		IF_NOT(clone3, 1),
		REFUSE(ENOSYS),
		REFUSED(kcmp),
		REFUSED(userfaultfd),
		REFUSED(personality),
		REFUSED(io_uring_setup),
		REFUSED(mount),
		REFUSED(setns),
		REFUSED(perf_event_open),
		NO_NAMESPACES(clone),
		NO_NAMESPACES(unshare),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	if (argc < 2)
		return 2;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog)) {
		puts("no seccomp filters here");
		return 77;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
