/* SPDX-License-Identifier: Apache-2.0 */
#include "ckpt/checkpoint.h"

#include "base/owned.h"
#include "base/text.h"
#include "ckpt/capture.h"
#include "ckpt/pages.h"
#include "ckpt/write.h"
#include "host/fault.h"
#include "host/log.h"
#include "image/writer.h"
#include "res/mqueue.h"
#include "trace/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

struct ckpt_process {
	struct model m;
	struct notes_supposed supposed; /* of the mappings in m */
	struct pages_list pages;
	pid_t pid;
	pid_t alive; /* a thread of it that has not ended, for what the leader no longer has */
	pid_t snapshot; /* 0: memory is read from the parked process itself */
	bool zombie;
	bool skipped;
	uint64_t resident; /* pages */
	bool copied; /* all its memory is in @pages: there is no snapshot */
};

struct ckpt {
	struct ckpt_options options;
	struct park park;
	bool parked; /* park holds the program */
	struct park_skipped *skipped; /* taken over from it */
	size_t nskipped;
	bool exact; /* suppose nothing of mappings (notes.h) */
	bool swapping;
	bool stands; /* a snapshot could not be had: parked until all is written */
	struct res_capture res;
	struct sysv_capture sysv;
	struct shared kept;
	struct ckpt_process *processes;
	size_t nprocesses;
	struct ckpt_result result;
	struct machine machine;
	uint64_t copied; /* bytes of small processes */
	_Atomic uint64_t done;
	atomic_bool cancelled;
	uint64_t total;
};

static int64_t ckpt_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

enum {
	CKPT_SMALL_BYTES = 512 << 10, /* quicker copied than forked */
	CKPT_SMALL_ALL = 256 << 20, /* of our memory for all of them, until it is written */
};

/* The memory of a small process; false where it is not small. */
static int ckpt_copy_small(struct ckpt *ckpt, struct ckpt_process *p, struct err *err)
{
	size_t from = p->pages.ranges.n, guards = p->m.guards.n;
	struct img_range last = guards ? p->m.guards.at[guards - 1] : (struct img_range){ 0 };
	uint64_t before = p->pages.bytes, bytes;
	int rc = pages_scan(&p->pages, &p->m, p->alive, PAGES_FORKED, NULL, err);

	if (rc < 0)
		return rc;
	bytes = p->pages.bytes - before;
	p->copied = bytes <= CKPT_SMALL_BYTES && ckpt->copied + bytes <= CKPT_SMALL_ALL;
	if (p->copied) {
		ckpt->copied += bytes;
		return pages_copy_small(&p->pages, from, p->alive, err);
	}
	pages_drop(&p->pages, from);
	p->m.guards.n = guards;
	if (guards)
		p->m.guards.at[guards - 1] = last;
	return 0;
}

/*
 * A process that may not fork (RLIMIT_NPROC), or for whose copy there is no memory, stands still until
 * its image is written. All others do as well then, and need no copy.
 */
static int ckpt_snapshot(struct ckpt *ckpt, struct ckpt_process *p, struct probe *probe,
			 struct err *err)
{
	int rc = ckpt->stands ? 0 : probe_snapshot(probe, &p->snapshot, err);

	if (rc != -EAGAIN && rc != -ENOMEM)
		return rc;
	log_info("ckpt", "%s: the program stands still until the checkpoint is written", err->msg);
	ckpt->stands = true;
	return 0;
}

/* What fork does not copy is copied here; the rest is left to the snapshot. */
static int ckpt_capture_memory(struct ckpt *ckpt, struct ckpt_process *p, struct probe *probe,
			       struct err *err)
{
	int rc = pages_scan(&p->pages, &p->m, p->alive, PAGES_LIVE, probe, err);

	if (ckpt->options.hold || rc < 0)
		return rc;
	rc = pages_copy(&p->pages, 0, p->alive, err);
	if (rc >= 0 && p->resident <= CAPTURE_FEW_PAGES)
		rc = ckpt_copy_small(ckpt, p, err);
	return rc < 0 || p->copied ? rc : ckpt_snapshot(ckpt, p, probe, err);
}

/*
 * First what is seen from outside, and may be refused, before the process is touched; also because the
 * probe's own area must not be found among the mappings.
 */
static int ckpt_capture_living(struct ckpt *ckpt, struct ckpt_process *p, struct capture *c,
			       struct park_process *parked, struct err *err)
{
	int rc = capture_vmas(c, err);

	if (rc >= 0)
		rc = probe_open(&c->probe, &ckpt->park, parked, err);
	if (rc >= 0)
		rc = capture_process(c, err);
	p->resident = c->resident;
	if (rc >= 0)
		rc = sysv_ties(c->sysv, c->m, c->probe, err);
	if (rc >= 0)
		rc = ckpt_capture_memory(ckpt, p, c->probe, err);
	probe_close(c->probe);
	return rc;
}

static int ckpt_fault(struct err *err)
{
	return err_say(err, EIO, "made to fail (CAIRN_FAULT)");
}

static int ckpt_capture_process(struct ckpt *ckpt, struct ckpt_process *p,
				struct park_process *parked, struct err *err)
{
	struct capture c = {
		.parked = parked,
		.alive = p->alive,
		.root = ckpt->options.root,
		.res = &ckpt->res,
		.sysv = &ckpt->sysv,
		.kept = &ckpt->kept,
		.m = &p->m,
		.exact = ckpt->exact || ckpt->options.hold,
		.swapping = ckpt->swapping,
		.notes = ckpt->options.notes,
		.supposed = &p->supposed,
	};
	int rc;

	if (fault_point("ckpt.captured"))
		return ckpt_fault(err);
	rc = capture_machine(&p->m, &ckpt->machine, err);
	if (rc >= 0)
		rc = p->zombie ? capture_process(&c, err)
			       : ckpt_capture_living(ckpt, p, &c, parked, err);
	if (rc < 0 && p->skipped) /* it runs: by now it has ended, and nobody wants to know how */
		rc = err_say(err, RES_BUSY, "it has just ended");
	return rc < 0 ? err_add(err, "process %d", parked->pid) : 0;
}

static int ckpt_capture_queues(struct ckpt *ckpt, struct err *err)
{
	OWNED_PTR struct model **models = calloc(ckpt->nprocesses + 1, sizeof(*models));

	if (!models)
		return err_set(err, ENOMEM, "capture %zu processes", ckpt->nprocesses);
	for (size_t i = 0; i < ckpt->nprocesses; i++)
		models[i] = &ckpt->processes[i].m;
	if (res_tty_capture_own(&ckpt->res, models, ckpt->nprocesses, err) < 0)
		return -err->num;
	return res_capture_queues(models, ckpt->nprocesses, err);
}

static int ckpt_look_sysv(struct ckpt *ckpt, struct err *err)
{
	OWNED_PTR pid_t *pids = calloc(ckpt->park.nprocesses, sizeof(*pids));

	if (!pids)
		return err_set(err, ENOMEM, "capture %zu processes", ckpt->park.nprocesses);
	for (size_t i = 0; i < ckpt->park.nprocesses; i++)
		pids[i] = ckpt->park.processes[i].pid;
	return sysv_look(&ckpt->sysv, pids, ckpt->park.nprocesses, ckpt->options.root, err);
}

/* What belongs to no process stands in the image of the first that lives. NULL: none does. */
static struct ckpt_process *ckpt_first_living(struct ckpt *ckpt)
{
	for (size_t i = 0; i < ckpt->nprocesses; i++)
		if (!ckpt->processes[i].zombie)
			return &ckpt->processes[i];
	return NULL;
}

static int ckpt_capture_named(struct ckpt *ckpt, struct err *err)
{
	struct ckpt_process *p = ckpt_first_living(ckpt);

	return p ? res_capture_named(&ckpt->res, &p->m, p->alive, err) : 0;
}

static int ckpt_capture_sysv(struct ckpt *ckpt, struct err *err)
{
	struct ckpt_process *p = ckpt_first_living(ckpt);

	return p ? sysv_capture(&ckpt->sysv, &p->m, &ckpt->kept, err) : 0;
}

static struct ckpt_process *ckpt_find(struct ckpt *ckpt, pid_t pid)
{
	for (size_t i = 0; i < ckpt->nprocesses; i++)
		if (ckpt->processes[i].pid == pid)
			return &ckpt->processes[i];
	return NULL;
}

/* The parent of one that was left out is told of its end, as the kernel would have done it. */
static int ckpt_tell_parent(struct ckpt *ckpt, const struct img_process *child, struct err *err)
{
	struct ckpt_process *p = ckpt_find(ckpt, child->ppid);
	siginfo_t info = { .si_signo = (int)child->exit_signal, .si_code = CLD_KILLED };
	struct img_pending *pending;

	if (!p || p->zombie || !child->exit_signal)
		return 0;
	for (size_t i = 0; i < p->m.pending.n; i++)
		if (!p->m.pending.at[i].tid &&
		    !memcmp(p->m.pending.at[i].siginfo, &info.si_signo, sizeof(info.si_signo)))
			return 0;
	pending = model_add(&p->m.pending);
	if (!pending)
		return err_set(err, ENOMEM, "capture process %d", p->pid);
	info.si_pid = child->pid;
	info.si_uid = p->m.process.uid[0];
	info.si_status = SIGKILL;
	memcpy(pending->siginfo, &info, sizeof(pending->siginfo));
	return 0;
}

static int ckpt_tell_parents(struct ckpt *ckpt, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < ckpt->nprocesses; i++)
		if (ckpt->processes[i].skipped)
			rc = ckpt_tell_parent(ckpt, &ckpt->processes[i].m.process, err);
	return rc;
}

/* What is known only when all processes have been looked at. */
static int ckpt_capture_rest(struct ckpt *ckpt, struct err *err)
{
	int rc = ckpt_capture_queues(ckpt, err);

	if (rc >= 0)
		rc = ckpt_tell_parents(ckpt, err);
	for (size_t i = 0; rc >= 0 && i < ckpt->nprocesses; i++)
		rc = capture_unmapped(&ckpt->processes[i].m, &ckpt->kept, err);
	return rc < 0 ? rc : ckpt_capture_sysv(ckpt, err);
}

static void ckpt_add_process(struct ckpt *ckpt, const struct park_process *parked)
{
	struct ckpt_process *p = &ckpt->processes[ckpt->nprocesses++];

	model_init(&p->m);
	p->pid = p->m.process.pid = parked->pid;
	p->alive = park_alive(parked);
	p->zombie = parked->zombie;
	p->skipped = parked->skipped;
	for (size_t i = 0; i < ckpt->options.njoined; i++)
		if (ckpt->options.joined[i] == parked->pid)
			p->m.process.flags |= IMG_PROC_JOINED;
}

/*
 * The descriptors of all processes before anything else: most refusals come from here, and a mapping may be
 * of a file that only another process has open.
 */
static int ckpt_capture_fds(struct ckpt *ckpt, struct err *err)
{
	OWNED_PTR struct model **models = calloc(ckpt->nprocesses, sizeof(*models));
	int rc = 0;

	if (!models)
		return err_set(err, ENOMEM, "capture %zu processes", ckpt->nprocesses);
	for (size_t i = 0; rc >= 0 && i < ckpt->nprocesses; i++) {
		struct ckpt_process *p = &ckpt->processes[i];

		models[i] = &p->m;
		if (!p->zombie)
			rc = res_capture_fds(&ckpt->res, &p->m, p->alive, err);
	}
	if (rc >= 0)
		rc = ckpt_capture_named(ckpt, err);
	if (rc >= 0)
		rc = res_capture_settle(&ckpt->res, models, ckpt->nprocesses, err);
	if (rc >= 0)
		rc = res_capture_network(&ckpt->res, err);
	if (rc >= 0) /* also of those that were found in flight */
		rc = mqueue_capture_messages(&ckpt->res, models, ckpt->nprocesses, err);
	res_capture_land(&ckpt->res);
	return rc;
}

static int ckpt_capture(struct ckpt *ckpt, struct err *err)
{
	int rc = capture_refuse_apart(&ckpt->park, err);

	if (rc >= 0)
		rc = ckpt_look_sysv(ckpt, err);
	if (rc < 0)
		return rc;
	ckpt->processes = calloc(ckpt->park.nprocesses, sizeof(*ckpt->processes));
	if (!ckpt->processes)
		return err_set(err, ENOMEM, "capture %zu processes", ckpt->park.nprocesses);
	for (size_t i = 0; i < ckpt->park.nprocesses; i++)
		ckpt_add_process(ckpt, &ckpt->park.processes[i]);
	rc = ckpt_capture_fds(ckpt, err);
	for (size_t i = 0; rc >= 0 && i < ckpt->nprocesses; i++) {
		struct ckpt_process *p = &ckpt->processes[i];

		rc = ckpt_capture_process(ckpt, p, &ckpt->park.processes[i], err);
		ckpt->result.threads += (uint32_t)p->m.threads.n;
		ckpt->result.processes += !p->skipped;
	}
	return rc < 0 ? rc : ckpt_capture_rest(ckpt, err);
}

static void ckpt_release(struct ckpt *ckpt)
{
	if (!ckpt->parked)
		return;
	park_end(&ckpt->park);
	ckpt->parked = false;
	ckpt->result.pause_ns = ckpt_now() - ckpt->park.began_ns;
}

/* After the pause: list what the snapshots hold. */
static int ckpt_scan(struct ckpt *ckpt, struct err *err)
{
	for (size_t i = 0; i < ckpt->nprocesses; i++) {
		struct ckpt_process *p = &ckpt->processes[i];
		int rc = 0;

		if (p->zombie)
			continue;
		if (!p->copied)
			rc = pages_scan(&p->pages, &p->m, p->snapshot ? p->snapshot : p->alive,
					PAGES_FORKED, NULL, err);
		if (rc < 0)
			return rc;
		pages_sort(&p->pages);
		ckpt->total += p->pages.bytes;
	}
	ckpt->result.memory_bytes = ckpt->total;
	return 0;
}

enum {
	CKPT_PARK_DEADLINE_S = 10,
	CKPT_BUSY_DEADLINE_MS = 2000,
	CKPT_BUSY_PAUSE_MAX_NS = 100000000,
};

static const struct park_process *ckpt_in_vfork(const struct ckpt *ckpt)
{
	for (size_t i = 0; i < ckpt->park.nprocesses; i++)
		if (ckpt->park.processes[i].vfork_parent)
			return &ckpt->park.processes[i];
	return NULL;
}

/*
 * Park, with nobody in vfork: parent and child are one program on one stack then. Parking itself waits
 * for the child to go on to another program, for as long as a pause may take; the deadline counts over
 * all tries.
 */
static int ckpt_park(struct ckpt *ckpt, struct park_memory *memory, struct err *err)
{
	const struct ckpt_options *o = &ckpt->options;
	int64_t allowed =
		o->park_deadline_ns ? o->park_deadline_ns : CKPT_PARK_DEADLINE_S * 1000000000ll;
	int64_t until = ckpt_now() + allowed;
	const struct park_process *vfork;
	pid_t pid;

	for (;;) {
		struct park_options park = {
			.deadline_ns = until - ckpt_now(),
			.with_children = true,
			.with_orphans = o->with_orphans,
			.except = o->except,
			.skip = o->skip,
		};
		int rc = park_begin(&ckpt->park, o->root, &park, memory, err);

		if (rc < 0)
			return rc;
		vfork = ckpt_in_vfork(ckpt);
		if (!vfork)
			return 0;
		pid = vfork->pid;
		park_end(&ckpt->park);
		if (ckpt_now() >= until)
			return err_say(err, EBUSY,
				       "process %d waits in vfork for a child that does not go on "
				       "to another "
				       "program; try again when it has",
				       pid);
	}
}

/* Forget what was captured. */
static void ckpt_forget(struct ckpt *ckpt)
{
	for (size_t i = 0; i < ckpt->nprocesses; i++) {
		struct ckpt_process *p = &ckpt->processes[i];

		if (p->snapshot > 0)
			probe_snapshot_destroy(p->snapshot);
		pages_done(&p->pages);
		free(p->supposed.at);
		model_done(&p->m);
	}
	free(ckpt->processes);
	ckpt->processes = NULL;
	ckpt->nprocesses = 0;
	free(ckpt->skipped);
	ckpt->skipped = NULL;
	ckpt->nskipped = 0;
	res_capture_done(&ckpt->res);
	sysv_capture_done(&ckpt->sysv);
	shared_done(&ckpt->kept);
}

/* Park and capture, once. */
static int ckpt_try(struct ckpt *ckpt, struct park_memory *memory, struct err *err)
{
	int64_t captured_ns;
	int rc;

	res_capture_init(&ckpt->res, ckpt->options.streams, ckpt->options.nstreams);
	ckpt->res.close_outside = ckpt->options.close_outside;
	ckpt->res.policies = ckpt->options.policies;
	rc = ckpt_park(ckpt, memory, err);
	if (rc < 0)
		return rc;
	ckpt->parked = true;
	ckpt->skipped = ckpt->park.skipped;
	ckpt->nskipped = ckpt->park.nskipped;
	ckpt->park.skipped = NULL;
	ckpt->result.park_ns = ckpt->park.parked_ns - ckpt->park.began_ns;
	ckpt->result.processes = ckpt->result.threads = 0;
	ckpt->copied = 0;
	ckpt->stands = false;
	rc = ckpt_capture(ckpt, err);
	captured_ns = ckpt_now();
	if (rc < 0 || !(ckpt->options.hold || ckpt->stands))
		ckpt_release(ckpt);
	log_debug("ckpt", "parked in %.3f ms, captured in %.3f, released in %.3f",
		  (double)ckpt->result.park_ns / 1e6,
		  (double)(captured_ns - ckpt->park.parked_ns) / 1e6,
		  (double)(ckpt_now() - captured_ns) / 1e6);
	return rc;
}

/*
 * Again, as long as something is in the way that the program itself will take away (a connection that it has
 * not accepted yet). There is no event to wait for: only the program knows when, and it has to run to do it.
 */
static int ckpt_try_again(struct ckpt *ckpt, struct park_memory *memory, struct err *err)
{
	int64_t until = ckpt_now() + CKPT_BUSY_DEADLINE_MS * 1000000ll;
	struct timespec pause = { .tv_nsec = 1000000 };
	int rc;

	while ((rc = ckpt_try(ckpt, memory, err)) == -RES_BUSY && ckpt_now() < until) {
		ckpt_forget(ckpt);
		nanosleep(&pause, NULL);
		pause.tv_nsec *= pause.tv_nsec < CKPT_BUSY_PAUSE_MAX_NS ? 2 : 1;
	}
	return rc;
}

/* After the pause: was all as supposed? 1: no. */
static int ckpt_confirm(struct ckpt *ckpt, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < ckpt->nprocesses; i++) {
		struct ckpt_process *p = &ckpt->processes[i];

		if (p->supposed.n)
			rc = capture_confirm(&p->m, &p->supposed,
					     p->snapshot ? p->snapshot : p->alive, err);
	}
	return rc;
}

/* A second time, if what was supposed turns out to be wrong. */
static int ckpt_take(struct ckpt *ckpt, struct park_memory *memory, struct err *err)
{
	int rc = ckpt_try_again(ckpt, memory, err);

	if (rc >= 0)
		rc = ckpt_confirm(ckpt, err);
	if (rc <= 0)
		return rc;
	ckpt_release(ckpt);
	ckpt_forget(ckpt);
	ckpt->exact = true;
	return ckpt_try_again(ckpt, memory, err);
}

/* Has this machine put memory on a disk? */
static bool ckpt_is_swapping(void)
{
	struct sysinfo info;

	return sysinfo(&info) < 0 || info.freeswap != info.totalswap;
}

int ckpt_begin(struct ckpt **out, const struct ckpt_options *options, struct park_memory *memory,
	       struct err *err)
{
	struct ckpt *ckpt = calloc(1, sizeof(*ckpt));
	int rc;

	if (!ckpt)
		return err_set(err, ENOMEM, "start a checkpoint");
	ckpt->options = *options;
	ckpt->swapping = ckpt_is_swapping();
	notes_trim(options->notes);
	rc = machine_look(&ckpt->machine, err);
	if (rc >= 0)
		rc = ckpt_take(ckpt, memory, err);
	if (rc >= 0)
		rc = ckpt_scan(ckpt, err);
	if (rc < 0) {
		ckpt_close(ckpt);
		return rc;
	}
	*out = ckpt;
	return 0;
}

static int ckpt_write_process(struct ckpt *ckpt, struct ckpt_process *p, int dirfd, struct err *err)
{
	struct image_writer_options options = {
		.codec = ckpt->options.codec,
		.level = ckpt->options.level,
		.direct = true,
	};
	struct write_job job = {
		.pages = &p->pages,
		.pid = p->snapshot ? p->snapshot
		       : p->copied ? getpid()
				   : p->alive,
		.workers = ckpt->options.workers,
		.done = &ckpt->done,
		.cancelled = &ckpt->cancelled,
	};
	struct image_writer *w = NULL;
	uint64_t size = 0;
	char name[32];
	int rc;

	if (fault_point("ckpt.written"))
		return ckpt_fault(err);
	text_format(name, sizeof(name), "%d.img", p->pid);
	rc = image_writer_open(&w, dirfd, name, &options, err);
	if (rc >= 0 && !p->zombie)
		rc = write_pages(w, &job, err);
	if (rc >= 0)
		rc = image_writer_finish(w, &p->m, &size, err);
	image_writer_close(w);
	ckpt->result.image_bytes += size;
	return rc < 0 ? err_add(err, "image of process %d", p->pid) : 0;
}

int ckpt_write(struct ckpt *ckpt, int dirfd, struct err *err)
{
	int64_t began = ckpt_now();

	for (size_t i = 0; i < ckpt->nprocesses; i++) {
		int rc = ckpt_write_process(ckpt, &ckpt->processes[i], dirfd, err);

		if (rc < 0)
			return rc;
	}
	ckpt->result.write_ns = ckpt_now() - began;
	return 0;
}

void ckpt_progress(const struct ckpt *ckpt, uint64_t *done, uint64_t *total)
{
	*done = ckpt->done;
	*total = ckpt->total;
}

void ckpt_cancel(struct ckpt *ckpt)
{
	atomic_store(&ckpt->cancelled, true);
}

void ckpt_result(const struct ckpt *ckpt, struct ckpt_result *result)
{
	*result = ckpt->result;
	if (ckpt->parked)
		result->pause_ns = ckpt_now() - ckpt->park.began_ns;
}

const struct park_skipped *ckpt_skipped(const struct ckpt *ckpt, size_t *n)
{
	*n = ckpt->nskipped;
	return ckpt->skipped;
}

bool ckpt_holds(const struct ckpt *ckpt)
{
	return ckpt->parked;
}

void ckpt_kill(struct ckpt *ckpt)
{
	for (size_t i = 0; ckpt->parked && i < ckpt->nprocesses; i++)
		if (!ckpt->processes[i].zombie)
			kill(ckpt->processes[i].pid, SIGKILL);
}

void ckpt_close(struct ckpt *ckpt)
{
	if (!ckpt)
		return;
	ckpt_release(ckpt);
	ckpt_forget(ckpt);
	free(ckpt);
}
