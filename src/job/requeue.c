/* SPDX-License-Identifier: Apache-2.0 */
#include "job/requeue.h"

#include <stdarg.h>
#include <stdio.h>

static void __attribute__((format(printf, 2, 3)))
requeue_say(const struct requeue *r, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->say(r->data, text);
}

/* What a new submission must be given to go on. */
static void requeue_option(const struct requeue *r, char *text, size_t size)
{
	if (r->dir)
		snprintf(text, size, "-d '%s'", r->dir);
	else
		snprintf(text, size, "the same checkpoint directory (-d)");
}

void requeue_job(const struct requeue *r)
{
	struct err err = ERR_INIT;
	struct slurm_job now;
	char with[800];

	requeue_option(r, with, sizeof(with));
	if (slurm_ask(&now, r->job, &err) >= 0 && !now.running) {
		requeue_say(r, "job %s is being ended by Slurm, or was cancelled: left to it",
			    r->job);
		return;
	}
	if (now.known && !now.requeue) {
		requeue_say(
			r, "job %s cannot be queued again (%s): submitted again with %s it goes on",
			r->job, now.batch ? "--no-requeue" : "no batch job", with);
		return;
	}
	if (r->before)
		r->before(r->data, &now);
	requeue_say(r, "job %s is to be queued again", r->job);
	if (slurm_requeue(r->job, &err) < 0)
		requeue_say(r, "it is not queued again: %s. Submitted again with %s it goes on",
			    err.msg, with);
}
