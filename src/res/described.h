/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The open file descriptions that a capture has met so far, and which of them are the same one.
 *
 * The one rule: two descriptors share a description if kcmp says so. Where it is refused (podman's
 * seccomp profile), a status flag is toggled through one and looked for through the other: everything is
 * parked and nobody else sees it.
 */
#pragma once

#include "res/res.h"

struct res_described { /* one open file description and somebody who holds it */
	dev_t dev;
	ino_t ino;
	pid_t pid;
	int fd;
	uint32_t id;
	bool saved; /* its contents stand in an image */
	bool late; /* can be made only when other processes are there */
	bool cloexec; /* has O_CLOEXEC itself: res_hides_cloexec */
	uint64_t rings; /* of a packet socket: bytes of them */
};

/* Is @seen the description behind descriptor @fd of @pid? */
bool described_same(struct res_capture *c, const struct res_seen *seen, pid_t pid, int fd);

/* The id under which it was met already, or 0. */
uint32_t described_known(struct res_capture *c, const struct res_seen *seen);

/*
 * The id of the description behind descriptor @fd of @pid, if the process captured last has the same under
 * that number, as relations have what they inherited; else 0. It takes one call.
 */
uint32_t described_inherited(struct res_capture *c, pid_t pid, int fd);

/* From here on whoever meets the description again, also in its own queue, finds it known. */
int described_remember(struct res_capture *c, const struct res_seen *seen, uint32_t id,
		       struct err *err);

/* @m refers to description @id, which may stand in the image of a process captured earlier. */
int described_mention(struct model *m, uint32_t id, struct err *err);

/* By id; NULL: none such. */
const struct res_described *described_find(const struct res_capture *c, uint32_t id);

/* Is description @d what @epoll watches as the @nth descriptor added under number @fd? */
bool described_is_target(const struct res_described *d, const struct res_described *epoll, int fd,
			 uint32_t nth);
