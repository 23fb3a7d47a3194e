/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread's seccomp filters, which the kernel shows to an administrator only. Threads that have the same
 * have mostly inherited them: their lists are kept as a tree, in which what is equal is one.
 */
#include "base/owned.h"
#include "ckpt/capture.h"
#include "trace/suspend.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>

enum { /* ptrace requests, and what one of them fills in */
       SECCOMP_GET_FILTER = 0x420c,
       SECCOMP_GET_METADATA = 0x420d,
};

struct seccomp_about { /* struct seccomp_metadata */
	uint64_t at, flags;
};

struct seccomp_one {
	struct sock_filter code[BPF_MAXINSNS];
	size_t n;
	uint32_t flags;
};

/* Number @at, from the oldest on. 0: there is no such. */
static int seccomp_read(pid_t tid, uint64_t at, struct seccomp_one *f, struct err *err)
{
	struct seccomp_about about = { .at = at };
	long n = ptrace((enum __ptrace_request)SECCOMP_GET_FILTER, tid, (void *)(uintptr_t)at,
			f->code);

	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0 && errno == EACCES)
		return err_say(err, EPERM,
			       "it has a seccomp filter, which only " SUSPEND_WHO " can read");
	if (n < 0)
		return err_set(err, errno, "read seccomp filter %llu", (unsigned long long)at);
	f->n = (size_t)n;
	f->flags = 0;
	if (ptrace((enum __ptrace_request)SECCOMP_GET_METADATA, tid, (void *)sizeof(about),
		   &about) > 0 &&
	    about.flags & SECCOMP_FILTER_FLAG_LOG)
		f->flags = IMG_SECCOMP_LOG;
	return 1;
}

/* Does it, or may it, leave calls to a supervisor? That one's end cannot be had again. */
static bool seccomp_asks(const struct seccomp_one *f)
{
	bool computes = false, names = false;

	for (size_t i = 0; i < f->n; i++) {
		const struct sock_filter *insn = &f->code[i];
		unsigned int class = BPF_CLASS(insn->code);
		bool here = (insn->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF;

		if (class == BPF_RET && BPF_RVAL(insn->code) == BPF_K && here)
			return true;
		computes |= class == BPF_RET && BPF_RVAL(insn->code) == BPF_A;
		names |= here && (class == BPF_LD || class == BPF_LDX) &&
			 BPF_MODE(insn->code) == BPF_IMM;
	}
	return computes && names;
}

static bool seccomp_is(const struct model *m, struct img_ref program, const struct seccomp_one *f)
{
	return program.len == f->n * sizeof(f->code[0]) &&
	       !memcmp(model_bytes(m, program), f->code, program.len);
}

/* @f on top of @below: its number, from 1 on. */
static int seccomp_keep(struct model *m, uint32_t below, const struct seccomp_one *f,
			uint32_t *number, struct err *err)
{
	struct img_seccomp *kept;
	struct img_ref program = { 0 };
	int rc = 0;

	for (size_t i = 0; i < m->seccomps.n; i++) {
		kept = &m->seccomps.at[i];
		if (!seccomp_is(m, kept->program, f))
			continue;
		program = kept->program;
		*number = (uint32_t)i + 1;
		if (kept->below == below && kept->flags == f->flags)
			return 0;
	}
	if (!program.len)
		rc = model_put_bytes(m, &program, f->code, f->n * sizeof(f->code[0]));
	if (rc < 0)
		return err_set(err, rc, "keep seccomp filters");
	kept = model_add(&m->seccomps);
	if (!kept)
		return err_set(err, ENOMEM, "keep seccomp filters");
	*kept = (struct img_seccomp){ below, f->flags, program };
	*number = (uint32_t)m->seccomps.n;
	return 0;
}

int capture_seccomp(struct model *m, struct img_thread *t, struct err *err)
{
	OWNED_PTR struct seccomp_one *f = malloc(sizeof(*f));
	int rc = 1;

	if (!f)
		return err_set(err, ENOMEM, "keep seccomp filters");
	for (uint64_t i = 0; rc > 0; i++) {
		rc = seccomp_read(t->tid, i, f, err);
		if (rc > 0 && seccomp_asks(f))
			return err_say(err, ENOTSUP,
				       "it has a seccomp filter that leaves calls to a supervisor "
				       "(SECCOMP_RET_USER_NOTIF), which cannot be brought back");
		if (rc > 0 && seccomp_keep(m, t->filter, f, &t->filter, err) < 0)
			rc = -err->num;
	}
	return rc;
}
