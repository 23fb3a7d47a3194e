/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UNIX sockets whose names are not where they were given: relative ones of a program that went elsewhere,
 * renamed ones, and one that was removed and given anew to another socket. All can be reached afterwards.
 */
#include "live.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un path(const char *text)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	strcpy(un.sun_path, text);
	return un;
}

static int bound(int type, const char *name)
{
	struct sockaddr_un un = path(name);
	int fd = socket(AF_UNIX, type, 0);

	LIVE_CHECK(fd >= 0 && !bind(fd, (void *)&un, sizeof(un)));
	LIVE_CHECK(type == SOCK_DGRAM || !listen(fd, 5));
	return fd;
}

static int to(const char *name)
{
	struct sockaddr_un un = path(name);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	LIVE_CHECK(fd >= 0 && !connect(fd, (void *)&un, sizeof(un)));
	return fd;
}

static void talk(int a, int b)
{
	char c = 0;

	LIVE_CHECK(write(a, "x", 1) == 1 && read(b, &c, 1) == 1 && c == 'x');
}

static void is_named(int fd, const char *name)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(un);

	LIVE_CHECK(!getsockname(fd, (void *)&un, &len) && !strcmp(un.sun_path, name));
}

/* In the directory where we are. */
static const char *absolute(const char *name)
{
	static char text[sizeof(((struct sockaddr_un *)0)->sun_path)];
	size_t len;

	LIVE_CHECK(getcwd(text, sizeof(text)));
	len = strlen(text);
	LIVE_CHECK(snprintf(text + len, sizeof(text) - len, "/%s", name) <
		   (int)(sizeof(text) - len));
	return text;
}

/* @listener has @name for itself, and is reached by @now. */
static void serves(int listener, const char *name, const char *now)
{
	int client = to(now), server;
	struct pollfd p = { .fd = listener, .events = POLLIN };

	LIVE_EQUAL(poll(&p, 1, 0), 1);
	server = accept(listener, NULL, NULL);
	LIVE_CHECK(server >= 0);
	talk(client, server);
	is_named(listener, name);
	close(client);
	close(server);
	LIVE_CHECK(!unlink(now));
}

static void hears(int fd, const char *now)
{
	struct sockaddr_un un = path(now);
	int from = socket(AF_UNIX, SOCK_DGRAM, 0);
	char text[8];

	LIVE_EQUAL(recv(fd, text, sizeof(text), MSG_DONTWAIT), 5);
	LIVE_EQUAL(sendto(from, "more", 4, 0, (void *)&un, sizeof(un)), 4);
	LIVE_EQUAL(recv(fd, text, sizeof(text), MSG_DONTWAIT), 4);
	LIVE_CHECK(!unlink(now));
}

static void absent(const char *name)
{
	struct stat st;

	LIVE_CHECK(lstat(name, &st) < 0 && errno == ENOENT);
}

int main(void)
{
	int left = bound(SOCK_STREAM, "left"), below = bound(SOCK_STREAM, "./left-too");
	int renamed = bound(SOCK_STREAM, "renamed"), inbox = bound(SOCK_DGRAM, "inbox");
	const char *twice = absolute("twice");
	int old = bound(SOCK_STREAM, twice), client = to(twice), server, waits, anew, told, far;
	struct sockaddr_un un = path("inbox");
	struct stat st;
	char text[8];

	server = accept(old, NULL, NULL);
	LIVE_EQUAL(write(server, "hello", 5), 5);
	waits = to(twice);
	LIVE_CHECK(!unlink(twice));
	anew = bound(SOCK_STREAM, twice);
	LIVE_EQUAL(sendto(inbox, "hello", 5, 0, (void *)&un, sizeof(un)), 5);
	LIVE_CHECK(!rename("renamed", "another") && !rename("inbox", "letters"));
	LIVE_CHECK(!chmod("another", 0751) && !mkdir("away", 0700) && !mkdir("far", 0700));
	/* To another directory: the kernel tells root where that is. */
	far = bound(SOCK_STREAM, "far-renamed");
	told = ioctl(far, SIOCPROTOPRIVATE /* SIOCUNIXFILE */);
	if (told >= 0)
		LIVE_CHECK(!close(told) && !rename("far-renamed", "far/renamed"));
	LIVE_CHECK(!chdir("away"));

	live_ready();

	LIVE_CHECK(!chdir(".."));
	LIVE_CHECK(!stat("another", &st) && (st.st_mode & 07777) == 0751);
	absent("renamed");
	absent("inbox");
	absent("away/left");
	serves(left, "left", "left");
	serves(below, "./left-too", "left-too");
	serves(renamed, "renamed", "another");
	hears(inbox, "letters");
	serves(far, "far-renamed", told >= 0 ? "far/renamed" : "far-renamed");
	LIVE_CHECK(read(client, text, sizeof(text)) == 5 && !memcmp(text, "hello", 5));
	talk(server, client);
	LIVE_CHECK(accept(old, NULL, NULL) >= 0 && waits >= 0);
	serves(anew, twice, twice);
	is_named(old, twice);
	LIVE_CHECK(!rmdir("away") && !rmdir("far"));
	return 0;
}
