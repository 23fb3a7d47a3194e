/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/sysvipc/{shm,sem,msg}: the System V objects of an IPC namespace, a line each. Source:
 * ipc/shm.c, sem.c, msg.c. Process ids are the reader's.
 *
 * The one rule: the first line names the columns and is no object; sysvipc_over passes it over.
 */
#pragma once

#include "procfs/scan.h"

enum sysvipc_type { SYSVIPC_SHM, SYSVIPC_SEM, SYSVIPC_MSG, SYSVIPC_TYPES };

enum {
	SYSVIPC_DEST = 01000, /* shm: goes when the last one detaches */
	SYSVIPC_LOCKED = 02000, /* shm: SHM_LOCK */
};

struct sysvipc_object {
	int32_t key, id;
	uint32_t mode; /* permissions and SYSVIPC_* */
	uint64_t size; /* bytes of a segment, semaphores of a set, bytes in a queue */
	uint64_t count; /* attachments of a segment, messages in a queue */
	int32_t creator, last; /* of a segment; last sender and last receiver of a queue */
	uint32_t uid, gid, cuid, cgid;
	int64_t ctime, used; /* seconds since the epoch: last changed; the latest of all times */
	uint64_t resident; /* of a segment: bytes in memory and in swap, where the kernel says */
};

struct scan sysvipc_over(const char *text, size_t len);
bool sysvipc_next(struct scan *text, enum sysvipc_type type, struct sysvipc_object *o);
