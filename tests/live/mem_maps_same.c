/* SPDX-License-Identifier: Apache-2.0 */
/* The list of mappings, addresses, protections and names, is the same text afterwards. */
#include "live_proc.h"

static char before[1 << 16], after[1 << 16];

int main(void)
{
	live_maps(before, sizeof(before));
	live_ready();
	live_maps(after, sizeof(after));
	if (strcmp(before, after))
		live_fail("maps differ\n--- before\n%s--- after\n%s", before, after);
	return 0;
}
