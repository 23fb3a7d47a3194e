/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/rseq.h"

#include "base/sys.h"
#include "trace/regs.h"
#include "trace/remote.h"

#include <asm/unistd.h>

enum {
	RSEQ_GET_CONFIGURATION = 0x420f, /* PTRACE_GET_RSEQ_CONFIGURATION */
	RSEQ_CS = 8, /* where struct rseq has the address of its sequence */
};

struct rseq_sequence { /* struct rseq_cs of linux/rseq.h */
	uint32_t version, flags;
	uint64_t start_ip, post_commit_offset, abort_ip;
};

bool rseq_ask(pid_t tid, struct rseq_config *config)
{
	*config = (struct rseq_config){ 0 };
	return sys4(__NR_ptrace, RSEQ_GET_CONFIGURATION, tid, sizeof(*config), config) > 0 &&
	       config->ptr;
}

bool rseq_leave(pid_t pid, uint64_t ptr, struct user_regs_struct *regs)
{
	struct rseq_sequence s;
	uint64_t at = 0;

	if (!ptr || remote_read(pid, ptr + RSEQ_CS, &at, sizeof(at), NULL) < 0 || !at ||
	    remote_read(pid, at, &s, sizeof(s), NULL) < 0 ||
	    regs_pc(regs) - s.start_ip >= s.post_commit_offset)
		return false;
	regs_set_pc(regs, s.abort_ip);
	return true;
}
