/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An example of a plugin: a shared object that does something for a program at its checkpoints, without the
 * program being changed. This one keeps the variables of the batch system up to date and writes a line at
 * each event.
 *
 *	cc -shared -fPIC -o plugin.so plugin.c $(pkg-config --cflags --libs cairn)
 *	LD_PRELOAD=$PWD/plugin.so cairn launch ./app
 *
 * A plugin with state that must not change while the checkpoint is taken takes a lock in
 * CAIRN_BEFORE_CHECKPOINT and releases it at what comes after: the lock is in the image as it stood.
 */
#include <cairn.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void plugin_event(enum cairn_event event, void *data)
{
	const char *job;

	(void)data;
	switch (event) {
	case CAIRN_BEFORE_CHECKPOINT:
		pthread_mutex_lock(&lock);
		break;
	case CAIRN_AFTER_RESUME:
		pthread_mutex_unlock(&lock);
		fputs("plugin: the program goes on\n", stderr);
		break;
	case CAIRN_AFTER_RESTART:
		cairn_update_env("SLURM_JOB_ID");
		job = getenv("SLURM_JOB_ID");
		pthread_mutex_unlock(&lock);
		fprintf(stderr, "plugin: restarted, in job %s\n", job ? job : "(none)");
		break;
	}
}

__attribute__((constructor)) static void plugin_begin(void)
{
	if (cairn_on_event(plugin_event, NULL) < 0)
		fprintf(stderr, "plugin: %s\n", cairn_error());
}
