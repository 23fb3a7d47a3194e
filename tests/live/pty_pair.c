/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal with both ends here: its name, settings, size, and what is under way in both directions. */
#include "live.h"

#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

enum { NUMBERS_BELOW = 48 };

static struct termios plain, changed;

/* Somebody else may have the name by now, never two of us. */
static void check_name(int master, int slave, const char *old)
{
	char name[64], seen[64], path[64];
	struct stat by_name, by_fd;
	ssize_t n;

	LIVE_CHECK(!ptsname_r(master, name, sizeof(name)));
	LIVE_CHECK(!strcmp(name, old) || !stat(old, &by_name));
	LIVE_CHECK(!stat(name, &by_name) && !fstat(slave, &by_fd));
	LIVE_EQUAL(by_name.st_rdev, by_fd.st_rdev);
	LIVE_EQUAL(by_name.st_ino, by_fd.st_ino);
	LIVE_EQUAL(by_name.st_mode & 07777, 0640);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", slave);
	n = readlink(path, seen, sizeof(seen) - 1);
	LIVE_CHECK(n > 0);
	seen[n] = '\0';
	LIVE_CHECK(!strcmp(seen, name));
}

static void check_settings(int master, int slave)
{
	struct winsize size = { 0 };
	struct termios now;
	int packet = 0;

	LIVE_CHECK(!tcgetattr(slave, &now));
	LIVE_EQUAL(now.c_lflag, changed.c_lflag);
	LIVE_EQUAL(now.c_iflag, changed.c_iflag);
	LIVE_EQUAL(now.c_oflag, changed.c_oflag);
	LIVE_EQUAL(now.c_cflag, changed.c_cflag);
	LIVE_CHECK(!memcmp(now.c_cc, changed.c_cc, sizeof(now.c_cc)));
	LIVE_CHECK(!ioctl(slave, TIOCGWINSZ, &size));
	LIVE_EQUAL(size.ws_row, 33);
	LIVE_EQUAL(size.ws_col, 111);
	LIVE_EQUAL(size.ws_xpixel, 5);
	LIVE_CHECK(!ioctl(master, TIOCGPKT, &packet));
	LIVE_EQUAL(packet, 0);
	LIVE_EQUAL(fcntl(master, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	LIVE_EQUAL(fcntl(slave, F_GETFL) & (O_NONBLOCK | O_CLOEXEC), 0);
	LIVE_EQUAL(fcntl(slave, F_GETFD), 0);
}

/*
 * Whoever opens a terminal gets the lowest number, and might have ours while we are away, and have left it
 * when we look: so a high one, and as another user another.
 */
static void open_high(int *master, int *slave, char *name, const struct winsize *size)
{
	int below[2 * NUMBERS_BELOW];
	int n = getuid() ? 2 * NUMBERS_BELOW : NUMBERS_BELOW;

	for (int i = 0; i < n; i++)
		LIVE_CHECK((below[i] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) >= 0);
	LIVE_CHECK(!openpty(master, slave, name, NULL, size));
	while (n)
		close(below[--n]);
}

int main(void)
{
	struct winsize size = { 33, 111, 5, 6 };
	int master, slave;
	char name[64], buf[256];

	open_high(&master, &slave, name, &size);
	LIVE_CHECK(!fchmod(slave, 0640));
	LIVE_CHECK(!fcntl(master, F_SETFL, O_NONBLOCK));
	LIVE_CHECK(!tcgetattr(slave, &plain));
	changed = plain;
	changed.c_lflag &= ~(tcflag_t)(ECHO | ECHOE);
	changed.c_oflag |= OCRNL;
	changed.c_cc[VERASE] = 'q';
	changed.c_cc[VINTR] = 5;
	LIVE_CHECK(!tcsetattr(slave, TCSANOW, &changed));
	live_ready();
	check_name(master, slave, name);
	check_settings(master, slave);
	LIVE_EQUAL(write(master, "helxqlo\n", 8), 8);
	LIVE_EQUAL(read(slave, buf, sizeof(buf)), 6);
	LIVE_CHECK(!memcmp(buf, "hello\n", 6));
	LIVE_EQUAL(write(slave, "a\rb\n", 4), 4);
	fcntl(master, F_SETFL, 0);
	for (int have = 0; have < 5;) {
		ssize_t n = read(master, buf + have, sizeof(buf) - (size_t)have);

		LIVE_CHECK(n > 0);
		have += (int)n;
	}
	LIVE_CHECK(!memcmp(buf, "a\nb\r\n", 5) || !memcmp(buf, "a\r\nb\r\n", 6));
	close(slave);
	LIVE_CHECK(read(master, buf, sizeof(buf)) <= 0 || read(master, buf, sizeof(buf)) == -1);
	return 0;
}
