/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which pages of a process an image must hold, and where to read them.
 *
 * The one rule: never touched, zero and unmodified file pages are left out here by what the
 * page tables say; a page that is listed may still turn out to be zero when it is read.
 */
#pragma once

#include "base/err.h"
#include "image/model.h"
#include "trace/probe.h"

#include <stdint.h>
#include <sys/types.h>

enum pages_source {
	PAGES_VM, /* readable as it is */
	PAGES_MEM, /* through its protection */
	PAGES_COPY, /* copied into our memory before the program was let go */
	PAGES_BLOCK, /* likewise, into the list's block */
};

struct pages_range {
	uint64_t addr, len; /* bytes */
	enum pages_source source;
	char *copy; /* of PAGES_COPY and PAGES_BLOCK, owned by the list */
};

struct pages_list {
	MODEL_ARRAY(struct pages_range) ranges; /* by address */
	uint64_t bytes;
	char *block; /* where the copies of pages_copy_small stand */
};

enum { /* which mappings */
       PAGES_FORKED = 1, /* those that a forked copy holds as they were */
       PAGES_LIVE = 2, /* shared memory, and what fork leaves out: only the process itself has it */
};

/* Has it mappings of which PAGES_LIVE names the pages? */
bool pages_any_live(const struct model *m);

/*
 * Scan the mappings of @m that @which names in process @pid (the snapshot, or the parked process
 * itself). Guard ranges go to @m. @probe is needed for PAGES_LIVE: a process's page tables do not tell what
 * others have written to memory that it shares with them.
 */
int pages_scan(struct pages_list *list, struct model *m, pid_t pid, int which, struct probe *probe,
	       struct err *err);

/*
 * Copy all ranges added since index @from out of parked process @pid, so that it may go on, by @workers
 * threads (0: one a core).
 */
int pages_copy(struct pages_list *list, size_t from, pid_t pid, int workers, struct err *err);

/*
 * Forget all ranges from index @from on; or copy them all, if they are small: into one block of our memory.
 * @shared: the process may share pages with others as fork has left them, and shall after that.
 */
void pages_drop(struct pages_list *list, size_t from);
int pages_copy_small(struct pages_list *list, size_t from, pid_t pid, bool shared, struct err *err);

/* Order @list and the guards of @m by address (what a fork leaves out was scanned at another time). */
void pages_sort(struct pages_list *list, struct model *m);

void pages_done(struct pages_list *list);
