/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies in /tmp that looks like ours: files, and run directories made without CAIRN_RUNDIR.
 *
 * The one rule: it is only mentioned: /tmp belongs to everybody.
 */
#pragma once

#include <dirent.h>

struct tmp {
	struct dirent **entry;
	int n;
};

struct tmp tmp_look(void);

/* Print what is there now and was not @before, which is done with. */
void tmp_compare(struct tmp *before);
