/* SPDX-License-Identifier: Apache-2.0 */
/* A directory that is being read goes on where it stood; an O_PATH descriptor stays one. */
#include "live.h"

#include <dirent.h>

int main(void)
{
	char name[32], seen[200] = { 0 };
	struct dirent *e;
	int path, flags;
	DIR *d;

	mkdir("many", 0700);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "many/%d", i);
		close(live_file(name, 0, 0));
	}
	path = open("many", O_PATH | O_CLOEXEC);
	d = opendir("many");
	LIVE_CHECK(d && path >= 0);
	for (int i = 0; i < 50 && (e = readdir(d)); i++)
		seen[atoi(e->d_name)] += e->d_name[0] != '.';
	flags = fcntl(dirfd(d), F_GETFL);
	live_ready();
	LIVE_EQUAL(fcntl(dirfd(d), F_GETFL), flags);
	while ((e = readdir(d)))
		seen[atoi(e->d_name)] += e->d_name[0] != '.';
	for (int i = 0; i < 200; i++)
		LIVE_EQUAL(seen[i], 1);
	LIVE_CHECK(fcntl(path, F_GETFL) & O_PATH);
	LIVE_CHECK(!faccessat(path, "7", F_OK, 0));
	return 0;
}
