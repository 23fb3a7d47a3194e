/* SPDX-License-Identifier: Apache-2.0 */
/* After the restart it can become another program, which is then checkpointed in its turn. */
#include "live.h"

int main(int argc, char **argv)
{
	char name[] = "again";

	if (argc > 1)
		return 0;
	live_ready();
	char *args[] = { argv[0], name, NULL };
	execv("/proc/self/exe", args);
	live_fail("exec: %s", strerror(errno));
}
