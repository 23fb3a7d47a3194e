/* SPDX-License-Identifier: Apache-2.0 */
/* umask and working directory. */
#include "live.h"

int main(void)
{
	char before[4096], after[4096];

	umask(0137);
	LIVE_CHECK(!mkdir("below", 0700) || errno == EEXIST);
	LIVE_CHECK(!chmod("below", 0700) && !chdir("below"));
	LIVE_CHECK(getcwd(before, sizeof(before)));
	live_ready();
	LIVE_CHECK(getcwd(after, sizeof(after)));
	LIVE_CHECK(!strcmp(before, after));
	LIVE_EQUAL(umask(0), 0137);
	return 0;
}
