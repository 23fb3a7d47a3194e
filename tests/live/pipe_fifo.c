/* SPDX-License-Identifier: Apache-2.0 */
/* FIFOs: both ends inside with something on its way, a reader alone, one whose name is gone. */
#include "live.h"

int main(void)
{
	int in, out, alone, lost_in, lost_out, late;
	char buf[32];

	LIVE_CHECK(!mkfifo("both", 0640) && !mkfifo("alone", 0600) && !mkfifo("lost", 0600));
	in = open("both", O_RDONLY | O_NONBLOCK);
	out = open("both", O_WRONLY);
	alone = open("alone", O_RDONLY | O_NONBLOCK);
	lost_in = open("lost", O_RDONLY | O_NONBLOCK);
	lost_out = open("lost", O_WRONLY);
	LIVE_CHECK(in >= 0 && out >= 0 && alone >= 0 && lost_in >= 0 && lost_out >= 0);
	LIVE_CHECK(!unlink("lost"));
	LIVE_EQUAL(write(out, "on its way", 10), 10);
	LIVE_EQUAL(write(lost_out, "lost", 4), 4);

	live_ready();

	LIVE_EQUAL(read(in, buf, sizeof(buf)), 10);
	LIVE_CHECK(read(in, buf, sizeof(buf)) < 0 && errno == EAGAIN);
	LIVE_EQUAL(fcntl(in, F_GETFL) & O_ACCMODE, O_RDONLY);
	late = open("both", O_WRONLY | O_NONBLOCK);
	LIVE_CHECK(late >= 0 && write(late, "later", 5) == 5);
	LIVE_EQUAL(read(in, buf, sizeof(buf)), 5);
	close(late);
	close(out);
	LIVE_EQUAL(read(in, buf, sizeof(buf)), 0);
	LIVE_EQUAL(read(alone, buf, sizeof(buf)), 0);
	late = open("alone", O_WRONLY | O_NONBLOCK);
	LIVE_CHECK(late >= 0 && write(late, "hello", 5) == 5);
	LIVE_EQUAL(read(alone, buf, sizeof(buf)), 5);
	LIVE_EQUAL(read(lost_in, buf, sizeof(buf)), 4);
	LIVE_EQUAL(write(lost_out, "x", 1), 1);
	LIVE_EQUAL(read(lost_in, buf, sizeof(buf)), 1);
	unlink("both");
	unlink("alone");
	return 0;
}
