/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a parent has been told of children that job control stops and lets go on. The kernel keeps it with the
 * child and tells the parent alone, which asks once more without taking it.
 */
#include "ckpt/capture.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

int capture_told(struct probe *probe, struct img_process *child, const struct park_process *parked,
		 struct err *err)
{
	const uint64_t args[4] = { P_PID, (uint64_t)parked->pid, PROBE_ASK_DATA,
				   WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT | __WALL };
	siginfo_t info = { 0 };
	int64_t result;
	int rc = probe_ask(probe, SYS_waitid, args, &info, sizeof(info), &result, err);

	if (rc < 0 || result < 0)
		return rc;
	if (info.si_pid && info.si_code == CLD_CONTINUED)
		child->flags |= IMG_PROC_CONTINUED;
	else if (info.si_pid)
		child->stop_signal = (uint32_t)info.si_status;
	else if (park_stopped(parked))
		child->flags |= IMG_PROC_STOP_TOLD;
	return 0;
}
