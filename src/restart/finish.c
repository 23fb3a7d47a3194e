/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/finish.h"

#include "base/owned.h"
#include "contract/restore_plan.h"
#include "restart/environ.h"
#include "restart/plan.h"
#include "restart/sleep.h"
#include "trace/halfway.h"
#include "trace/memory.h"
#include "trace/regs.h"
#include "trace/remote.h"
#include "trace/rseq.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <asm/unistd.h>

enum {
	FINISH_SET_SUD = 0x4210, /* PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG, Linux 6.4 */
	FINISH_CODE_MAX = 1 << 20, /* bytes of a mapping that are searched */
	FINISH_PAGE = 4096,
};

struct finish_remote {
	struct remote remote;
	const struct model *m;
};

struct finish_sud { /* struct ptrace_sud_config */
	uint64_t mode, selector, offset, len;
};

int finish_prepare(struct finish *f, const struct model *m, struct park_memory *memory,
		   struct err *err)
{
	f->m = m;
	f->regs = calloc(m->threads.n + 1, sizeof(*f->regs));
	if (!f->regs)
		return err_set(err, ENOMEM, "registers of %zu threads", m->threads.n);
	for (size_t i = 0; i < m->threads.n; i++) {
		const struct img_thread *t = &m->threads.at[i];
		struct user_regs_struct begin;

		memcpy(&f->regs[i], t->regs, sizeof(f->regs[i]));
		/* Before the thread exists: to register clears what tells it. */
		rseq_leave(m->process.pid, t->rseq_ptr, &f->regs[i]);
		begin = f->regs[i];
		sleep_shorten(m->process.pid, t, &begin);
		memory_expect(memory, t->tid, &f->regs[i], &begin, t->time_left_ns,
			      t->flags & IMG_THREAD_SECCOMP);
		f->regs[i] = begin;
	}
	return 0;
}

void finish_done(struct finish *f)
{
	free(f->regs);
	f->regs = NULL;
}

/* A system call instruction of the program's own: the restorer is about to go. */
static int finish_find_insn(const struct model *m, uint64_t *insn, struct err *err)
{
	OWNED_PTR uint8_t *code = malloc(FINISH_CODE_MAX);

	if (!code)
		return err_set(err, ENOMEM, "search the program's code");
	for (size_t i = m->vmas.n; i-- > 0;) { /* the vdso, at the end, has one and is small */
		const struct img_vma *v = &m->vmas.at[i];
		size_t size = v->end - v->start;
		const uint8_t *found;

		if (!(v->prot & PROT_EXEC) || v->kind == IMG_VMA_VSYSCALL)
			continue;
		size = size > FINISH_CODE_MAX ? FINISH_CODE_MAX : size;
		if (remote_read(m->process.pid, v->start, code, size, NULL) < 0)
			continue;
		found = memmem(code, size, regs_insn, REGS_INSN_LEN);
		if (found) {
			*insn = v->start + (uint64_t)(found - code);
			return 0;
		}
	}
	return err_say(err, ENOENT, "the program has no system call instruction anywhere");
}

static int finish_call(struct remote *r, const struct plan_op *op, struct err *err)
{
	char text[160];
	long result;
	int rc = remote_call(r, op->nr, op->args, &result, err);

	if (rc < 0 || op->check == PLAN_TRY || result >= 0)
		return rc;
	plan_describe(text, sizeof(text), op);
	return err_set(err, (int)result, "%s", text);
}

/*
 * A place for @size bytes: at the top of the highest gap that holds them, as the kernel would choose, but
 * never where a stack may grow.
 */
static uint64_t finish_hole(const struct model *m, uint64_t size)
{
	for (size_t i = m->vmas.n; i-- > 1;) {
		const struct img_vma *above = &m->vmas.at[i];

		if (above->flags & IMG_VMA_GROWSDOWN || above->kind == IMG_VMA_VSYSCALL ||
		    above->start - m->vmas.at[i - 1].end < size + 2 * FINISH_PAGE)
			continue;
		return above->start - size - FINISH_PAGE;
	}
	return 0;
}

static int finish_map(void *data, uint64_t size, uint64_t *at, struct err *err)
{
	struct finish_remote *r = data;
	uint64_t pages = (size + FINISH_PAGE - 1) / FINISH_PAGE * FINISH_PAGE;
	const uint64_t args[6] = { finish_hole(r->m, pages), pages, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX };
	long result;
	int rc = remote_call(&r->remote, __NR_mmap, args, &result, err);

	if (rc >= 0 && result < 0)
		rc = err_set(err, (int)result, "map %llu bytes", (unsigned long long)size);
	*at = (uint64_t)result;
	return rc;
}

static int finish_late(struct finish *f, struct tracee *leader, uint64_t header, char *const *env,
		       struct err *err)
{
	struct finish_remote fr = { .remote = { .tracee = leader }, .m = f->m };
	struct remote *r = &fr.remote;
	OWNED_PTR struct plan_op *ops = NULL;
	struct plan_op unmap = { .check = PLAN_MUST, .nr = __NR_munmap };
	struct plan_header h;
	int rc = remote_read(leader->pid, header, &h, sizeof(h), err);

	if (rc < 0)
		return rc;
	ops = calloc(h.late.n + 1, sizeof(*ops));
	if (!ops)
		return err_set(err, ENOMEM, "the last operations");
	rc = remote_read(leader->pid, h.late.ops, ops, h.late.n * sizeof(*ops), err);
	if (rc >= 0)
		rc = finish_find_insn(f->m, &r->insn, err);
	if (rc >= 0)
		rc = regs_get(leader->tid, &r->saved, err);
	for (uint64_t i = 0; rc >= 0 && i < h.late.n; i++)
		rc = finish_call(r, &ops[i], err);
	f->insn = r->insn;
	unmap.args[0] = h.start;
	unmap.args[1] = h.size;
	if (rc >= 0)
		rc = environ_set(f->m, env, finish_map, &fr, err);
	return rc < 0 ? rc : finish_call(r, &unmap, err);
}

static int finish_thread(struct finish *f, size_t i, struct err *err)
{
	const struct img_thread *t = &f->m->threads.at[i];
	struct finish_sud sud = { t->sud_mode, t->sud_selector, t->sud_offset, t->sud_len };
	int rc = 0;

	if (t->flags & IMG_THREAD_SUD &&
	    ptrace((enum __ptrace_request)FINISH_SET_SUD, t->tid, (void *)sizeof(sud), &sud) < 0)
		return err_set(err, errno, "syscall user dispatch of thread %d", t->tid);
	if (t->interrupted)
		regs_make_interrupted(&f->regs[i], t->interrupted);
	/* No room for the rest: then the call ends with what it had done. */
	if (t->interrupted && t->done && halfway_place(t->tid, &f->regs[i], t->done) < 0)
		regs_set_call(&f->regs[i], -1, (long)t->done);
	if (t->xsave.len)
		rc = regs_set_xsave(t->tid, model_bytes(f->m, t->xsave), t->xsave.len, err);
	if (rc >= 0)
		rc = regs_set(t->tid, &f->regs[i], err);
	return rc;
}

/* Let thread @tid go on with signal @sig until it stops by ptrace event @event; returns with which signal. */
static int finish_await(pid_t tid, int event, int sig, struct err *err)
{
	int status = 0;

	while (status >> 16 != event) {
		if (ptrace(PTRACE_CONT, tid, 0, sig) < 0 || waitpid(tid, &status, __WALL) < 0)
			return err_set(err, errno, "stop thread %d", tid);
		if (!WIFSTOPPED(status))
			return err_say(err, ESRCH, "thread %d ended", tid);
		sig = WSTOPSIG(status);
	}
	return WSTOPSIG(status);
}

/*
 * From where it made our calls into a stop inside signal handling, as all other threads are in: only there
 * does the kernel look at an interrupted call.
 */
static int finish_enter_stop(const struct img_process *p, struct err *err)
{
	ptrace(PTRACE_INTERRUPT, p->pid, 0, 0);
	return finish_await(p->pid, PTRACE_EVENT_STOP, 0, err);
}

/* The signal that its parent shall hear that it has been stopped by, where that still stops it. */
static int finish_stop_signal(const struct model *m)
{
	int sig = (int)m->process.stop_signal;

	if (sig != SIGTSTP && sig != SIGTTIN && sig != SIGTTOU)
		return SIGSTOP;
	for (size_t i = 0; i < m->sigactions.n; i++)
		if (m->sigactions.at[i].signo == (uint32_t)sig && m->sigactions.at[i].handler)
			return SIGSTOP;
	return sig;
}

/*
 * The leader, which stands where it gets a signal. In a group that nobody could let go on only SIGSTOP stops.
 * Returns the signal.
 */
static int finish_stop_leader(pid_t pid, int sig, struct err *err)
{
	int rc = 0;

	if (sig != SIGSTOP) {
		rc = regs_set_sigmask(pid, ~(UINT64_C(1) << (sig - 1)), err);
		ptrace(PTRACE_INTERRUPT, pid, 0, 0);
		if (rc >= 0)
			rc = finish_await(pid, PTRACE_EVENT_STOP, sig, err);
		if (rc >= 0)
			rc = regs_set_sigmask(pid, UINT64_MAX, err) < 0 ? -err->num : rc;
	}
	if (rc < 0 || rc == sig)
		return rc;
	kill(pid, SIGSTOP);
	return finish_await(pid, PTRACE_EVENT_STOP, 0, err);
}

int finish_stop(const struct model *m, struct err *err)
{
	pid_t pid = m->process.pid;
	bool goes_on = m->process.flags & IMG_PROC_CONTINUED;
	int rc;

	if (!goes_on && !(m->process.flags & IMG_PROC_STOPPED))
		return 0;
	rc = finish_stop_leader(pid, goes_on ? SIGSTOP : finish_stop_signal(m), err);
	/* Its parent hears of it when the last thread has stopped. */
	for (size_t i = 1; rc >= 0 && i < m->threads.n; i++)
		rc = finish_await(m->threads.at[i].tid, PTRACE_EVENT_STOP, 0, err);
	if (rc < 0 || !goes_on)
		return rc < 0 ? rc : 0;
	kill(pid, SIGCONT);
	rc = finish_await(pid, PTRACE_EVENT_STOP, 0, err);
	return rc < 0 ? rc : 0;
}

/* Let @tid run to its end, and stand there: it is no thread of the program any more. It has no filters. */
static int finish_end(pid_t tid, struct err *err)
{
	if (ptrace(PTRACE_SETOPTIONS, tid, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACEEXIT) < 0)
		return err_set(err, errno, "trace thread %d", tid);
	return finish_await(tid, PTRACE_EVENT_EXIT, 0, err);
}

/*
 * A leader that had ended ends again, as its first and only act; no signal handler may run before it, and no
 * checkpoint find it on its way.
 */
static int finish_gone(struct finish *f, const struct img_thread *t, struct err *err)
{
	const uint64_t args[6] = { f->m->process.exit_code >> 8 };
	struct user_regs_struct regs;
	int rc = regs_get(t->tid, &regs, err);

	if (rc < 0)
		return rc;
	regs_prepare_call(&regs, f->insn, __NR_exit, args);
	rc = regs_set(t->tid, &regs, err);
	if (rc >= 0)
		rc = regs_set_sigmask(t->tid, UINT64_MAX, err);
	return rc < 0 ? rc : finish_end(t->tid, err);
}

int finish_process(struct finish *f, uint64_t header, char *const *env, struct err *err)
{
	const struct model *m = f->m;
	struct tracee leader = { .pid = m->process.pid,
				 .tid = m->process.pid,
				 .state = TRACEE_STOPPED };
	int rc = finish_late(f, &leader, header, env, err);

	if (rc >= 0)
		rc = finish_enter_stop(&m->process, err);
	/* Only handlers that are still running would miss it: no reason to fail. */
	if (rc >= 0 && m->process.detour)
		halfway_install(m->process.pid, m->process.detour);
	for (size_t i = 0; rc >= 0 && i < m->threads.n; i++)
		rc = m->threads.at[i].flags & IMG_THREAD_EXITED
			     ? finish_gone(f, &m->threads.at[i], err)
			     : finish_thread(f, i, err);
	for (size_t i = 0; rc >= 0 && i < m->threads.n; i++)
		if (!(m->threads.at[i].flags & IMG_THREAD_EXITED))
			rc = regs_set_sigmask(m->threads.at[i].tid, m->threads.at[i].sigmask, err);
	return rc;
}
