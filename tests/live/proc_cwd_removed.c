/* SPDX-License-Identifier: Apache-2.0 */
/* A working directory that has been removed stays one that is nowhere. */
#include "live.h"

int main(void)
{
	char path[4096];

	LIVE_CHECK(!mkdir("gone", 0700) && !chdir("gone") && !rmdir("../gone"));
	live_ready();
	LIVE_CHECK(!getcwd(path, sizeof(path)) && errno == ENOENT);
	LIVE_CHECK(open("file", O_WRONLY | O_CREAT, 0600) < 0 && errno == ENOENT);
	return 0;
}
