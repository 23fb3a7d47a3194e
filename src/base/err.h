/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An error as a value: what failed, on what, why, and what to do.
 *
 * The one rule: make it where it fails, add what you know on the way up, print it once.
 * `struct err` lives on the caller's stack and is always the last parameter. Functions return
 * >= 0 on success or -errno, and on failure have filled the caller's err.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

enum { ERR_MSG_MAX = 512 };

struct err {
	int num; /* positive errno, 0 while nothing failed */
	char msg[ERR_MSG_MAX];
};

#define ERR_INIT ((struct err){ .num = 0 })

/*
 * Fill @err with the formatted text followed by ": " and the words for @num, and return -@num.
 * @num may be given as errno or as -errno. With @num 0 the text stands alone and the
 * result is -EINVAL. @err may be NULL: then only the number is returned.
 */
int err_set(struct err *err, int num, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_set, but the text stands alone: for messages that already say why. */
int err_say(struct err *err, int num, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Put "text: " before what @err says already (context from a caller). Returns -err->num. */
int err_add(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The words for an errno value ("No such file or directory"); never NULL. */
const char *err_text(int num);
