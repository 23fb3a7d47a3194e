/* SPDX-License-Identifier: Apache-2.0 */
/* personality, dumpable, no-new-privs, keep-caps, subreaper, THP-disable, parent-death signal. */
#include "live.h"

#include <sys/personality.h>
#include <sys/prctl.h>

static const int gets[] = { PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS, PR_GET_THP_DISABLE,
			    PR_GET_KEEPCAPS };

int main(void)
{
	long before[4];
	int value = 0;

	LIVE_CHECK(personality(ADDR_NO_RANDOMIZE | UNAME26) >= 0);
	LIVE_CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	LIVE_CHECK(!prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	LIVE_CHECK(!prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	LIVE_CHECK(!prctl(PR_SET_PDEATHSIG, SIGUSR2, 0, 0, 0));
	for (int i = 0; i < 4; i++)
		before[i] = prctl(gets[i], 0, 0, 0, 0);
	live_ready();
	LIVE_EQUAL(personality(0xffffffff), ADDR_NO_RANDOMIZE | UNAME26);
	for (int i = 0; i < 4; i++)
		LIVE_EQUAL(prctl(gets[i], 0, 0, 0, 0), before[i]);
	LIVE_EQUAL(before[1], 1);
	LIVE_CHECK(!prctl(PR_GET_CHILD_SUBREAPER, &value, 0, 0, 0));
	LIVE_EQUAL(value, 1);
	LIVE_CHECK(!prctl(PR_GET_PDEATHSIG, &value, 0, 0, 0));
	LIVE_EQUAL(value, SIGUSR2);
	return 0;
}
