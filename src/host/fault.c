/* SPDX-License-Identifier: Apache-2.0 */
#include "host/fault.h"

#include <fnmatch.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FAULT_LATE_NS = 500000000 };

int fault_state;

static char fault_name[64];
static bool fault_error; /* return true instead of dying */
static bool fault_late; /* go on, but later */
static bool fault_hangs; /* never go on */
static bool fault_stops; /* go on when continued */
static long fault_every; /* with fault_error: again after so many times; 0: once */
static _Atomic long fault_left; /* times until it happens */

void fault_reset(void)
{
	const char *text = getenv("CAIRN_FAULT");
	char *colon;

	fault_state = 1;
	if (!text || !*text)
		return;
	snprintf(fault_name, sizeof(fault_name), "%s", text);
	colon = strchr(fault_name, ':');
	if (colon)
		*colon++ = '\0';
	fault_error = colon && strstr(colon, "error");
	fault_late = colon && strstr(colon, "late");
	fault_hangs = colon && strstr(colon, "hang");
	fault_stops = colon && strstr(colon, "stop");
	fault_left = colon && atol(colon) > 0 ? atol(colon) : 1;
	fault_every = fault_error && atol(colon) > 0 ? fault_left : 0;
	fault_state = 2;
}

bool fault_reached(const char *name)
{
	long left;

	if (fault_state == 0)
		fault_reset();
	if (fault_state == 1 || fnmatch(fault_name, name, 0))
		return false;
	left = atomic_fetch_sub(&fault_left, 1);
	if (fault_every ? left % fault_every : left != 1)
		return false;
	while (fault_hangs)
		pause();
	if (fault_late)
		nanosleep(&(struct timespec){ .tv_nsec = FAULT_LATE_NS }, NULL);
	else if (!fault_error)
		kill(getpid(), fault_stops ? SIGSTOP : SIGKILL);
	return fault_error;
}
