/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which descriptors are closed by execve, where /proc does not tell. It shows the flag of the descriptor
 * among those of the description, and some descriptions have it themselves, for nothing, as they were opened
 * so (TIOCGPTPEER: the terminal of a container is): then only the process can be asked.
 */
#include "ckpt/checkpoint_state.h"

#include "base/owned.h"
#include "host/log.h"
#include "trace/errand.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

struct cloexec {
	struct model *m;
	size_t *unsure; /* index in its fds of each that is asked for */
};

static void cloexec_told(void *context, size_t which, long result)
{
	const struct cloexec *a = context;

	if (result >= 0)
		a->m->fds.at[a->unsure[which]].flags = result & FD_CLOEXEC;
}

static int cloexec_ask(struct ckpt *ckpt, size_t i, struct err *err)
{
	struct model *m = &ckpt->processes[i].m;
	OWNED_PTR struct errand *questions = calloc(m->fds.n + 1, sizeof(*questions));
	OWNED_PTR size_t *unsure = calloc(m->fds.n + 1, sizeof(*unsure));
	struct park_process one = ckpt->park.processes[i];
	struct cloexec a = { m, unsure };
	struct err why = ERR_INIT;
	size_t n = 0;

	if (!questions || !unsure)
		return err_set(err, ENOMEM, "look at descriptors");
	for (size_t k = 0; k < m->fds.n; k++) {
		if (!res_hides_cloexec(&ckpt->res, &m->fds.at[k]))
			continue;
		unsure[n] = k;
		questions[n++] =
			(struct errand){ SYS_fcntl, { (uint64_t)m->fds.at[k].fd, F_GETFD } };
	}
	if (!n)
		return 0;
	/* By one thread: they have the descriptors together. */
	while (one.nthreads > 1 && one.threads->exited) {
		one.threads++;
		one.nthreads--;
	}
	one.nthreads = 1;
	if (errand_run(&ckpt->park, &one, questions, n, cloexec_told, &a, &why) >= 0)
		return 0;
	/* A filter forbids to ask: standard streams stay open, as all have them. */
	log_info("cloexec", "%s", why.msg);
	for (size_t k = 0; k < n; k++)
		if (m->fds.at[unsure[k]].fd <= STDERR_FILENO)
			m->fds.at[unsure[k]].flags = 0;
	return 0;
}

int ckpt_ask_cloexec(struct ckpt *ckpt, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; ckpt->res.hides_cloexec && rc >= 0 && i < ckpt->nprocesses; i++)
		if (!ckpt->processes[i].zombie && !ckpt->processes[i].files_of)
			rc = cloexec_ask(ckpt, i, err);
	return rc;
}
