/* SPDX-License-Identifier: Apache-2.0 */
/* To whom the name of a UNIX socket belongs; and a directory that is gone with the names in it stays gone. */
#include "live.h"

#include <sys/socket.h>
#include <sys/un.h>

static int bound(const char *path, struct sockaddr_un *name)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*name = (struct sockaddr_un){ .sun_family = AF_UNIX };
	strcpy(name->sun_path, path);
	LIVE_CHECK(fd >= 0 && !bind(fd, (void *)name, sizeof(*name)));
	return fd;
}

int main(void)
{
	struct stat before, after;
	struct sockaddr_un name;
	int client = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), server;
	char c = 0;

	unlink("given");
	rmdir("above");
	LIVE_CHECK(bound("given", &name) >= 0);
	if (!getuid())
		LIVE_CHECK(!chown("given", 12345, 23456));
	LIVE_CHECK(!chmod("given", 0640) && !stat("given", &before));
	LIVE_CHECK(!mkdir("above", 0700) && !mkdir("above/it", 0700));
	server = bound("above/it/gone", &name);
	LIVE_CHECK(!connect(client, (void *)&name, sizeof(name)));
	LIVE_CHECK(!unlink("above/it/gone") && !rmdir("above/it"));

	live_ready();

	LIVE_CHECK(!stat("given", &after) && after.st_mode == before.st_mode);
	LIVE_CHECK(after.st_uid == before.st_uid && after.st_gid == before.st_gid);
	LIVE_CHECK(access("above/it", F_OK) < 0 && errno == ENOENT && !access("above", F_OK));
	LIVE_EQUAL(send(client, "x", 1, 0), 1);
	LIVE_EQUAL(recv(server, &c, 1, MSG_DONTWAIT), 1);
	return 0;
}
