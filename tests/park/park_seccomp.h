/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of parking threads under a seccomp filter. */
#pragma once

#include "park_test.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

/* From now on system call @nr gives @action (SECCOMP_RET_*), and every other one @others. */
static inline void park_confine(uint32_t nr, uint32_t action, uint32_t others)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, others),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	EXPECT(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	EXPECT(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog));
}
