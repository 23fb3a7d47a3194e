/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of an image: mappings, threads, descriptors, signals. */
#include "cli/describe.h"
#include "host/json.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/user.h>

#define DESCRIBE_BITS(bits, words) describe_bits(bits, words, sizeof(words) / sizeof((words)[0]))
#define DESCRIBE_NAME(names, n) describe_name(names, sizeof(names) / sizeof((names)[0]), n)

static json_t *describe_name(const char *const *names, size_t n, uint32_t number)
{
	char text[16];

	if (number < n && names[number])
		return json_string(names[number]);
	snprintf(text, sizeof(text), "%u", number);
	return json_string(text);
}

/* Bytes of page contents that the image has for [start, end). *@at: first run that may be there. */
static uint64_t describe_kept(const struct model *m, const struct img_vma *v, size_t *at)
{
	uint64_t bytes = 0;

	while (*at < m->runs.n && m->runs.at[*at].addr + m->runs.at[*at].len <= v->start)
		++*at;
	for (size_t i = *at; i < m->runs.n && m->runs.at[i].addr < v->end; i++) {
		uint64_t from = m->runs.at[i].addr, to = from + m->runs.at[i].len;

		bytes += (to < v->end ? to : v->end) - (from > v->start ? from : v->start);
	}
	return bytes;
}

static json_t *describe_vma_name(const struct model *m, const struct img_vma *v)
{
	const struct img_file *f = model_file(m, v->file);

	return json_text(model_string(m, v->name.len || !f ? v->name : f->path));
}

static json_t *describe_vma(const struct model *m, const struct img_vma *v, size_t *at)
{
	static const char *const kinds[] = {
		[IMG_VMA_ANON] = "anonymous",	 [IMG_VMA_FILE] = "file",
		[IMG_VMA_VDSO] = "vdso",	 [IMG_VMA_VVAR] = "vvar",
		[IMG_VMA_VSYSCALL] = "vsyscall", [IMG_VMA_MEMFD] = "memfd",
		[IMG_VMA_AIO] = "aio",		 [IMG_VMA_URING] = "io_uring",
		[IMG_VMA_SOCKET] = "socket",
	};
	static const struct describe_word flags[] = {
		{ IMG_VMA_SHARED, "shared" },	    { IMG_VMA_GROWSDOWN, "growsdown" },
		{ IMG_VMA_NORESERVE, "noreserve" }, { IMG_VMA_LOCKED, "locked" },
		{ IMG_VMA_LOCKONFAULT, "onfault" }, { IMG_VMA_DROPPABLE, "droppable" },
		{ IMG_VMA_SEALED, "sealed" },	    { IMG_VMA_HUGETLB, "hugetlb" },
		{ IMG_VMA_HUGE_1GB, "1gb" },	    { IMG_VMA_ELSEWHERE, "elsewhere" },
		{ IMG_VMA_SWAPPED, "swapped" },	    { IMG_VMA_MAYWRITE, "maywrite" },
	};
	static const struct describe_word advice[] = {
		{ 1 << MADV_DONTFORK, "dontfork" },	{ 1 << MADV_DONTDUMP, "dontdump" },
		{ 1 << MADV_HUGEPAGE, "hugepage" },	{ 1 << MADV_NOHUGEPAGE, "nohugepage" },
		{ 1 << MADV_MERGEABLE, "mergeable" },	{ 1 << MADV_WIPEONFORK, "wipeonfork" },
		{ 1 << MADV_SEQUENTIAL, "sequential" }, { 1 << MADV_RANDOM, "random" },
	};
	const char prot[] = { v->prot & PROT_READ ? 'r' : '-', v->prot & PROT_WRITE ? 'w' : '-',
			      v->prot & PROT_EXEC ? 'x' : '-',
			      v->flags & IMG_VMA_SHARED ? 's' : 'p', '\0' };

	return json_pack("{sososIsIsssosososIsIso}", "start", describe_hex(v->start), "end",
			 describe_hex(v->end), "bytes", (json_int_t)(v->end - v->start),
			 "kept_bytes", (json_int_t)describe_kept(m, v, at), "prot", prot, "kind",
			 DESCRIBE_NAME(kinds, v->kind), "flags", DESCRIBE_BITS(v->flags, flags),
			 "advice", DESCRIBE_BITS(v->advice, advice), "offset",
			 (json_int_t)v->offset, "file", (json_int_t)v->file, "name",
			 describe_vma_name(m, v));
}

json_t *describe_vmas(const struct model *m)
{
	json_t *list = json_array();
	size_t at = 0;

	for (size_t i = 0; i < m->vmas.n; i++)
		json_array_append_new(list, describe_vma(m, &m->vmas.at[i], &at));
	return list;
}

static json_t *describe_cpus(const struct model *m, struct img_ref mask)
{
	const uint8_t *bytes = model_bytes(m, mask);
	int n = 0;

	for (size_t i = 0; i < mask.len; i++)
		n += __builtin_popcount(bytes[i]);
	return json_integer(n);
}

json_t *describe_threads(const struct model *m)
{
	static const char *const policies[] = { "other", "fifo", "rr",	     "batch",
						NULL,	 "idle", "deadline", "ext" };
	static const struct describe_word flags[] = {
		{ IMG_THREAD_NO_NEW_PRIVS, "no-new-privs" },
		{ IMG_THREAD_SECCOMP, "seccomp" },
		{ IMG_THREAD_EXITED, "exited" },
		{ IMG_THREAD_SUD, "syscall-user-dispatch" },
		{ IMG_THREAD_NO_TSC, "no-tsc" },
		{ IMG_THREAD_MCE_EARLY, "mce-early" },
		{ IMG_THREAD_MCE_LATE, "mce-late" },
		{ IMG_THREAD_IO_FLUSHER, "io-flusher" },
	};
	json_t *list = json_array();

	for (size_t i = 0; i < m->threads.n; i++) {
		const struct img_thread *t = &m->threads.at[i];
		struct user_regs_struct regs;

		memcpy(&regs, t->regs, sizeof(regs));
		json_array_append_new(
			list,
			json_pack("{sisosososososIsisosososi}", "tid", t->tid, "name",
				  json_text(t->comm), "ip", describe_hex(regs.rip), "sp",
				  describe_hex(regs.rsp), "fs_base", describe_hex(regs.fs_base),
				  "policy", DESCRIBE_NAME(policies, t->sched_policy), "priority",
				  (json_int_t)t->sched_priority, "nice", t->nice, "cpus",
				  describe_cpus(m, t->affinity), "blocked",
				  describe_hex(t->sigmask), "flags", DESCRIBE_BITS(t->flags, flags),
				  "xsave_bytes", (int)t->xsave.len));
	}
	return list;
}

static const char *const describe_kinds[] = {
	[IMG_F_REG] = "file",	       [IMG_F_DIR] = "directory", [IMG_F_CHR] = "device",
	[IMG_F_TTY] = "terminal",      [IMG_F_PIPE] = "pipe",	  [IMG_F_FIFO] = "fifo",
	[IMG_F_EVENTFD] = "eventfd",   [IMG_F_EPOLL] = "epoll",	  [IMG_F_TIMERFD] = "timerfd",
	[IMG_F_SIGNALFD] = "signalfd", [IMG_F_MEMFD] = "memfd",	  [IMG_F_SOCKET] = "socket",
	[IMG_F_INOTIFY] = "inotify",   [IMG_F_PIDFD] = "pidfd",	  [IMG_F_PROC] = "proc",
	[IMG_F_MAPPED] = "mapped",     [IMG_F_PTMX] = "pty",	  [IMG_F_INET] = "network",
	[IMG_F_UNIX] = "unix",	       [IMG_F_NAMED] = "named",	  [IMG_F_MQUEUE] = "message queue",
	[IMG_F_URING] = "io_uring",    [IMG_F_PACKET] = "packet",
};

static const char *describe_access(uint32_t open_flags)
{
	static const char *const words[] = { "r", "w", "rw", "" };

	return open_flags & O_PATH ? "path" : words[open_flags & O_ACCMODE];
}

json_t *describe_fds(const struct model *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->fds.n; i++) {
		const struct img_fd *d = &m->fds.at[i];
		const struct img_file *f = model_file(m, d->file);
		json_t *j = json_pack("{sisisb}", "fd", d->fd, "file", (int)d->file, "cloexec",
				      d->flags & FD_CLOEXEC);

		if (f) {
			json_object_set_new(j, "kind", DESCRIBE_NAME(describe_kinds, f->kind));
			json_object_set_new(j, "access",
					    json_string(describe_access(f->open_flags)));
			json_object_set_new(j, "position", json_integer((json_int_t)f->pos));
			json_object_set_new(j, "path", json_text(model_string(m, f->path)));
			if (f->std_stream >= 0)
				json_object_set_new(j, "stream", json_integer(f->std_stream));
		}
		json_array_append_new(list, j);
	}
	return list;
}

json_t *describe_files(const struct model *m)
{
	static const struct describe_word flags[] = {
		{ IMG_FILE_DELETED, "deleted" },       { IMG_FILE_SAVED, "saved" },
		{ IMG_FILE_ROLLBACK, "rollback" },     { IMG_FILE_OUTSIDE, "outside" },
		{ IMG_FILE_EXECUTABLE, "executable" }, { IMG_FILE_OPATH, "path" },
		{ IMG_FILE_MEMORY, "memory" },	       { IMG_FILE_FILTER_LOCKED, "filter-locked" },
	};
	json_t *list = json_array();

	for (size_t i = 0; i < m->files.n; i++) {
		const struct img_file *f = &m->files.at[i];
		char open_flags[24];

		snprintf(open_flags, sizeof(open_flags), "0%o", f->open_flags);
		json_array_append_new(
			list,
			json_pack("{sisosssosIsIsIsIso}", "id", (int)f->id, "kind",
				  DESCRIBE_NAME(describe_kinds, f->kind), "open_flags", open_flags,
				  "flags", DESCRIBE_BITS(f->flags, flags), "position",
				  (json_int_t)f->pos, "bytes", (json_int_t)f->size, "saved_bytes",
				  (json_int_t)f->data.len, "inode", (json_int_t)f->ino, "path",
				  json_text(model_string(m, f->path))));
	}
	return list;
}

static json_t *describe_signal(uint32_t signo)
{
	const char *name = signo < 32 ? sigabbrev_np((int)signo) : NULL;
	char text[16];

	if (name)
		snprintf(text, sizeof(text), "SIG%s", name);
	else
		snprintf(text, sizeof(text), "%u", signo);
	return json_string(text);
}

json_t *describe_sigactions(const struct model *m)
{
	static const struct describe_word flags[] = {
		{ SA_NOCLDSTOP, "nocldstop" }, { SA_NOCLDWAIT, "nocldwait" },
		{ SA_SIGINFO, "siginfo" },     { 0x04000000, "restorer" },
		{ SA_ONSTACK, "onstack" },     { SA_RESTART, "restart" },
		{ SA_NODEFER, "nodefer" },     { 0x80000000, "resethand" },
	};
	json_t *list = json_array();

	for (size_t i = 0; i < m->sigactions.n; i++) {
		const struct img_sigaction *a = &m->sigactions.at[i];
		json_t *handler = a->handler == 1 ? json_string("ignore")
				  : a->handler	  ? describe_hex(a->handler)
						  : json_string("default");

		json_array_append_new(list,
				      json_pack("{sisosososo}", "signo", (int)a->signo, "signal",
						describe_signal(a->signo), "handler", handler,
						"flags", DESCRIBE_BITS(a->flags, flags), "mask",
						describe_hex(a->mask)));
	}
	return list;
}

json_t *describe_pending(const struct model *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->pending.n; i++) {
		const struct img_pending *p = &m->pending.at[i];
		siginfo_t info;

		memcpy(&info, p->siginfo, sizeof(info));
		json_array_append_new(list,
				      json_pack("{sisosisi}", "tid", p->tid, "signal",
						describe_signal((uint32_t)info.si_signo), "signo",
						info.si_signo, "code", info.si_code));
	}
	return list;
}

json_t *describe_timers(const struct model *m)
{
	static const char *const notify[] = { "signal", "none", "thread", NULL, "thread-id" };
	json_t *list = json_array();

	for (size_t i = 0; i < m->timers.n; i++) {
		const struct img_timer *t = &m->timers.at[i];

		json_array_append_new(
			list,
			json_pack("{sisisosisososI}", "id", t->id, "clock", (int)t->clock, "notify",
				  DESCRIBE_NAME(notify, t->notify), "signo", (int)t->signo,
				  "left_seconds", json_seconds(t->left_ns), "interval_seconds",
				  json_seconds(t->interval_ns), "overrun", (json_int_t)t->overrun));
	}
	return list;
}

json_t *describe_sysv(const struct model *m)
{
	static const char *const types[] = { [IMG_SYSV_SHM] = "memory",
					     [IMG_SYSV_SEM] = "semaphores",
					     [IMG_SYSV_MSG] = "messages" };
	json_t *list = json_array();

	for (size_t i = 0; i < m->sysv.n; i++) {
		const struct img_sysv *o = &m->sysv.at[i];
		char mode[12];

		snprintf(mode, sizeof(mode), "0%o", o->mode);
		json_array_append_new(
			list, json_pack("{sosisosssisIsI}", "type", DESCRIBE_NAME(types, o->type),
					"id", o->id, "key", describe_hex((uint32_t)o->key), "mode",
					mode, "uid", (int)o->uid, "size", (json_int_t)o->size,
					"saved_bytes", (json_int_t)o->data.len));
	}
	return list;
}
