/* SPDX-License-Identifier: Apache-2.0 */
/* clock FILE: asks for the time and does nothing else; a byte in FILE for each million times. */
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0666) : -1;
	struct timespec before = { 0 }, now;

	for (unsigned long n = 1; fd >= 0; n++) {
		if (clock_gettime(CLOCK_MONOTONIC, &now) < 0 || now.tv_sec < before.tv_sec)
			return 1;
		before = now;
		if (n % 1000000 == 0 && write(fd, ".", 1) != 1)
			return 1;
	}
	return 1;
}
