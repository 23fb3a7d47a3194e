/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of `cairn`: one file each behind the table in main.c.
 *
 * The one rule: a command returns its exit status (>= 0), or -errno with @err filled; main prints the
 * error, once, as "cairn COMMAND: message", and exits with the table's status for failure.
 */
#pragma once

#include "base/err.h"

enum {
	COMMAND_OK = 0,
	COMMAND_FAILED = 1,
	COMMAND_USAGE = 2,
	COMMAND_STOPPED = 99, /* run: checkpointed and stopped as asked: start me again */
	COMMAND_USED_UP = 124, /* run: stopped, and no wall time is left */
	COMMAND_NOT_STARTED = 125, /* launch, run, restart: we failed before the program started */
	COMMAND_CANNOT_EXEC = 126, /* as shells do */
	COMMAND_NOT_FOUND = 127,
};

struct command {
	const char *name;
	/* @argv[0] is "cairn NAME", for messages. */
	int (*run)(int argc, char **argv, struct err *err);
	int failed; /* exit status where run returned -errno */
	const char *help; /* one line */
};

int adopt_command(int argc, char **argv, struct err *err);
int checkpoint_command(int argc, char **argv, struct err *err);
int doctor_command(int argc, char **argv, struct err *err);
int inspect_command(int argc, char **argv, struct err *err);
int kill_command(int argc, char **argv, struct err *err);
int launch_command(int argc, char **argv, struct err *err);
int list_command(int argc, char **argv, struct err *err);
int prune_command(int argc, char **argv, struct err *err);
int quit_command(int argc, char **argv, struct err *err);
int restart_command(int argc, char **argv, struct err *err);
int run_command(int argc, char **argv, struct err *err);
int status_command(int argc, char **argv, struct err *err);
int verify_command(int argc, char **argv, struct err *err);
