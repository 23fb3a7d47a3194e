/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in the queues of a pseudo-terminal: written and not yet read, in both directions.
 *
 * Nothing can look into them, so what is there is read, and at once put back as it was: by a process of its
 * own, that would still do so if the agent were killed in between.
 *
 * The one rule: everybody who could use the terminal is parked.
 */
#pragma once

#include "base/err.h"
#include "image/model.h"

enum { PTY_QUEUE_MAX = 1 << 16 }; /* bytes: more than the kernel keeps of both directions */

/*
 * Read all there is into @bytes (PTY_QUEUE_MAX), output first, then input, as struct img_pty says. The
 * settings in @p are the terminal's; its lengths and IMG_PTY_STOPPED are set. The terminal is left empty and
 * with other settings: pty_queue_put mends that, also after a failure. Its master is not in packet mode then.
 */
int pty_queue_take(int master, int slave, struct img_pty *p, uint8_t *bytes, struct err *err);

/* Put it (back), and the settings of @p. The terminal is empty. */
int pty_queue_put(int master, int slave, const struct img_pty *p, const uint8_t *bytes,
		  struct err *err);
