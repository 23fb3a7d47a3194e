/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities that a process of root's has forbidden itself for good, and those that it has put aside. */
#include "live.h"

#include <linux/capability.h>
#include <sys/prctl.h>

int main(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2], after[2];
	uint32_t gone = 1u << CAP_SYS_TIME | 1u << CAP_SYS_MODULE;

	if (geteuid())
		live_skip("a plain user has no capabilities to give up");
	LIVE_CHECK(!prctl(PR_CAPBSET_DROP, CAP_SYS_MODULE));
	LIVE_CHECK(!syscall(SYS_capget, &head, data));
	data[0].permitted &= ~gone;
	data[0].effective &= ~(gone | 1u << CAP_CHOWN);
	LIVE_CHECK(!syscall(SYS_capset, &head, data));
	live_ready();
	LIVE_CHECK(!syscall(SYS_capget, &head, after) && !memcmp(data, after, sizeof(data)));
	LIVE_EQUAL(prctl(PR_CAPBSET_READ, CAP_SYS_MODULE), 0);
	LIVE_EQUAL(prctl(PR_CAPBSET_READ, CAP_SYS_TIME), 1);
	return 0;
}
