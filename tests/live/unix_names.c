/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UNIX sockets with names, by path and abstract: listening ones with clients that wait, accepted connections,
 * datagrams with the names of their senders, names that have been removed, one with its directory.
 */
#include "live.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

struct name {
	struct sockaddr_un un;
	socklen_t len;
};

static struct name path(const char *text)
{
	struct name n = { .un = { .sun_family = AF_UNIX } };

	snprintf(n.un.sun_path, sizeof(n.un.sun_path), "%s", text);
	n.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(text) + 1);
	return n;
}

/* Nobody else's: with our id in it. */
static struct name abstract(const char *text)
{
	struct name n = { .un = { .sun_family = AF_UNIX } };
	int len = snprintf(n.un.sun_path + 1, sizeof(n.un.sun_path) - 1, "cairn-%d-%d-%s", getuid(),
			   getpid(), text);

	n.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
	return n;
}

static int bound(int type, const struct name *n)
{
	int fd = socket(AF_UNIX, type, 0);

	LIVE_CHECK(fd >= 0 && !bind(fd, (const void *)&n->un, n->len));
	return fd;
}

static int to(int type, const struct name *n)
{
	int fd = socket(AF_UNIX, type, 0);

	LIVE_CHECK(fd >= 0 && !connect(fd, (const void *)&n->un, n->len));
	return fd;
}

static void is_named(int fd, int (*get)(int, struct sockaddr *, socklen_t *), const struct name *n)
{
	struct name got = { .len = sizeof(got.un) };

	LIVE_CHECK(!get(fd, (void *)&got.un, &got.len));
	LIVE_EQUAL(got.len, n->len);
	LIVE_CHECK(!memcmp(&got.un, &n->un, n->len));
}

static void talk(int a, int b)
{
	char c = 0;

	LIVE_EQUAL(write(a, "x", 1), 1);
	LIVE_EQUAL(read(b, &c, 1), 1);
	LIVE_EQUAL(write(b, "y", 1), 1);
	LIVE_EQUAL(read(a, &c, 1), 1);
	LIVE_EQUAL(c, 'y');
}

struct server {
	struct name name;
	int listener, client, accepted, waiting[2];
};

static void serve(struct server *s, int type)
{
	s->listener = bound(type, &s->name);
	LIVE_CHECK(!listen(s->listener, 5));
	s->client = to(type, &s->name);
	s->accepted = accept(s->listener, NULL, NULL);
	LIVE_EQUAL(write(s->accepted, "hello", 5), 5);
	s->waiting[0] = to(type, &s->name);
	s->waiting[1] = to(type, &s->name);
}

static void still_serves(struct server *s, bool reachable, int type)
{
	char buf[16];
	int fd;

	is_named(s->listener, getsockname, &s->name);
	is_named(s->accepted, getsockname, &s->name);
	is_named(s->client, getpeername, &s->name);
	LIVE_EQUAL(read(s->client, buf, sizeof(buf)), 5);
	talk(s->client, s->accepted);
	for (int i = 0; i < 2; i++) {
		fd = accept(s->listener, NULL, NULL);
		LIVE_CHECK(fd >= 0);
		talk(s->waiting[i], fd);
	}
	if (reachable) {
		fd = to(type, &s->name);
		talk(fd, accept(s->listener, NULL, NULL));
	}
}

static void from(int fd, const struct name *sender, const char *text)
{
	struct name got = { .len = sizeof(got.un) };
	char buf[16];

	LIVE_EQUAL(recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (void *)&got.un, &got.len),
		   strlen(text));
	LIVE_CHECK(!memcmp(buf, text, strlen(text)));
	LIVE_EQUAL(got.len, sender ? sender->len : 0);
	LIVE_CHECK(!sender || !memcmp(&got.un, &sender->un, sender->len));
}

static void say(int fd, const struct name *n, const char *text)
{
	LIVE_EQUAL(sendto(fd, text, strlen(text), 0, (const void *)&n->un, n->len), strlen(text));
}

int main(void)
{
	struct server s[4] = { { .name = path("server") },
			       { .name = abstract("server") },
			       { .name = path("removed") },
			       { .name = path("rooms/inner/removed") } };
	struct name inbox = path("inbox"), alive = abstract("alive"), gone = path("gone");
	int mailbox = bound(SOCK_DGRAM, &inbox), writer = bound(SOCK_DGRAM, &alive);
	int lost = bound(SOCK_DGRAM, &gone), anonymous, orphan;
	struct stat st;

	serve(&s[0], SOCK_STREAM);
	serve(&s[1], SOCK_SEQPACKET);
	serve(&s[2], SOCK_STREAM);
	LIVE_CHECK(!mkdir("rooms", 0700) && !mkdir("rooms/inner", 0700));
	serve(&s[3], SOCK_STREAM);
	LIVE_CHECK(!unlink("rooms/inner/removed") && !rmdir("rooms/inner") && !rmdir("rooms"));
	LIVE_CHECK(!unlink("removed") && !chmod("server", 0751));
	/* The server of this one has gone. */
	orphan = dup(s[0].accepted);
	close(s[0].accepted);
	s[0].accepted = orphan;
	say(writer, &inbox, "one");
	say(lost, &inbox, "two");
	close(lost);
	LIVE_CHECK(!unlink("gone"));
	anonymous = to(SOCK_DGRAM, &inbox);
	LIVE_EQUAL(write(anonymous, "three", 5), 5);
	LIVE_EQUAL(write(anonymous, "", 0), 0);
	LIVE_CHECK(!connect(writer, (const void *)&inbox.un, inbox.len));

	live_ready();

	still_serves(&s[0], true, SOCK_STREAM);
	still_serves(&s[1], true, SOCK_SEQPACKET);
	still_serves(&s[2], false, SOCK_STREAM);
	still_serves(&s[3], false, SOCK_STREAM);
	LIVE_CHECK(stat("rooms/inner/removed", &st) < 0);
	LIVE_CHECK(!stat("server", &st) && (st.st_mode & 07777) == 0751);
	LIVE_CHECK(stat("removed", &st) < 0 && stat("gone", &st) < 0);
	is_named(mailbox, getsockname, &inbox);
	is_named(writer, getpeername, &inbox);
	from(mailbox, &alive, "one");
	from(mailbox, &gone, "two");
	from(mailbox, NULL, "three");
	from(mailbox, NULL, "");
	LIVE_EQUAL(write(writer, "four", 4), 4);
	from(mailbox, &alive, "four");
	LIVE_EQUAL(write(anonymous, "five", 4), 4);
	from(mailbox, NULL, "five");
	say(mailbox, &alive, "back");
	from(writer, &inbox, "back");
	unlink("server");
	unlink("inbox");
	return 0;
}
