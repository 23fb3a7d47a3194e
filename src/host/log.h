/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: one line, one write, into the run directory; never into the program's streams.
 *
 * The one rule: a domain is the name of the file that speaks ("park", "agent"), and CAIRN_LOG
 * (`park:debug,agent:error`, or a level alone for all) decides which lines are written.
 */
#pragma once

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Write lines to @fd (opened O_APPEND by the caller, who keeps it) from now on; -1: nowhere. */
void log_open(int fd);

/* Also copy lines of level info and error to @fd until it is -1 again: what belongs to a checkpoint. */
void log_copy(int fd);

/* Would a line of @level in @domain be written? For those who would have to compute it first. */
bool log_wanted(const char *domain, enum log_level level);

void log_error(const char *domain, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *domain, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_debug(const char *domain, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
