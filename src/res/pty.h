/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pseudo-terminals with both ends inside the computation.
 *
 * All masters of a computation are opened together, before anything else of them: so each can have its old
 * number, and a slave finds its master whichever is made first.
 *
 * The one rule: a slave is never opened while no process has it open. The master could tell: it would
 * see the end of a line that has not begun.
 */
#pragma once

#include "res/res.h"

struct res_pty { /* one of res_restart.ptys */
	const struct img_file *file; /* the IMG_F_PTMX */
	const struct model *owner;
	struct img_pty state;
	int fd; /* the master; ours */
};

/* What identifies the terminal with number @index in the devpts of device @dev. */
uint64_t pty_key(uint64_t dev, uint32_t index);

/* The state at the head of IMG_F_PTMX @f of @m; false where it makes no sense. */
bool pty_state(struct img_pty *p, const struct model *m, const struct img_file *f);

/* Open every master of the computation, once; for @r's makers. */
int pty_open_all(struct res_restart *r, struct err *err);
void pty_close_all(struct res_restart *r);

/* The terminal with this key, or of that session; NULL: none inside. */
const struct res_pty *pty_find(const struct res_restart *r, uint64_t key);
const struct res_pty *pty_of_session(const struct res_restart *r, pid_t sid);

/* The other end of master @fd, with O_* @flags. */
int pty_open_slave(int fd, int flags);

/* Take and give terminal settings as an image has them. */
int pty_get_settings(int fd, struct img_pty *p);
int pty_set_settings(int fd, const struct img_pty *p);
