/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Can a program be checkpointed here at all? Asked before it is started, so that the answer comes when it
 * is of use.
 *
 * The one rule: probe by trying where that is cheap; and every refusal says what to do.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* May this process trace its children? -EPERM with who refuses, and what to do. */
int launchable_check_ptrace(struct err *err);

/* May it trace what is not below it, of the same user? -EPERM with who refuses. */
int launchable_check_strangers(struct err *err);

/*
 * May @program, found as execvp would, be traced? Set-user-ID, file capabilities and unreadable files
 * make that impossible; so do containers. A program that is not there is no error here: exec tells.
 */
int launchable_check_program(const char *program, struct err *err);

/* Where execvp would find @program; false where it would not. */
bool launchable_find(char *path, size_t size, const char *program);

/* Is it known for running programs in namespaces of their own, and as nobody's children here? */
bool launchable_is_container(const char *program);
