/* SPDX-License-Identifier: Apache-2.0 */
/* A UNIX socket with a relative name in a directory below, where the program was for that moment only. */
#include "live.h"

#include <sys/socket.h>
#include <sys/un.h>

int main(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "inner" };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client, server;
	char c;

	LIVE_CHECK((!mkdir("below", 0700) || errno == EEXIST) && !chdir("below"));
	unlink("inner");
	LIVE_CHECK(listener >= 0 && !bind(listener, (void *)&un, sizeof(un)));
	LIVE_CHECK(!listen(listener, 5) && !chdir(".."));

	live_ready();

	strcpy(un.sun_path, "below/inner");
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	LIVE_CHECK(client >= 0 && !connect(client, (void *)&un, sizeof(un)));
	server = accept(listener, NULL, NULL);
	LIVE_CHECK(server >= 0 && write(client, "x", 1) == 1 && read(server, &c, 1) == 1);
	return 0;
}
