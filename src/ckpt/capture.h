/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CAPTURE: from a parked process to a model. Only looks; page contents are left to pages.h.
 *
 * The one rule: everything here runs while the program stands still, so it reads only what can change once
 * the program goes on, and nothing slow.
 */
#pragma once

#include "arch/cpu.h"
#include "base/err.h"
#include "ckpt/ahead.h"
#include "ckpt/notes.h"
#include "ckpt/sharers.h"
#include "image/model.h"
#include "procfs/maps.h"
#include "procfs/status.h"
#include "res/res.h"
#include "res/shared.h"
#include "res/sysv.h"
#include "trace/home.h"
#include "trace/park.h"
#include "trace/probe.h"

#include <sys/utsname.h>

/* Resident, files and all: then counting its pages takes no time, and it may do without a snapshot. */
enum { CAPTURE_FEW_PAGES = 1536 };

/* One process on its way into an image. */
struct capture {
	const struct park_process *parked;
	pid_t alive; /* a thread that has not ended: the leader's /proc entries may be empty */
	pid_t root; /* of the computation */
	struct res_capture *res; /* descriptions already met in other processes */
	struct sysv_capture *sysv;
	struct shared *kept; /* shared memory that stands in an image already */
	struct model *m;
	bool exact; /* read smaps, whatever it costs: suppose nothing */
	bool swapping; /* some memory of this machine is swapped out */
	bool flushers; /* there may be some: PR_SET_IO_FLUSHER */
	struct notes *notes;
	struct notes_supposed *supposed;
	struct ahead_process *ahead; /* what has been looked at before, and counts; NULL: nothing */
	/* Known when the mappings have been read: */
	uint64_t resident; /* pages */
	MODEL_ARRAY(struct maps_vma) seen; /* the mappings; until they are captured */
	char *text; /* where their paths stand */
	bool suppose; /* they are from maps, not from smaps */
	struct home_places places; /* for the probe; known when the mappings have been captured */
	/* Of thread @alive; known when the process has been captured. */
	struct status status; /* but for its groups */
	char comm[16];
	uint64_t task_flags; /* PF_* */
	bool child_continued; /* as the probe_report has it; known with the signals */
};

/* What there is to say of this machine; looked at before the program is stopped. */
struct machine {
	struct utsname uts;
	char cpu_model[49], boot_id[64];
	struct cpu_features features;
	uint64_t xfeatures;
	const char *vdso; /* our own */
	size_t vdso_size;
	bool flushers; /* who is below us may have been allowed to be one: PR_SET_IO_FLUSHER */
};

/* machine.c: struct img_machine, from this machine, with the clocks as they are now. */
int machine_look(struct machine *machine, struct err *err);
int capture_machine(struct model *m, const struct machine *machine, struct err *err);

/* apart.c: what cannot be captured of processes as such is refused by name. */
int capture_refuse_apart(const struct park *park, const struct ahead *ahead,
			 const struct sharers *sharers, int workers, struct err *err);

enum {
	APART_LINK_MAX = 40, /* "time_for_children:[4026531834]" */
	APART_KINDS = 9,
};

struct apart_namespaces {
	char link[APART_KINDS][APART_LINK_MAX];
};

/*
 * Which namespaces @pid is in; 0: ourselves. What this kernel does not have reads as "", and so does that of
 * children who are to be in a new one where there is none yet.
 */
void apart_look(struct apart_namespaces *ns, pid_t pid);

/* Is process @pid in the namespaces that we are in, @own? Has it the same memory as @other? */
bool capture_at_home(const struct apart_namespaces *own, pid_t pid);
bool capture_shares_memory(pid_t pid, pid_t other);

/*
 * process.c: ids, credentials, paths, limits of the process. The probe has been opened. It may be done for
 * several processes at once: only their own models are written.
 */
int capture_process(struct capture *c, struct err *err);

/* Then, one after the other: a removed working directory may be open as well, or be others' too. */
int capture_removed_cwd(struct capture *c, struct err *err);

/*
 * signals.c: pending signals, their actions, timers, and the threads, of @n processes. An error names the
 * process. A probe that is NULL: what it would tell is known ahead.
 */
int capture_signals(struct capture *captures, struct probe *const *probes, size_t n,
		    struct err *err);

/*
 * told.c: what the process of @probe has been told of its child @parked, of its stop or of its going on, into
 * what is kept of that, @child.
 */
int capture_told(struct probe *probe, struct img_process *child, const struct park_process *parked,
		 struct err *err);

/* thread.c: every thread. Takes what the probe found from @report; NULL: not known. */
int capture_threads(struct capture *c, const struct probe_report *report, struct err *err);

/* seccomp.c: the filters of @t, which is in mode 2 and stands; -EPERM where they cannot be read. */
int capture_seccomp(struct model *m, struct img_thread *t, struct err *err);

/* policies.c: which mappings the probe shall ask for their NUMA policies, and what has come of it. */
int policies_ask(const struct model *m, struct probe_report *report, struct err *err);
int policies_take(struct capture *c, const struct probe_report *report, struct err *err);

/*
 * mappings.c: all mappings. First they are read, which may be done for several processes at once; then
 * captured, or forgotten.
 */
int capture_read_vmas(struct capture *c, struct err *err);
int capture_vmas(struct capture *c, struct err *err);
void capture_forget_vmas(struct capture *c);

/* vma.c: one of them, and the file behind it. */
int capture_vma(struct capture *c, const struct maps_vma *s, struct err *err);

/* Contents of shared memory are kept once. (Huge pages are not shared again by a restart.) */
int capture_keep_once(struct capture *c, struct img_vma *v, struct err *err);

/* uring.c: what is registered with an io_uring must be among the mappings. After capture_vmas. */
int capture_uring_buffers(const struct capture *c, struct err *err);

/*
 * aio.c: which of the mappings that look like it are AIO contexts. They must be idle, and are waited for.
 * Before descriptors are looked at that is done a first time, as requests that end change files and counters.
 */
int capture_settle_aio(struct capture *c, struct park *park, struct park_process *parked,
		       struct err *err);
int capture_aio(struct capture *c, struct probe *probe, struct err *err);

/* Has any program of this machine such contexts? Has process @pid something that looks like one? */
bool capture_aio_exists(void);
int capture_has_aio(pid_t pid, bool *has, struct err *err);

/* Is this the ring of one, as maps has it? */
bool capture_is_aio(const struct maps_vma *s);

/* What smaps tells of a mapping into the settings of @v. */
void capture_vma_settings(struct img_vma *v, const struct maps_vma *smaps);

/*
 * confirm.c: after the pause, what was supposed of the mappings of @m, against @snapshot, a fork of the
 * process; and all other settings. 1: something was not as supposed.
 */
int capture_confirm(struct model *m, const struct notes_supposed *supposed, pid_t snapshot,
		    struct err *err);

/* When all processes' mappings are known: files in memory of which they do not hold all. */
int capture_unmapped(struct model *m, struct shared *kept, struct err *err);
