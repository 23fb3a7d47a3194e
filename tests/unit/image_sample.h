/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small process that never was, with a record in every table, for tests of the image room.
 *
 * The one rule: it never changes, since tests/unit/golden/v1.img was made from it. A table that a
 * later version adds is added here by a test of its own.
 */
#pragma once

#include "image/reader.h"
#include "image/writer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	SAMPLE_PAGE = 4096,
	SAMPLE_ADDR = 0x10000, /* of 64 pages of private memory */
	SAMPLE_PAGES = 64,
	SAMPLE_KEPT = 3, /* how many of them are in the golden image */
	SAMPLE_PID = 4711,
};

/* What stands in page @page: text-like, different in each. */
static inline void sample_fill(uint8_t *bytes, uint64_t page)
{
	for (size_t i = 0; i < SAMPLE_PAGE; i++)
		bytes[i] = (uint8_t)((uint8_t) "checkpoint and restart "[(i + page) % 23] ^
				     (page & 1));
}

/* Bytes that no codec makes smaller. */
static inline void sample_fill_random(uint8_t *bytes, uint64_t page)
{
	uint64_t x = page * 0x9e3779b97f4a7c15 + 1;

	for (size_t i = 0; i < SAMPLE_PAGE; i += sizeof(x)) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(bytes + i, &x, sizeof(x));
	}
}

static inline void sample_machine(struct model *m)
{
	static const uint32_t features[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	model_put_string(m, &m->machine.release, "6.1.0-sample");
	model_put_string(m, &m->machine.hostname, "host");
	model_put_string(m, &m->machine.boot_id, "01234567-89ab-cdef-0123-456789abcdef");
	model_put_string(m, &m->machine.cpu_model, "A CPU");
	model_put_bytes(m, &m->machine.vdso, "vdso vdso vdso", 14);
	model_put_bytes(m, &m->machine.cpu_features, features, sizeof(features));
	m->machine.xfeatures = 7;
	m->machine.xsave_size = 832;
	m->machine.realtime_ns = 1700000000000000000;
	m->machine.monotonic_ns = 5000000000;
	m->machine.boottime_ns = 6000000000;
}

static inline void sample_process(struct model *m)
{
	struct img_process *p = &m->process;

	p->pid = SAMPLE_PID;
	p->ppid = 4700;
	p->pgid = p->sid = SAMPLE_PID;
	p->flags = IMG_PROC_ROOT;
	p->exit_signal = 17;
	p->uid[0] = p->uid[1] = p->uid[2] = p->uid[3] = 1000;
	p->gid[0] = p->gid[1] = p->gid[2] = p->gid[3] = 100;
	p->umask = 022;
	p->dumpable = 1;
	p->brk = p->start_brk = SAMPLE_ADDR;
	model_put_bytes(m, &p->auxv, "\6\0\0\0\0\0\0\0\0\20\0\0\0\0\0\0", 16);
	model_put_string(m, &p->exe, "/bin/true");
	model_put_string(m, &p->cwd, "/tmp");
	model_put_string(m, &p->root, "/");
}

static inline void sample_threads(struct model *m)
{
	static const uint8_t xsave[832] = { 0x7f, 3 };

	for (int i = 0; i < 2; i++) {
		struct img_thread *t = model_add(&m->threads);

		t->tid = SAMPLE_PID + i;
		t->regs[16] = 0x40001; /* rip */
		t->sigmask = 1;
		t->time_left_ns = -1;
		memcpy(t->comm, i ? "second" : "first", i ? 7 : 6);
		model_put_bytes(m, &t->xsave, xsave, sizeof(xsave));
		model_put_bytes(m, &t->affinity, "\3\0\0\0\0\0\0\0", 8);
	}
}

static inline void sample_memory(struct model *m)
{
	struct img_vma *v = model_add(&m->vmas);

	*v = (struct img_vma){ .start = SAMPLE_ADDR,
			       .end = SAMPLE_ADDR + SAMPLE_PAGES * SAMPLE_PAGE,
			       .prot = PROT_READ | PROT_WRITE,
			       .kind = IMG_VMA_ANON };
	model_put_string(m, &v->name, "[heap]");
	*(struct img_vma *)model_add(&m->vmas) = (struct img_vma){ .start = 0x400000,
								   .end = 0x402000,
								   .prot = PROT_READ | PROT_EXEC,
								   .kind = IMG_VMA_FILE,
								   .file = 2 };
	*(struct img_vma *)model_add(&m->vmas) = (struct img_vma){ .start = 0xffffffffff600000,
								   .end = 0xffffffffff601000,
								   .prot = PROT_EXEC,
								   .kind = IMG_VMA_VSYSCALL };
	*(struct img_range *)model_add(&m->guards) = (struct img_range){ 0x401000, 0x1000 };
}

static inline void sample_files(struct model *m)
{
	struct img_file *f = model_add(&m->files);

	*f = (struct img_file){ .id = 1, .kind = IMG_F_REG, .std_stream = -1, .pos = 7, .size = 9 };
	model_put_string(m, &f->path, "/tmp/output");
	f = model_add(&m->files);
	*f = (struct img_file){ .id = 2, .kind = IMG_F_MAPPED, .std_stream = -1 };
	model_put_string(m, &f->path, "/bin/true");
	f = model_add(&m->files);
	*f = (struct img_file){ .id = 4, .kind = IMG_F_PIPE, .std_stream = -1, .object = 99 };
	model_put_bytes(m, &f->data, "in the pipe", 11);
	*(uint32_t *)model_add(&m->elsewhere) = 3;
	*(struct img_fd *)model_add(&m->fds) = (struct img_fd){ .fd = 1, .file = 1 };
	*(struct img_fd *)model_add(&m->fds) = (struct img_fd){ .fd = 5, .flags = 1, .file = 3 };
	*(struct img_epoll *)model_add(&m->epolls) =
		(struct img_epoll){ .file = 3, .fd = 5, .target = 1, .events = 1, .data = 77 };
	*(struct img_lock *)model_add(&m->locks) =
		(struct img_lock){ .fd = 1, .type = IMG_LOCK_POSIX, .start = 4, .len = 8 };
}

static inline void sample_seccomps(struct model *m)
{
	struct img_ref program;

	model_put_bytes(m, &program, "\6\0\0\0\0\0\xff\x7f", 8); /* all is allowed */
	*(struct img_seccomp *)model_add(&m->seccomps) = (struct img_seccomp){ .program = program };
	*(struct img_seccomp *)model_add(&m->seccomps) =
		(struct img_seccomp){ .below = 1, .flags = IMG_SECCOMP_LOG, .program = program };
	m->threads.at[1].filter = 2;
}

static inline void sample_rest(struct model *m)
{
	struct img_pending *p;

	sample_seccomps(m);

	*(struct img_sigaction *)model_add(&m->sigactions) =
		(struct img_sigaction){ .signo = 10, .handler = 0x400100, .flags = 4 };
	p = model_add(&m->pending);
	*p = (struct img_pending){ .tid = SAMPLE_PID };
	p->siginfo[0] = 12;
	/* The newest first, as the kernel lists them. */
	*(struct img_timer *)model_add(&m->timers) = (struct img_timer){ .id = 3, .signo = 10 };
	*(struct img_timer *)model_add(&m->timers) =
		(struct img_timer){ .id = 0, .clock = 1, .left_ns = 5000, .interval_ns = 7000 };
	*(struct img_policy *)model_add(&m->policies) =
		(struct img_policy){ .tid = SAMPLE_PID, .mode = 3, .nodes = { 1 } };
	*(struct img_share *)model_add(&m->shares) =
		(struct img_share){ .what = IMG_SHARE_FS, .pid = SAMPLE_PID + 1 };
	*(struct img_rlimit *)model_add(&m->rlimits) =
		(struct img_rlimit){ .resource = 7, .soft = 1024, .hard = 4096 };
	*(uint32_t *)model_add(&m->groups) = 100;
}

static inline void sample_model(struct model *m)
{
	model_init(m);
	sample_machine(m);
	sample_process(m);
	sample_threads(m);
	sample_memory(m);
	sample_files(m);
	sample_rest(m);
}

/* Write the sample with its first SAMPLE_KEPT pages to @name below @dirfd; bytes, or -errno. */
static inline int64_t sample_write(int dirfd, const char *name, enum img_codec codec,
				   struct err *err)
{
	struct image_writer_options options = { .codec = codec, .level = 1 };
	struct img_run run = { .addr = SAMPLE_ADDR, .len = SAMPLE_KEPT * SAMPLE_PAGE };
	struct image_writer *w = NULL;
	struct image_worker *k = NULL;
	struct model m;
	uint64_t size = 0;
	int rc = image_writer_open(&w, dirfd, name, &options, err);

	sample_model(&m);
	if (rc >= 0)
		rc = image_worker_open(&k, w, err);
	for (uint64_t i = 0; rc >= 0 && i < SAMPLE_KEPT; i++)
		sample_fill((uint8_t *)image_worker_buffer(k) + i * SAMPLE_PAGE, i);
	if (rc >= 0)
		rc = image_worker_put(k, &run, 1, run.len, err);
	image_worker_close(k);
	if (rc >= 0)
		rc = image_writer_finish(w, &m, &size, err);
	image_writer_close(w);
	model_done(&m);
	return rc < 0 ? rc : (int64_t)size;
}

/* A directory for one test; ends with it. */
static inline int sample_dir(char *path)
{
	const char *tmp = getenv("TMPDIR");

	strcpy(path, tmp && strlen(tmp) < 200 ? tmp : "/tmp");
	strcat(path, "/cairn-unit-XXXXXX");
	return mkdtemp(path) ? 0 : -1;
}
enum { SAMPLE_PATH_MAX = 256 };
