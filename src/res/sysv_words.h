/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of sysv.h share. */
#pragma once

#include "res/sysv.h"

/* "semaphore set": for messages. */
const char *sysv_word(enum img_sysv_type type);

/* All objects of this IPC namespace, none of them ours yet. */
int sysv_list(struct sysv_capture *c, struct err *err);
