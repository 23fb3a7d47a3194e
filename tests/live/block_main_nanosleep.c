/* SPDX-License-Identifier: Apache-2.0 */
/* The only thread sleeps: the whole program is one interrupted call. */
#include "live.h"

int main(void)
{
	struct timespec step = { 0, 300000000 };

	live_begin();
	while (!live_gone())
		LIVE_EQUAL(nanosleep(&step, NULL), 0);
	return 0;
}
