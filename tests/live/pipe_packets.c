/* SPDX-License-Identifier: Apache-2.0 */
/* Pipes in packet mode, of another size, full to the last byte, with pages spliced in from a file. */
#include "live.h"

static void nonblocking(int fd)
{
	LIVE_CHECK(!fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK));
}

int main(void)
{
	int packets[2], one[2], full[2], spliced[2], file = live_file("file", 9000, 's');
	static char buf[1 << 17];
	size_t sum = 0;
	ssize_t n;

	LIVE_CHECK(!pipe2(packets, O_DIRECT) && !pipe2(one, O_DIRECT) && !pipe(full) &&
		   !pipe(spliced));
	LIVE_EQUAL(write(packets[1], "first", 5), 5);
	LIVE_EQUAL(write(packets[1], "2", 1), 1);
	LIVE_EQUAL(write(packets[1], "third one", 9), 9);
	LIVE_EQUAL(write(one[1], "single", 6), 6);
	LIVE_CHECK(fcntl(full[1], F_SETPIPE_SZ, 1 << 17) == 1 << 17);
	nonblocking(full[1]);
	memset(buf, 'f', sizeof(buf));
	while ((n = write(full[1], buf, sizeof(buf))) > 0)
		sum += (size_t)n;
	LIVE_EQUAL(sum, 1 << 17);
	LIVE_EQUAL(splice(file, &(off_t){ 0 }, spliced[1], NULL, 9000, 0), 9000);

	live_ready();

	/* Part of a packet is read: the rest of it is gone. */
	LIVE_EQUAL(read(packets[0], buf, 2), 2);
	LIVE_CHECK(!memcmp(buf, "fi", 2));
	LIVE_EQUAL(read(packets[0], buf, sizeof(buf)), 1);
	LIVE_EQUAL(read(packets[0], buf, sizeof(buf)), 9);
	LIVE_EQUAL(fcntl(packets[1], F_GETFL) & O_DIRECT, O_DIRECT);
	LIVE_EQUAL(read(one[0], buf, 1), 1);
	nonblocking(one[0]);
	LIVE_CHECK(read(one[0], buf, 1) < 0 && errno == EAGAIN);
	LIVE_EQUAL(fcntl(full[0], F_GETPIPE_SZ), 1 << 17);
	LIVE_CHECK(write(full[1], "x", 1) < 0 && errno == EAGAIN);
	LIVE_EQUAL(read(full[0], buf, sizeof(buf)), 1 << 17);
	LIVE_EQUAL(read(spliced[0], buf, sizeof(buf)), 9000);
	LIVE_CHECK(buf[0] == 's' && buf[8999] == 's');
	unlink("file");
	return 0;
}
