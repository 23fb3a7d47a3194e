/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe: code run for an instant inside a parked process, to ask the kernel what only the
 * process itself may ask, and to fork the snapshot.
 *
 * The one rule: afterwards nothing of ours is left in the process, on success and on failure; and
 * if this process dies half-way, the program finds its way back by itself.
 */
#pragma once

#include "base/err.h"
#include "contract/image_format.h"
#include "contract/probe_abi.h"
#include "trace/home.h"
#include "trace/park.h"

struct probe_thread {
	uint64_t altstack_sp, altstack_size;
	uint32_t altstack_flags;
	uint32_t pdeathsig;
	uint64_t clear_child_tid;
	uint64_t timerslack_ns;
	uint32_t flags; /* IMG_THREAD_* of those that only it can tell */
	uint32_t policy; /* of memory: MPOL_*, on @nodes */
	uint64_t nodes[16];
};

struct probe_timer { /* timer_gettime and timer_getoverrun of one POSIX timer, ids from the caller */
	int32_t id, overrun;
	int64_t left_ns, interval_ns;
};

struct probe_report {
	struct {
		uint64_t handler, flags, restorer, mask;
	} sigactions[65]; /* by number; [0] unused */
	int64_t itimer_value_us[3], itimer_interval_us[3];
	int32_t dumpable, keepcaps, subreaper, thp_disable, securebits;
	bool memory_merge;
	int64_t membarrier;
	uint64_t brk;
	bool ldt; /* it has a local descriptor table */
	bool child_continued; /* a child of it has gone on, and it has not waited for that */
	struct probe_thread *threads; /* as in park_process.threads; owned by the report */
	struct probe_timer *timers; /* in: ids; out: the rest. Owned by the caller */
	size_t ntimers;
	struct img_policy
		*places; /* in: where mappings start; out: mode, nodes. Owned by the caller */
	size_t nplaces;
};

struct probe; /* one process with the probe mapped */

/*
 * For @process; nothing is done to it yet. To be closed, whatever comes. -ENOMEM. @places: from its maps, to
 * be there until it has been opened; NULL: not known.
 */
int probe_new(struct probe **probe, struct park *park, struct park_process *process,
	      const struct home_places *places, struct err *err);

/*
 * Map the probe into the process of each. Like all functions here that take @n of them it lets all go before
 * it waits for the first: that takes longer than what they do; those that are NULL are passed over. An error
 * names the process: -EPERM where a seccomp filter forbids it.
 */
int probe_open(struct probe *const *probes, size_t n, struct err *err);

/* Unmap it, put all registers back, and free what probe_new gave. */
void probe_close(struct probe *const *probes, size_t n);

/* Stands for the address of the data among the arguments of probe_ask. */
#define PROBE_ASK_DATA UINT64_C(0xc0113c70c0113c70)
enum { PROBE_ASK_MAX = 16384 }; /* bytes of data */

/*
 * Make one system call. @data is there for it, and is what it has made of it afterwards. *@result: what it
 * returned (-errno). The call must be one that returns at once and leaves nothing changed.
 */
int probe_ask(struct probe *probe, long nr, const uint64_t args[4], void *data, size_t size,
	      int64_t *result, struct err *err);

/*
 * Look at an AIO context: @aio says at which, and is told how many requests are in flight, at the end of the
 * wait. The context is afterwards as it was, but for those that have ended meanwhile.
 */
int probe_aio(struct probe *probe, struct probe_aio *aio, struct err *err);

/* Fill the report of each (timers and places set by the caller). An error names the process. */
int probe_collect(struct probe *const *probes, struct probe_report *reports, size_t n,
		  struct err *err);
void probe_report_done(struct probe_report *report);

/*
 * Fork a copy of the process that never runs: traced from birth by the calling thread, killed if we die,
 * a child of nobody in the computation. Read it with process_vm_readv and /proc/PID/pagemap.
 */
int probe_snapshot(struct probe *probe, pid_t *copy, struct err *err);

/* End a copy and take its zombie away. Any thread of this process. */
void probe_snapshot_destroy(pid_t copy);
