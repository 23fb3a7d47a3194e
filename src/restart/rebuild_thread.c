/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of a plan that each thread does for itself: what the kernel keeps per thread, credentials
 * among it (what libc makes look like one set is one per thread).
 */
#include "restart/rebuild.h"

#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <asm/unistd.h>

enum {
	THREAD_RSEQ_FIRST_SIZE = 32, /* what every kernel with rseq takes */
	THREAD_IOPRIO_WHO_PROCESS = 1,
	THREAD_IOPRIO_CLASS_SHIFT = 13,
	THREAD_SS_AUTODISARM = (int)(1u << 31),
	THREAD_CAPS = 64,
	THREAD_SCHED_FLAGS = 1 | 2 | 4, /* SCHED_FLAG_RESET_ON_FORK, RECLAIM, DL_OVERRUN */
	THREAD_SCHED_CLAMP =
		0x8 | 0x10 | 0x20 | 0x40, /* KEEP_POLICY, KEEP_PARAMS, UTIL_CLAMP_MIN, MAX */
	THREAD_UTIL_FULL = 1024,
	THREAD_SET_IO_FLUSHER = 57,
};

struct thread_sched { /* struct sched_attr */
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

struct thread_stack { /* stack_t */
	uint64_t sp;
	int32_t flags, pad;
	uint64_t size;
};

static void thread_user_structures(struct rebuild *b, const struct img_thread *t)
{
	struct plan *p = &b->plan;
	struct thread_stack stack = {
		.sp = t->altstack_sp,
		.size = t->altstack_size,
		.flags = t->altstack_size ? (int32_t)t->altstack_flags & THREAD_SS_AUTODISARM
					  : SS_DISABLE,
	};

	/* The result is the thread's id: always a success. */
	plan_call(p, PLAN_MUST, __NR_set_tid_address, t->clear_child_tid);
	if (t->robust_len)
		plan_call(p, PLAN_MUST, __NR_set_robust_list, t->robust_head, t->robust_len);
	plan_call(p, PLAN_MUST, __NR_sigaltstack, plan_data(p, &stack, sizeof(stack)), 0);
	if (!t->rseq_ptr)
		return;
	if (t->rseq_size != THREAD_RSEQ_FIRST_SIZE)
		plan_call(p, PLAN_OR_NEXT, __NR_rseq, t->rseq_ptr, t->rseq_size, t->rseq_flags,
			  t->rseq_sig);
	plan_call(p, PLAN_MUST, __NR_rseq, t->rseq_ptr, THREAD_RSEQ_FIRST_SIZE, t->rseq_flags,
		  t->rseq_sig);
}

/*
 * Of the CPUs that the thread had, those that this restart has been given: the next leg of a job may have
 * others, and the old ones belong to somebody else by then. Where none of them is left: all of the new.
 */
static void thread_cpus(struct rebuild *b, const struct img_thread *t)
{
	const struct rebuild_now *now = &b->now;
	const uint8_t *had = model_bytes(b->m, t->affinity);
	size_t len = t->affinity.len < sizeof(now->cpus) ? t->affinity.len : sizeof(now->cpus);
	uint8_t *mask = plan_reserve(&b->plan, len);
	bool any = false;

	for (size_t i = 0; mask && i < len; i++) {
		mask[i] = now->cpus_len ? had[i] & now->cpus[i] : had[i];
		any = any || mask[i];
	}
	if (any)
		plan_call(&b->plan, PLAN_TRY, __NR_sched_setaffinity, 0, len, (uintptr_t)mask);
}

/* Where they are not what a thread of its policy begins with. */
static void thread_clamps(struct rebuild *b, const struct img_thread *t)
{
	bool real_time = t->sched_policy == SCHED_FIFO || t->sched_policy == SCHED_RR;
	struct thread_sched s = {
		.size = sizeof(s),
		.flags = THREAD_SCHED_CLAMP,
		.util_min = t->util_min,
		.util_max = t->util_max,
	};

	if (t->util_max &&
	    (t->util_max != THREAD_UTIL_FULL || t->util_min != (real_time ? THREAD_UTIL_FULL : 0)))
		plan_call(&b->plan, PLAN_TRY, __NR_sched_setattr, 0,
			  plan_data(&b->plan, &s, sizeof(s)), 0);
}

static void thread_speculation(struct rebuild *b, const struct img_thread *t)
{
	if (t->no_store_bypass)
		plan_call(&b->plan, PLAN_TRY, __NR_prctl, PR_SET_SPECULATION_CTRL,
			  PR_SPEC_STORE_BYPASS, t->no_store_bypass);
	if (t->no_indirect_branch)
		plan_call(&b->plan, PLAN_TRY, __NR_prctl, PR_SET_SPECULATION_CTRL,
			  PR_SPEC_INDIRECT_BRANCH, t->no_indirect_branch);
}

static void thread_sched(struct rebuild *b, const struct img_thread *t)
{
	struct plan *p = &b->plan;
	struct thread_sched s = {
		.size = sizeof(s),
		.policy = t->sched_policy,
		.flags = t->sched_flags & THREAD_SCHED_FLAGS,
		.nice = t->nice,
		.priority = (uint32_t)t->sched_priority,
		.runtime = t->sched_runtime,
		.deadline = t->sched_deadline,
		.period = t->sched_period,
	};

	plan_call(p, PLAN_TRY, __NR_sched_setattr, 0, plan_data(p, &s, sizeof(s)), 0);
	thread_clamps(b, t);
	if (t->affinity.len)
		thread_cpus(b, t);
	if (t->ioprio >> THREAD_IOPRIO_CLASS_SHIFT)
		plan_call(p, PLAN_TRY, __NR_ioprio_set, THREAD_IOPRIO_WHO_PROCESS, 0, t->ioprio);
}

/* Nodes that are not here cannot be had. */
static void thread_policy(struct rebuild *b, const struct img_thread *t)
{
	for (size_t i = 0; i < b->m->policies.n; i++) {
		const struct img_policy *p = &b->m->policies.at[i];

		if (p->tid == t->tid)
			plan_call(&b->plan, PLAN_TRY, __NR_set_mempolicy, p->mode,
				  plan_data(&b->plan, p->nodes, sizeof(p->nodes)),
				  8 * sizeof(p->nodes) + 1);
	}
}

/* A thread's own credentials, else its process's, whose groups stand elsewhere. */
static struct img_cred thread_wants(const struct model *m, const struct img_thread *t)
{
	const struct img_process *q = &m->process;
	struct img_cred k = { .cap_inheritable = q->cap_inheritable,
			      .cap_permitted = q->cap_permitted,
			      .cap_effective = q->cap_effective,
			      .cap_bounding = q->cap_bounding,
			      .cap_ambient = q->cap_ambient };

	for (size_t i = 0; i < m->creds.n; i++)
		if (m->creds.at[i].tid == t->tid)
			return m->creds.at[i];
	memcpy(k.uid, q->uid, sizeof(k.uid));
	memcpy(k.gid, q->gid, sizeof(k.gid));
	return k;
}

static bool thread_changes_uid(const struct rebuild *b, const struct img_cred *k)
{
	return memcmp(b->now.uid, k->uid, sizeof(b->now.uid)) || k->uid[3] != k->uid[1];
}

static void thread_groups(struct rebuild *b, const struct img_cred *k)
{
	const void *groups = k->tid ? (const void *)model_bytes(b->m, k->groups) : b->m->groups.at;
	size_t n = k->tid ? k->groups.len / sizeof(uint32_t) : b->m->groups.n;
	struct plan *p = &b->plan;

	if (!k->tid && n && !b->groups)
		b->groups = plan_data(p, groups, n * sizeof(uint32_t));
	plan_call(p, b->now.cap_effective >> CAP_SETGID & 1 ? PLAN_MUST : PLAN_TRY, __NR_setgroups,
		  n,
		  !n	   ? 0
		  : k->tid ? plan_data(p, groups, n * sizeof(uint32_t))
			   : b->groups);
}

static void thread_ids(struct rebuild *b, const struct img_cred *k)
{
	const struct rebuild_now *now = &b->now;
	struct plan *p = &b->plan;
	bool same_uid = !thread_changes_uid(b, k);
	bool same_gid = !memcmp(now->gid, k->gid, sizeof(now->gid)) && k->gid[3] == k->gid[1];
	bool keep = b->m->process.flags & IMG_PROC_KEEPCAPS;

	if (!now->groups_denied)
		thread_groups(b, k);
	if (!same_gid) {
		plan_call(p, PLAN_MUST, __NR_setresgid, k->gid[0], k->gid[1], k->gid[2]);
		plan_call(p, PLAN_MUST, __NR_setfsgid, k->gid[3]);
	}
	if (!same_uid) {
		plan_call(p, PLAN_TRY, __NR_prctl, PR_SET_KEEPCAPS, 1);
		plan_call(p, PLAN_MUST, __NR_setresuid, k->uid[0], k->uid[1], k->uid[2]);
		plan_call(p, PLAN_MUST, __NR_setfsuid, k->uid[3]);
	}
	if (!same_uid || keep)
		plan_call(p, PLAN_TRY, __NR_prctl, PR_SET_KEEPCAPS, keep ? 1 : 0);
}

/* What a process has forbidden itself for good: before its ids, which may take the right to do so away. */
static void thread_bounding(struct rebuild *b, const struct img_cred *k)
{
	const struct rebuild_now *now = &b->now;
	uint64_t forbidden = now->cap_permitted & ~k->cap_bounding;

	if (!(now->cap_effective >> CAP_SETPCAP & 1))
		return;
	for (unsigned int cap = 0; cap < THREAD_CAPS; cap++)
		if (forbidden >> cap & 1)
			plan_call(&b->plan, PLAN_MUST, __NR_prctl, PR_CAPBSET_DROP, cap);
}

static void thread_capset(struct rebuild *b, enum plan_check check, uint64_t effective,
			  uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(effective >> 32 * i),
			.permitted = (uint32_t)(permitted >> 32 * i),
			.inheritable = (uint32_t)(inheritable >> 32 * i),
		};
	plan_call(&b->plan, check, __NR_capset, plan_data(&b->plan, &head, sizeof(head)),
		  plan_data(&b->plan, data, sizeof(data)));
}

/*
 * Never more than this process may have: the user namespace of a plain user gives all, for a while. Changed
 * ids have put all out of effect, but what was permitted still is: the secure bits need it, and may forbid
 * the ambient ones.
 */
static void thread_caps(struct rebuild *b, const struct img_cred *k)
{
	const struct img_process *q = &b->m->process;
	const struct rebuild_now *now = &b->now;
	uint64_t permitted = k->cap_permitted & now->cap_permitted;
	uint64_t effective = k->cap_effective & permitted;
	uint64_t inheritable = k->cap_inheritable & (now->cap_inheritable | now->cap_permitted);
	bool between = q->securebits || k->cap_ambient;
	struct plan *p = &b->plan;

	if (between)
		thread_capset(b, PLAN_TRY, now->cap_permitted, now->cap_permitted, inheritable);
	for (unsigned int cap = 0; cap < THREAD_CAPS; cap++)
		if (k->cap_ambient >> cap & 1)
			plan_call(p, PLAN_TRY, __NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE,
				  cap);
	if (q->securebits)
		plan_call(p, PLAN_TRY, __NR_prctl, PR_SET_SECUREBITS, q->securebits);
	if (between || thread_changes_uid(b, k) || effective != now->cap_effective ||
	    permitted != now->cap_permitted || inheritable != now->cap_inheritable)
		thread_capset(b, PLAN_MUST, effective, permitted, inheritable);
}

bool rebuild_waits(const struct rebuild *b, const struct img_pending *s)
{
	int32_t signo;

	memcpy(&signo, s->siginfo, sizeof(signo));
	return !s->tid || signo == SIGSTOP ||
	       (b->hears && signo == SIGCHLD && s->tid == b->m->process.pid);
}

/* Only the thread itself may say that tgkill(2) sent it one. All are blocked here, so they stay pending. */
static void thread_pending(struct rebuild *b, const struct img_thread *t)
{
	for (size_t i = 0; i < b->m->pending.n; i++) {
		const struct img_pending *s = &b->m->pending.at[i];
		int32_t signo;

		memcpy(&signo, s->siginfo, sizeof(signo));
		if (s->tid == t->tid && !rebuild_waits(b, s))
			plan_call(&b->plan, PLAN_MUST, __NR_rt_tgsigqueueinfo,
				  PLAN_ARG(b->m->process.pid), PLAN_ARG(s->tid), PLAN_ARG(signo),
				  plan_data(&b->plan, s->siginfo, sizeof(s->siginfo)));
	}
}

void rebuild_thread(struct rebuild *b, const struct img_thread *t)
{
	const struct img_cred wants = thread_wants(b->m, t);
	struct plan *p = &b->plan;

	if (t->flags & IMG_THREAD_EXITED)
		return;
	thread_user_structures(b, t);
	thread_pending(b, t);
	thread_sched(b, t);
	thread_policy(b, t);
	plan_call(p, PLAN_MUST, __NR_prctl, PR_SET_NAME, plan_data(p, t->comm, sizeof(t->comm)));
	if (t->timerslack_ns)
		plan_call(p, PLAN_TRY, __NR_prctl, PR_SET_TIMERSLACK, t->timerslack_ns);
	if (t->flags & IMG_THREAD_NO_TSC)
		plan_call(p, PLAN_TRY, __NR_prctl, PR_SET_TSC, PR_TSC_SIGSEGV);
	if (t->flags & (IMG_THREAD_MCE_EARLY | IMG_THREAD_MCE_LATE))
		plan_call(p, PLAN_TRY, __NR_prctl, PR_MCE_KILL, PR_MCE_KILL_SET,
			  t->flags & IMG_THREAD_MCE_EARLY ? PR_MCE_KILL_EARLY : PR_MCE_KILL_LATE);
	thread_speculation(b, t);
	if (t->flags & IMG_THREAD_IO_FLUSHER)
		plan_call(p, PLAN_TRY, __NR_prctl, THREAD_SET_IO_FLUSHER, 1);
	thread_bounding(b, &wants);
	thread_ids(b, &wants);
	thread_caps(b, &wants);
	/* Changing credentials forgets it. */
	plan_call(p, PLAN_MUST, __NR_prctl, PR_SET_PDEATHSIG, b->parent_ends ? 0 : t->pdeathsig);
	if (t->flags & IMG_THREAD_NO_NEW_PRIVS)
		plan_call(p, PLAN_MUST, __NR_prctl, PR_SET_NO_NEW_PRIVS, 1);
	/* Filters come first (rebuild_seccomp.c). This is not inherited by what the thread makes for us. */
	if (t->flags & IMG_THREAD_SECCOMP && t->seccomp_mode == SECCOMP_MODE_STRICT)
		plan_call(p, PLAN_MUST, __NR_seccomp, SECCOMP_SET_MODE_STRICT);
}
