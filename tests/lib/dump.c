/* SPDX-License-Identifier: Apache-2.0 */
/* Where a process that hangs stands. What the kernel tells always; user stacks where there is a gdb. */
#include "lib/bytes.h"
#include "lib/command.h"
#include "lib/procs.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum {
	DUMP_THREADS = 16,
	DUMP_KERNEL_LINES = 12,
	DUMP_GDB_LINES = 60,
	DUMP_GDB_SECONDS = 20,
};

static bool is_telling(const char *line)
{
	static const char *const keys[] = { "State:",	"PPid:",   "TracerPid:", "NSpid:",
					    "Threads:", "SigPnd:", "ShdPnd:",	 "SigBlk:",
					    "SigIgn:",	"SigCgt:", "Seccomp:" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strncmp(line, keys[i], strlen(keys[i])))
			return true;
	return false;
}

static void dump_status(pid_t pid, FILE *out)
{
	char *text = procs_text("/proc/%d/status", pid), *rest = text, *line;

	while ((line = strsep(&rest, "\n")))
		if (is_telling(line))
			fprintf(out, "    %s\n", line);
	free(text);
}

static void dump_thread(pid_t pid, const char *tid, FILE *out)
{
	OWNED_TEXT char *name = procs_text("/proc/%d/task/%s/comm", pid, tid);
	OWNED_TEXT char *wchan = procs_text("/proc/%d/task/%s/wchan", pid, tid);
	OWNED_TEXT char *call = procs_text("/proc/%d/task/%s/syscall", pid, tid);
	OWNED_TEXT char *stack = procs_text("/proc/%d/task/%s/stack", pid, tid);
	char *rest = stack;

	fprintf(out, "    thread %s: %s, wchan %s, syscall %s\n", tid, name, wchan, call);
	for (int i = 0; rest && i < DUMP_KERNEL_LINES; i++)
		fprintf(out, "        %s\n", strsep(&rest, "\n"));
}

static int is_number(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void dump_threads(pid_t pid, FILE *out)
{
	OWNED_TEXT char *path = bytes_format("/proc/%d/task", pid);
	struct dirent **tids;
	int n = scandir(path, &tids, is_number, versionsort);

	for (int i = 0; i < n; i++) {
		if (i < DUMP_THREADS)
			dump_thread(pid, tids[i]->d_name, out);
		free(tids[i]);
	}
	if (n >= 0)
		free(tids);
}

static void dump_user_stacks(pid_t pid, FILE *out)
{
	OWNED_TEXT char *number = bytes_format("%d", pid);
	const char *const argv[] = { "gdb",    "-q",
				     "-batch", "-nx",
				     "-iex",   "set debuginfod enabled off",
				     "-ex",    "thread apply all bt 12",
				     "-p",     number,
				     NULL };
	struct bytes said = { 0 };
	int status = command_run(argv, NULL, DUMP_GDB_SECONDS, &said);
	char *line;

	if (status < 0)
		fprintf(out, "    gdb: no answer\n");
	else if (WIFEXITED(status) && WEXITSTATUS(status) == COMMAND_ABSENT)
		bytes_done(&said);
	bytes_keep_lines(&said, DUMP_GDB_LINES);
	while ((line = bytes_take_line(&said))) {
		fprintf(out, "    gdb: %s\n", line);
		free(line);
	}
	bytes_done(&said);
}

void procs_dump(pid_t pid, FILE *out)
{
	OWNED_TEXT char *who = procs_describe(pid);

	fprintf(out, "--- %s\n", who);
	dump_status(pid, out);
	dump_threads(pid, out);
	dump_user_stacks(pid, out);
	fflush(out);
}
