/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port can be had again at once though its connection has just ended, whichever ends remain in
 * TIME_WAIT, and at an address that is not the loopback's: in a network of the test's own.
 */
#include "unit.h"

#include "base/err.h"
#include "base/owned.h"
#include "res/inet.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SECONDS = 5, CHUNK = 1 << 16 };

struct ends {
	int client, server;
	union inet_name client_name, server_name;
};

static socklen_t name_of(int fd, union inet_name *name)
{
	socklen_t len = sizeof(*name);

	CHECK(getsockname(fd, &name->any, &len) == 0);
	return len;
}

static struct ends make(const char *address)
{
	struct ends e = { .client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	OWNED_FD int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	e.server_name.v4.sin_family = AF_INET;
	CHECK(inet_pton(AF_INET, address, &e.server_name.v4.sin_addr) == 1);
	CHECK(bind(listening, &e.server_name.any, sizeof(e.server_name.v4)) == 0);
	CHECK(listen(listening, 1) == 0);
	name_of(listening, &e.server_name);
	CHECK(connect(e.client, &e.server_name.any, sizeof(e.server_name.v4)) == 0);
	name_of(e.client, &e.client_name);
	e.server = accept(listening, NULL, NULL);
	return e;
}

/* Both close before either hears of it: what the client says last waits behind a shut window. */
static void end_together(const struct ends *e)
{
	static char chunk[CHUNK];

	while (send(e->client, chunk, sizeof(chunk), MSG_DONTWAIT) > 0)
		;
	shutdown(e->client, SHUT_WR);
	shutdown(e->server, SHUT_WR);
	while (recv(e->server, chunk, sizeof(chunk), 0) > 0)
		;
	close(e->client);
	close(e->server);
}

static void end_by_turns(int first, int second)
{
	close(first);
	close(second);
}

static bool can_bind(const union inet_name *name)
{
	OWNED_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct err err = ERR_INIT;
	int rc = inet_bind(fd, name, sizeof(name->v4), SECONDS, &err);

	if (rc < 0)
		fprintf(stderr, "%s\n", err.msg);
	return rc == 0;
}

static void test(const char *address)
{
	struct ends e = make(address);

	end_together(&e);
	CHECK(can_bind(&e.server_name));
	CHECK(can_bind(&e.client_name));
	e = make(address);
	end_together(&e);
	CHECK(can_bind(&e.client_name));
	CHECK(can_bind(&e.server_name));
	e = make(address);
	end_by_turns(e.client, e.server);
	CHECK(can_bind(&e.client_name));
	e = make(address);
	end_by_turns(e.server, e.client);
	CHECK(can_bind(&e.server_name));
}

/* The address 192.0.2.1 in a network namespace. False: not allowed here. */
static bool own_network(void)
{
	struct ifreq r = { .ifr_name = "lo" };
	OWNED_FD int fd = -1;

	if (unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNET : CLONE_NEWNET) < 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	r.ifr_flags = IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &r) < 0)
		return false;
	((struct sockaddr_in *)&r.ifr_addr)->sin_family = AF_INET;
	strcpy(r.ifr_name, "lo:1");
	inet_pton(AF_INET, "192.0.2.1", &((struct sockaddr_in *)&r.ifr_addr)->sin_addr);
	return ioctl(fd, SIOCSIFADDR, &r) == 0;
}

int main(void)
{
	test("127.0.0.1");
	if (own_network())
		test("192.0.2.1");
	else
		fprintf(stderr, "no network of our own\n");
	return unit_result();
}
