/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids as /proc shows them. In a pid namespace of our own, where no new /proc may be mounted (a container that
 * masks parts of its own), /proc still shows the ids of the namespace around it.
 *
 * The one rule: what goes into a path below /proc is a shown id, and what is read from there is one;
 * everything else is an id as we use it. Where /proc is ours they are the same, and nothing is asked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Look again whether /proc is ours: after entering a namespace. */
void procid_look(void);
bool procid_is_foreign(void);

/* What /proc shows process @pid, or thread @tid of it, as. An id that is gone is shown as nothing: 0. */
pid_t procid_shown(pid_t pid);
pid_t procid_shown_thread(pid_t pid, pid_t tid);

/* Whom it shows as @shown; 0: nobody in our namespace. */
pid_t procid_meant(pid_t shown);

/* "/proc/PID/@name" of process @pid as we call it. */
void procid_path(char *path, size_t size, pid_t pid, const char *name);
