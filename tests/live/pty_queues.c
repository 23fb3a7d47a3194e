/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals with something under way: lines typed and not read, half a line, output nobody has read. */
#include "live.h"

#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

enum { LONG = 9000 };

struct pair {
	int master, slave;
};

static struct pair pair_open(bool canonical)
{
	struct termios t;
	struct pair p;

	LIVE_CHECK(!openpty(&p.master, &p.slave, NULL, NULL, NULL));
	LIVE_CHECK(!tcgetattr(p.slave, &t));
	if (!canonical)
		cfmakeraw(&t);
	t.c_lflag &= ~(tcflag_t)ECHO;
	LIVE_CHECK(!tcsetattr(p.slave, TCSANOW, &t));
	return p;
}

static void type(struct pair p, const char *text)
{
	LIVE_EQUAL(write(p.master, text, strlen(text)), strlen(text));
}

static void expect(int fd, const char *want, size_t len)
{
	static char buf[LONG];

	for (size_t have = 0; have < len;) {
		ssize_t n = read(fd, buf + have, len - have);

		LIVE_CHECK(n > 0);
		have += (size_t)n;
		LIVE_CHECK(!memcmp(buf, want, have));
	}
}

/* One read gives one line. */
static void line(struct pair p, const char *want)
{
	char buf[256];
	ssize_t n = read(p.slave, buf, sizeof(buf));

	LIVE_EQUAL(n, strlen(want));
	LIVE_CHECK(!memcmp(buf, want, (size_t)n));
}

static void nothing(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	LIVE_EQUAL(poll(&p, 1, 0), 0);
}

static char text[LONG];

int main(void)
{
	struct pair lines = pair_open(true), raw = pair_open(false), out = pair_open(false);
	struct pair stopped = pair_open(true), packet = pair_open(false), closed = pair_open(false);
	int on = 1;

	for (int i = 0; i < LONG; i++)
		text[i] = (char)('a' + i % 23);
	type(lines, "one\ntwo\n\026\003thr\026\026ee\003four\nend of file\004\004par\026\021t");
	type(raw, "\003\032raw\026\r\n\377");
	LIVE_EQUAL(write(out.slave, text, LONG), LONG);
	type(stopped, "\023half");
	LIVE_CHECK(!ioctl(packet.master, TIOCPKT, &on));
	LIVE_EQUAL(write(packet.slave, "packet", 6), 6);
	LIVE_EQUAL(write(closed.slave, "last words", 10), 10);
	close(closed.slave);
	live_ready();
	/* The ^C took what was typed before it away. */
	line(lines, "four\n");
	line(lines, "end of file");
	line(lines, "");
	nothing(lines.slave);
	type(lines, "ial\n");
	line(lines, "par\021tial\n");
	expect(raw.slave, "\003\032raw\026\r\n\377", 9);
	nothing(raw.slave);
	expect(out.master, text, LONG);
	nothing(out.master);
	LIVE_CHECK(!fcntl(stopped.slave, F_SETFL, O_NONBLOCK));
	LIVE_CHECK(write(stopped.slave, "x", 1) == -1 && errno == EAGAIN);
	type(stopped, "\021\n");
	line(stopped, "half\n");
	LIVE_EQUAL(write(stopped.slave, "x", 1), 1);
	expect(stopped.master, "x", 1);
	expect(packet.master, "\0packet", 7);
	nothing(packet.master);
	expect(closed.master, "last words", 10);
	LIVE_CHECK(read(closed.master, text, 1) == -1 && errno == EIO);
	return 0;
}
