/* SPDX-License-Identifier: Apache-2.0 */
/* Code written at run time still runs, and can be rewritten. */
#include "live.h"

static const unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 }; /* mov $42, %eax; ret */

int main(void)
{
	unsigned char *p =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int (*call)(void);

	LIVE_CHECK(p != MAP_FAILED);
	memcpy(p, code, sizeof(code));
	memcpy(&call, &p, sizeof(call));
	LIVE_CHECK(!mprotect(p, 4096, PROT_READ | PROT_EXEC));
	LIVE_EQUAL(call(), 42);
	live_ready();
	LIVE_EQUAL(call(), 42);
	LIVE_CHECK(!mprotect(p, 4096, PROT_READ | PROT_WRITE));
	p[1] = 43;
	LIVE_CHECK(!mprotect(p, 4096, PROT_READ | PROT_EXEC));
	LIVE_EQUAL(call(), 43);
	return 0;
}
