/* SPDX-License-Identifier: Apache-2.0 */
/* The command: a table of commands, one file each. */
#include "cli/command.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command commands[] = {
	{ "run", run_command, COMMAND_NOT_STARTED,
	  "resume a program from its newest checkpoint, or start it" },
	{ "launch", launch_command, COMMAND_NOT_STARTED,
	  "start a program that can be checkpointed" },
	{ "checkpoint", checkpoint_command, COMMAND_FAILED, "checkpoint a running computation" },
	{ "restart", restart_command, COMMAND_NOT_STARTED, "restart from a checkpoint" },
	{ "adopt", adopt_command, COMMAND_FAILED, "make a running program checkpointable" },
	{ "status", status_command, COMMAND_FAILED, "what a computation is doing" },
	{ "list", list_command, COMMAND_FAILED, "running computations and their checkpoints" },
	{ "inspect", inspect_command, COMMAND_FAILED, "what an image holds" },
	{ "verify", verify_command, COMMAND_FAILED, "check every byte of a checkpoint" },
	{ "prune", prune_command, COMMAND_FAILED, "remove old checkpoints" },
	{ "kill", kill_command, COMMAND_FAILED, "end a computation" },
	{ "quit", quit_command, COMMAND_FAILED, "leave the program running, without its agent" },
	{ "doctor", doctor_command, COMMAND_FAILED, "what this machine allows" },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void main_usage(FILE *out)
{
	fputs("Usage: cairn COMMAND [OPTION...] [ARGUMENT...]\n"
	      "Checkpoint running programs to disk and restart them later.\n\n",
	      out);
	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i].run)
			fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].help);
	fputs("\n`cairn COMMAND --help` and `man cairn-COMMAND` tell more; `man cairn` has the "
	      "whole.\n",
	      out);
}

static const struct command *main_find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i].run && !strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int main_run(const struct command *c, int argc, char **argv)
{
	struct err err = ERR_INIT;
	char title[64];
	int rc;

	snprintf(title, sizeof(title), "cairn %s", c->name);
	argv[0] = title;
	rc = c->run(argc, argv, &err);
	if (rc >= 0)
		return fflush(stdout) ? COMMAND_FAILED : rc;
	fprintf(stderr, "%s: %s\n", title, err.msg);
	return c->failed;
}

/*
 * A descriptor below 3 that our caller had closed would be given to the first file we open, and then
 * our messages would go into it. /dev/null holds the place, and goes away when the program is started.
 */
static void main_hold_streams(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_CLOEXEC) < 0)
			return;
}

int main(int argc, char **argv)
{
	const struct command *c;

	main_hold_streams();
	if (argc < 2) {
		main_usage(stderr);
		return COMMAND_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		if (argc > 2 && (c = main_find(argv[2]))) {
			char *help[] = { argv[2], (char[]){ "--help" }, NULL };

			return main_run(c, 2, help);
		}
		main_usage(stdout);
		return COMMAND_OK;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("cairn " CAIRN_VERSION);
		return COMMAND_OK;
	}
	c = main_find(argv[1]);
	if (!c) {
		fprintf(stderr, "cairn: no command '%s'; `cairn --help` lists them\n", argv[1]);
		return COMMAND_USAGE;
	}
	return main_run(c, argc - 1, argv + 1);
}
