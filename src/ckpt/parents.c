/* SPDX-License-Identifier: Apache-2.0 */
/* The parents of what was left out of a checkpoint. */
#include "ckpt/checkpoint_state.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

static struct ckpt_process *parents_find(struct ckpt *ckpt, pid_t pid)
{
	for (size_t i = 0; i < ckpt->nprocesses; i++)
		if (ckpt->processes[i].pid == pid)
			return &ckpt->processes[i];
	return NULL;
}

static int parents_tell(struct ckpt *ckpt, const struct img_process *child, struct err *err)
{
	struct ckpt_process *p = parents_find(ckpt, child->ppid);
	siginfo_t info = { .si_signo = (int)child->exit_signal, .si_code = CLD_KILLED };
	struct img_pending *pending;

	if (!p || p->zombie || !child->exit_signal)
		return 0;
	for (size_t i = 0; i < p->m.pending.n; i++)
		if (!p->m.pending.at[i].tid &&
		    !memcmp(p->m.pending.at[i].siginfo, &info.si_signo, sizeof(info.si_signo)))
			return 0;
	pending = model_add(&p->m.pending);
	if (!pending)
		return err_set(err, ENOMEM, "capture process %d", p->pid);
	info.si_pid = child->pid;
	info.si_uid = p->m.process.uid[0];
	info.si_status = SIGKILL;
	memcpy(pending->siginfo, &info, sizeof(pending->siginfo));
	return 0;
}

int ckpt_tell_parents(struct ckpt *ckpt, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < ckpt->nprocesses; i++)
		if (ckpt->processes[i].skipped)
			rc = parents_tell(ckpt, &ckpt->processes[i].m.process, err);
	return rc;
}
