/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The master of a terminal in packet mode, which is told of changes of the terminal. Says its process id, and
 * then counts the lines that it reads, or says what it was told instead.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

int main(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave, on = 1;
	struct pollfd told = { .fd = master, .events = POLLPRI };
	char line[64];

	if (master < 0 || grantpt(master) || unlockpt(master))
		return 1;
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (slave < 0 || ioctl(master, TIOCPKT, &on) || write(slave, "on its way", 10) != 10)
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%d\n", getpid());
	for (int n = 1; fgets(line, sizeof(line), stdin); n++) {
		if (poll(&told, 1, 0) == 1 && read(master, line, sizeof(line)) > 0)
			printf("told %d\n", line[0]);
		else
			printf("%d\n", n);
	}
	return read(master, line, sizeof(line)) != 11 || line[0] != TIOCPKT_DATA;
}
