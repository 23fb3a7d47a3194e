/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/members.h"
#include "host/proc.h"
#include "host/procid.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void members_add(struct members *t, pid_t pid)
{
	pid_t *grown;

	for (size_t i = 0; i < t->n; i++)
		if (t->pids[i] == pid)
			return;
	if (t->n == t->room) {
		grown = realloc(t->pids, (t->room * 2 + 16) * sizeof(*grown));
		if (!grown)
			return;
		t->pids = grown;
		t->room = t->room * 2 + 16;
	}
	t->pids[t->n++] = pid;
}

/* Snapshots are ours and traced by us; processes of the computation are traced only while parked. */
static bool members_is_ours(pid_t pid)
{
	return procid_meant((pid_t)proc_status_number(pid, "TracerPid", 10, 0)) == getpid();
}

static void members_add_children(struct members *t, const char *list, pid_t except, bool of_agent)
{
	FILE *f = fopen(list, "re");
	int pid;

	if (!f)
		return;
	while (fscanf(f, "%d", &pid) == 1)
		if ((pid = procid_meant(pid)) > 0 && pid != except &&
		    (!of_agent || !members_is_ours(pid)))
			members_add(t, pid);
	fclose(f);
}

static void members_add_below(struct members *t, pid_t pid, pid_t except)
{
	bool of_agent = pid == getpid();
	char path[64];
	struct dirent *d;
	DIR *dir;

	procid_path(path, sizeof(path), pid, "task");
	dir = opendir(path);
	if (!dir)
		return;
	while ((d = readdir(dir))) {
		if (*d->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.12s/children", procid_shown(pid),
			 d->d_name);
		members_add_children(t, path, except, of_agent);
	}
	closedir(dir);
}

void members_load_children(struct members *t, pid_t except)
{
	size_t n = 0;

	*t = (struct members){ 0 };
	members_add_below(t, getpid(), except);
	for (size_t i = 0; i < t->n; i++)
		if (proc_lives(t->pids[i]))
			t->pids[n++] = t->pids[i];
	t->n = n;
}

void members_load(struct members *t, const pid_t *roots, size_t n, pid_t except)
{
	*t = (struct members){ 0 };
	for (size_t i = 0; i < n; i++)
		if (roots[i] > 0)
			members_add(t, roots[i]);
	members_add_below(t, getpid(), except);
	for (size_t i = 0; i < t->n; i++)
		members_add_below(t, t->pids[i], except);
}

void members_done(struct members *t)
{
	free(t->pids);
	*t = (struct members){ 0 };
}
