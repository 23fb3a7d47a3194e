/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that uses libcairn, told line by line what to do; answers each line with one.
 * Lines: enabled, checkpoint, within N, begin, disable, enable, env NAME, update NAME, getenv NAME, hook
 * [slow], next (the next event of the hooks), go (lets a slow hook return), fork (a child that lives on),
 * generation, dmtcp, storm, exit.
 */
#include "cairn.h"
#include "dmtcp.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int events[2], gate[2];
static pid_t child;

static void asks_hook(enum cairn_event event, void *slow)
{
	char c = (char)('0' + event);

	if (write(events[1], &c, 1) < 0)
		abort();
	if (slow && event == CAIRN_BEFORE_CHECKPOINT && read(gate[0], &c, 1) < 0)
		abort();
}

static void asks_next(void)
{
	static const char *const names[] = { "", "before", "resumed", "restarted" };
	char c = '0';

	if (read(events[0], &c, 1) == 1)
		puts(names[c - '0']);
}

static void asks_env(const char *name)
{
	char value[256];
	int rc = cairn_restart_env(name, value, sizeof(value));

	puts(rc > 0 ? value : cairn_error());
}

static void asks_dmtcp(void)
{
	int processes = -1, running = -1, checkpoints = -1, restarts = -1;
	int present = dmtcp_get_coordinator_status(&processes, &running);
	int local = dmtcp_get_local_status(&checkpoints, &restarts);

	printf("%d %d %d %d, %d %d %d\n", dmtcp_is_enabled(), present, processes, running, local,
	       checkpoints, restarts);
}

static void asks_fork(void)
{
	child = fork();
	if (!child) {
		int held = cairn_enable();

		printf("child %d\n", held);
		fflush(stdout);
		pause();
		_exit(0);
	}
}

static void *asks_always(void *ignored)
{
	while (cairn_enabled() >= 0)
		;
	return ignored;
}

/* Connections to the agent in every state, at any time. */
static void asks_storm(void)
{
	pthread_t thread;

	for (int i = 0; i < 4; i++)
		if (pthread_create(&thread, NULL, asks_always, NULL))
			abort();
	puts("storm");
}

static void asks_say(int rc)
{
	if (rc > 0)
		printf("%d\n", rc);
	else
		printf("%d %s\n", rc, cairn_error());
}

static int asks_more(const char *word, const char *argument)
{
	if (!strcmp(word, "hook"))
		asks_say(cairn_on_event(asks_hook, *argument ? events : NULL));
	else if (!strcmp(word, "next"))
		asks_next();
	else if (!strcmp(word, "go"))
		printf("%zd\n", write(gate[1], "", 1));
	else if (!strcmp(word, "storm"))
		asks_storm();
	else if (!strcmp(word, "fork"))
		asks_fork();
	else if (!strcmp(word, "dmtcp"))
		asks_dmtcp();
	else if (!strcmp(word, "generation"))
		printf("%u\n", dmtcp_get_generation());
	else
		return 0;
	return 1;
}

static int asks_do(const char *word, const char *argument)
{
	if (!strcmp(word, "enabled"))
		asks_say(cairn_enabled());
	else if (!strcmp(word, "checkpoint"))
		asks_say(cairn_checkpoint());
	else if (!strcmp(word, "within"))
		asks_say(cairn_checkpoint_within((unsigned int)atoi(argument)));
	else if (!strcmp(word, "begin"))
		asks_say(cairn_checkpoint_begin());
	else if (!strcmp(word, "disable"))
		asks_say(cairn_disable());
	else if (!strcmp(word, "enable"))
		asks_say(cairn_enable());
	else if (!strcmp(word, "env"))
		asks_env(argument);
	else if (!strcmp(word, "update"))
		asks_say(cairn_update_env(argument));
	else if (!strcmp(word, "getenv"))
		puts(getenv(argument) ? getenv(argument) : "unset");
	else
		return asks_more(word, argument);
	return 1;
}

int main(void)
{
	char line[256], word[64], argument[64];

	if (pipe(events) || pipe(gate))
		return 1;
	printf("%d\n", getpid());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		*argument = '\0';
		if (sscanf(line, "%63s %63s", word, argument) < 1)
			continue;
		if (!strcmp(word, "exit")) {
			if (child > 0)
				kill(child, SIGKILL);
			return atoi(argument);
		}
		if (!asks_do(word, argument))
			puts("what?");
		fflush(stdout);
	}
	return 0;
}
