/* SPDX-License-Identifier: Apache-2.0 */
#include "ckpt/ahead.h"

#include "base/owned.h"
#include "ckpt/capture.h"
#include "host/proc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { AHEAD_PATH_MAX = 3600 }; /* a path on our stack */

/* The file that mapping @vma names now; false: there is none, or it cannot be told. */
static bool ahead_stat(const struct maps_vma *vma, struct stat *st)
{
	char path[AHEAD_PATH_MAX];

	return maps_path(vma, path, sizeof(path)) && stat(path, st) == 0;
}

static bool ahead_is_named(const struct ahead_name *n, const struct maps_vma *vma)
{
	return strlen(n->name) == vma->path_len && !memcmp(n->name, vma->path, vma->path_len);
}

static int ahead_add_name(struct ahead_process *p, const struct maps_vma *vma)
{
	struct ahead_name *n = model_add(&p->names);
	struct stat st;

	if (!n)
		return -ENOMEM;
	*n = (struct ahead_name){ .name = strndup(vma->path, vma->path_len) };
	if (!n->name)
		return -ENOMEM;
	if (!vma->ino || vma->deleted || vma->path[0] != '/')
		return 0;
	/* Some file systems show another number in maps: there it cannot be told. */
	if (!ahead_stat(vma, &st) || st.st_ino != vma->ino)
		return -ESTALE;
	n->dev = st.st_dev;
	n->ino = st.st_ino;
	n->changed = st.st_ctim;
	return 0;
}

/* Names of our own for those in the text of smaps, which is long. */
static int ahead_keep_names(struct ahead_process *p)
{
	for (size_t i = 0; i < p->seen.n; i++) {
		struct maps_vma *vma = &p->seen.at[i];
		size_t k = 0;

		while (k < p->names.n && !(ahead_is_named(&p->names.at[k], vma) &&
					   (vma->deleted ? 0 : vma->ino) == p->names.at[k].ino))
			k++;
		if (k == p->names.n && ahead_add_name(p, vma) < 0)
			return -ESTALE;
		vma->path = p->names.at[k].name;
	}
	return 0;
}

bool ahead_names_stand(const struct ahead_process *p)
{
	for (size_t i = 0; i < p->names.n; i++) {
		const struct ahead_name *n = &p->names.at[i];
		const struct maps_vma vma = { .path = n->name, .path_len = strlen(n->name) };
		struct stat st;

		if (n->ino && (!ahead_stat(&vma, &st) || st.st_dev != n->dev ||
			       st.st_ino != n->ino || st.st_ctim.tv_sec != n->changed.tv_sec ||
			       st.st_ctim.tv_nsec != n->changed.tv_nsec))
			return false;
	}
	return true;
}

/* A POSIX timer or one of setitimer(2) goes on while the process sleeps. */
static bool ahead_has_timers(pid_t pid)
{
	OWNED_PTR char *text = NULL;
	size_t len;

	return proc_read(pid, "timers", &text, &len, NULL) >= 0 && len;
}

static bool ahead_itimers(const struct probe_report *r)
{
	for (int i = 0; i < 3; i++)
		if (r->itimer_value_us[i] || r->itimer_interval_us[i])
			return true;
	return false;
}

static int ahead_ask_places(struct ahead_process *p, struct err *err)
{
	p->report.places = calloc(p->seen.n + 1, sizeof(*p->report.places));
	if (!p->report.places)
		return err_set(err, ENOMEM, "look at process %d", p->pid);
	for (size_t i = 0; i < p->seen.n; i++)
		p->report.places[i] = (struct img_policy){ .start = p->seen.at[i].start,
							   .end = p->seen.at[i].end };
	p->report.nplaces = p->seen.n;
	return 0;
}

/* All that the probe can tell. What it cannot be asked now is asked, and refused, when all stand. */
static int ahead_report(struct ahead_process *p, struct park *park, struct err *err)
{
	struct home_places places = { .n = 0 };
	struct probe *probe;
	uint64_t locked;
	int rc;

	if (ahead_has_timers(p->pid))
		return 0;
	rc = ahead_ask_places(p, err);
	for (size_t i = 0; i < p->seen.n; i++)
		home_note(&places, &p->seen.at[i]);
	if (rc < 0 || probe_new(&probe, park, &park->processes[0], &places, err) < 0)
		return -err->num;
	rc = probe_open(&probe, 1, err);
	if (rc >= 0)
		rc = probe_collect(&probe, &p->report, 1, err);
	/* With mlockall(MCL_FUTURE) the probe is locked, and only while it is there can that be seen. */
	locked = proc_status_number(p->pid, "VmLck", 10, 1);
	probe_close(&probe, 1);
	p->reported = rc >= 0 && !locked && !ahead_itimers(&p->report) && !p->report.ldt;
	return rc;
}

/* Requests to the kernel go on while the process sleeps, and may be about its mappings. */
static bool ahead_has_requests(const struct ahead_process *p)
{
	for (size_t i = 0; i < p->seen.n; i++)
		if (capture_is_aio(&p->seen.at[i]) || maps_begins(&p->seen.at[i], RES_URING_LINK))
			return true;
	return false;
}

static void ahead_forget(struct ahead_process *p)
{
	free(p->seen.at);
	for (size_t i = 0; i < p->names.n; i++)
		free(p->names.at[i].name);
	free(p->names.at);
	free(p->report.places);
	probe_report_done(&p->report);
}

static int ahead_keep(struct ahead *ahead, const struct ahead_process *p)
{
	struct ahead_process *kept = model_add(ahead);

	if (!kept)
		return -ENOMEM;
	*kept = *p;
	return 1;
}

int ahead_look(void *arg, struct park *park, struct err *err)
{
	struct ahead *ahead = arg;
	const struct park_process *parked = &park->processes[0];
	struct ahead_process p = { .pid = parked->pid };
	struct capture c = { .parked = parked, .alive = park_alive(parked), .exact = true };
	int rc = capture_shares_memory(c.alive, parked->ppid) ? 0 : capture_read_vmas(&c, err);

	p.seen.at = c.seen.at;
	p.seen.n = c.seen.n;
	p.at_home = capture_at_home(ahead->own, c.alive);
	if (rc >= 0 && p.seen.n && !ahead_has_requests(&p))
		rc = ahead_report(&p, park, err);
	if (rc >= 0 && p.reported && ahead_keep_names(&p) < 0)
		p.reported = false;
	free(c.text);
	/* Else nothing is gained by watching it. */
	if (rc >= 0 && p.reported)
		rc = ahead_keep(ahead, &p);
	if (rc <= 0)
		ahead_forget(&p);
	return rc;
}

static int ahead_compare(const void *a, const void *b)
{
	return ((const struct ahead_process *)a)->pid - ((const struct ahead_process *)b)->pid;
}

void ahead_sort(struct ahead *ahead)
{
	if (ahead->n)
		qsort(ahead->at, ahead->n, sizeof(*ahead->at), ahead_compare);
}

struct ahead_process *ahead_find(const struct ahead *ahead, const struct park_process *p)
{
	const struct ahead_process wanted = { .pid = p->pid };

	if (!p->asleep || !ahead->n)
		return NULL;
	return bsearch(&wanted, ahead->at, ahead->n, sizeof(wanted), ahead_compare);
}

void ahead_done(struct ahead *ahead)
{
	for (size_t i = 0; i < ahead->n; i++)
		ahead_forget(&ahead->at[i]);
	free(ahead->at);
	*ahead = (struct ahead){ .n = 0 };
}
