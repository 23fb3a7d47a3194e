/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/doctor_checks.h"
#include "arch/cpu.h"
#include "base/err.h"
#include "base/owned.h"
#include "base/text.h"
#include "coord/launchable.h"
#include "host/human.h"
#include "host/proc.h"
#include "restart/cycle.h"
#include "trace/suspend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	DOCTOR_DISK_BYTES = 64 << 20,
	DOCTOR_BLOCK = 1 << 20,
	DOCTOR_IDS_AHEAD = 20,
	DOCTOR_IDS_HIGH = 32000, /* near the lowest end that ids have: 32768 */
};

static void doctor_answer(struct doctor_result *r, long rc, const char *yes, const char *no)
{
	r->answer = rc < 0 ? DOCTOR_NO : DOCTOR_YES;
	if (rc < 0)
		text_format(r->detail, sizeof(r->detail), "%s: %s", no, err_text((int)-rc));
	else
		text_format(r->detail, sizeof(r->detail), "%s", yes);
}

/* Run @fn in a child, so that nothing of it sticks to us; its 0 or -errno. */
static int doctor_try(int (*fn)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(-fn() & 255);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -ECHILD;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EPERM;
}

void doctor_ptrace(struct doctor_result *r)
{
	struct err err = ERR_INIT;

	r->answer = launchable_check_ptrace(&err) < 0 ? DOCTOR_NO : DOCTOR_YES;
	text_format(r->detail, sizeof(r->detail), "%s",
		    r->answer ? "programs started by us may be traced" : err.msg);
}

void doctor_process_vm(struct doctor_result *r)
{
	char from = 'x', to = 0;
	struct iovec local = { &to, 1 }, remote = { &from, 1 };
	long rc = sys6(__NR_process_vm_readv, getpid(), &local, 1, &remote, 1, 0);

	doctor_answer(r, rc, "memory can be read from outside",
		      "memory cannot be read from outside");
}

static pid_t doctor_clone_with_id(pid_t want)
{
	pid_t ids[1] = { want };
	struct clone_args args = { .exit_signal = SIGCHLD,
				   .set_tid = (uintptr_t)ids,
				   .set_tid_size = 1 };
	long pid = sys2(__NR_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return (pid_t)pid;
}

/* An id that has just been free: that of a child that has ended. */
static int doctor_try_direct(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	pid = doctor_clone_with_id(pid);
	return pid < 0 ? pid : 0;
}

void doctor_ids_direct(struct doctor_result *r)
{
	doctor_answer(r, doctor_try(doctor_try_direct),
		      "process ids can be had back here, where they are free",
		      "a process id cannot be chosen here");
}

static int doctor_enter_namespaces(int more)
{
	bool user = geteuid() != 0 || unshare(CLONE_NEWPID | CLONE_NEWNS | more) < 0;

	if (user && unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | more) < 0)
		return -errno;
	return 0;
}

static int doctor_in_namespace(int (*fn)(void))
{
	int rc = doctor_enter_namespaces(0);

	return rc < 0 ? rc : doctor_try(fn);
}

static int doctor_choose_high_id(void)
{
	pid_t pid = doctor_clone_with_id(300);

	return pid < 0 ? pid : 0;
}

static int doctor_try_namespace(void)
{
	return doctor_in_namespace(doctor_choose_high_id);
}

void doctor_ids_namespace(struct doctor_result *r)
{
	doctor_answer(r, doctor_try(doctor_try_namespace),
		      "process ids can be had back in a namespace of their own, always",
		      "no namespace with ids of our choice");
}

static int doctor_take_next_ids(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	if (pid >= DOCTOR_IDS_HIGH) /* the next round would have to be waited for */
		return 0;
	pid = cycle_fork(pid + DOCTOR_IDS_AHEAD, pid, 0, SIGCHLD);
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return pid < 0 ? pid : 0;
}

void doctor_ids_cycle(struct doctor_result *r)
{
	doctor_answer(r, doctor_try(doctor_take_next_ids),
		      "process ids can be had back by waiting until they come round",
		      "no ids by waiting until they come round");
}

static int doctor_try_time(void)
{
	return doctor_enter_namespaces(0x80); /* CLONE_NEWTIME */
}

void doctor_time_namespace(struct doctor_result *r)
{
	doctor_answer(r, doctor_try(doctor_try_time),
		      "the monotonic clock goes on after a reboot or on another machine",
		      "restarts only where the monotonic clock is further on");
}

static int doctor_mount_proc(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return -errno;
	return 0;
}

static int doctor_try_proc(void)
{
	return doctor_in_namespace(doctor_mount_proc);
}

void doctor_private_proc(struct doctor_result *r)
{
	doctor_answer(r, doctor_try(doctor_try_proc), "a namespace shows its own ids in /proc",
		      "a namespace shows outer ids in /proc");
	if (r->answer == DOCTOR_NO)
		r->answer = DOCTOR_LIMITED;
}

void doctor_seccomp(struct doctor_result *r)
{
	uint64_t mode = proc_status_number(0, "Seccomp", 10, 0);

	r->answer = mode ? DOCTOR_LIMITED : DOCTOR_YES;
	text_format(r->detail, sizeof(r->detail), "%s",
		    mode ? "a filter is on us: some calls may be refused (podman, docker: "
			   "--security-opt seccomp=unconfined)"
		    : suspend_allowed()
			    ? "no filter is on us; programs may have filters of their own"
			    : "no filter is on us; programs with filters of their own cannot be "
			      "checkpointed, but by root on the host");
}

void doctor_kcmp(struct doctor_result *r)
{
	long rc = sys5(__NR_kcmp, getpid(), getpid(), KCMP_FILE, 0, 0);

	doctor_answer(r, rc, "shared descriptors are recognised",
		      "shared descriptors are recognised only by trial");
	if (r->answer == DOCTOR_NO)
		r->answer = DOCTOR_LIMITED;
}

void doctor_pagemap_scan(struct doctor_result *r)
{
	struct {
		uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
		uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
	} arg = { .size = sizeof(arg) };
	OWNED_FD int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	long rc = fd < 0 ? -errno : sys3(__NR_ioctl, fd, 0xc0606610UL, &arg);

	doctor_answer(r, rc, "memory is scanned fast", "memory is scanned page by page");
	if (r->answer == DOCTOR_NO)
		r->answer = DOCTOR_LIMITED;
}

void doctor_userfaultfd(struct doctor_result *r)
{
	struct uffdio_api api = { .api = UFFD_API };
	OWNED_FD int fd = (int)sys1(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1);
	long rc = fd < 0 ? fd : sys3(__NR_ioctl, fd, UFFDIO_API, &api);
	bool async = rc >= 0 && api.features >> 15 & 1; /* UFFD_FEATURE_WP_ASYNC */

	doctor_answer(r, rc,
		      async ? "with asynchronous write protection"
			    : "without asynchronous write protection",
		      "what a program writes cannot be followed");
	if (!async)
		r->answer = DOCTOR_LIMITED;
}

void doctor_io_uring(struct doctor_result *r)
{
	char params[120] = { 0 };
	OWNED_FD int fd = (int)sys2(__NR_io_uring_setup, 1, params);

	doctor_answer(
		r, fd, "programs that use it can be restarted here",
		"programs that use it cannot be restarted here (kernel.io_uring_disabled, or a "
		"container's seccomp filter)");
	if (r->answer == DOCTOR_NO)
		r->answer = DOCTOR_LIMITED;
}

void doctor_mm_map(struct doctor_result *r)
{
	unsigned int size = 0;
	long rc = sys5(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0);

	doctor_answer(r, rc, "a process's own description can be put back",
		      "a process's own description cannot be put back (PR_SET_MM_MAP)");
}

static int doctor_write_disk(int fd, int64_t *ns)
{
	OWNED_PTR char *block = malloc(DOCTOR_BLOCK);
	struct timespec a, b;

	if (!block)
		return -ENOMEM;
	for (size_t i = 0; i < DOCTOR_BLOCK; i++)
		block[i] = (char)(i * 2654435761u >> 13); /* no file system should find it easy */
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (size_t done = 0; done < DOCTOR_DISK_BYTES; done += DOCTOR_BLOCK)
		if (write(fd, block, DOCTOR_BLOCK) != DOCTOR_BLOCK)
			return errno ? -errno : -ENOSPC;
	if (fdatasync(fd))
		return -errno;
	clock_gettime(CLOCK_MONOTONIC, &b);
	*ns = (b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec;
	return 0;
}

void doctor_disk(struct doctor_result *r, const char *dir)
{
	OWNED_FD int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct statvfs fs;
	int64_t ns = 0;
	int rc;

	if (!statvfs(dir, &fs))
		r->free_bytes = (long long)fs.f_bavail * (long long)fs.f_frsize;
	rc = fd < 0 ? -errno : doctor_write_disk(fd, &ns);
	if (ns > 0)
		r->bytes_per_second = (long long)(DOCTOR_DISK_BYTES * 1e9 / (double)ns);
	r->answer = rc < 0 ? DOCTOR_NO : DOCTOR_YES;
	if (rc < 0)
		text_format(r->detail, sizeof(r->detail), "'%s' cannot be written: %s", dir,
			    err_text(-rc));
	else
		text_format(r->detail, sizeof(r->detail), "'%s': %s free, %s a second", dir,
			    human_size((uint64_t)r->free_bytes).s,
			    human_size((uint64_t)r->bytes_per_second).s);
}

json_t *doctor_cpu(void)
{
	json_t *cpu = json_object(), *names = json_array();
	struct cpu_features f = { 0 };
	char model[49];

	cpu_model(model);
	cpu_features_read(&f);
	for (size_t w = 0; w < CPU_WORDS; w++)
		for (unsigned int b = 0; b < 32; b++)
			if (f.word[w] >> b & 1 && cpu_feature_name(w, b))
				json_array_append_new(names, json_string(cpu_feature_name(w, b)));
	json_object_set_new(cpu, "model", json_string(model));
	json_object_set_new(cpu, "features", names);
	return cpu;
}
