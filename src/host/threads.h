/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same work done by several threads, which share it out among themselves.
 *
 * The one rule: the caller's thread works as well, so that a thread that is refused costs speed only.
 */
#pragma once

enum { THREADS_MAX = 64 };

/* @work by @n threads (at most THREADS_MAX), the caller's among them. Returns when all are done. */
void threads_run(void *(*work)(void *arg), void *arg, int n);
