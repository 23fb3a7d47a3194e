/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Look at the heart of a measured program (heart.h).
 *	beat HEART ready	wait until its memory is filled
 *	beat HEART reset	forget the longest gap
 *	beat HEART gap		print the longest gap, milliseconds
 *	beat HEART since NS	wait for a beat after NS (date +%s%N), print the milliseconds between
 */
#include "heart.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TRIES = 600000, NAP_US = 100 }; /* a minute */

static int wait_since(const struct heart *h, int64_t start)
{
	for (int i = 0; i < TRIES; i++) {
		if (h->beat_ns > start) {
			printf("%.1f\n", (double)(h->beat_ns - start) / 1e6);
			return 0;
		}
		usleep(NAP_US);
	}
	return 1;
}

static int wait_zero(_Atomic int32_t *word, int32_t until)
{
	for (int i = 0; i < TRIES; i++) {
		if (*word == until)
			return 0;
		usleep(NAP_US);
	}
	return 1;
}

int main(int argc, char **argv)
{
	struct heart *h = MAP_FAILED;
	int fd = -1;

	for (int i = 0; argc >= 3 && fd < 0 && i < TRIES; i++) {
		fd = open(argv[1], O_RDWR | O_CLOEXEC);
		if (fd < 0 || lseek(fd, 0, SEEK_END) < 4096) {
			usleep(NAP_US);
			if (fd >= 0)
				close(fd);
			fd = -1;
		}
	}
	if (fd >= 0)
		h = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (h == MAP_FAILED)
		return 2;
	if (!strcmp(argv[2], "ready"))
		return wait_zero(&h->ready, 1);
	if (!strcmp(argv[2], "since") && argc == 4)
		return wait_since(h, atoll(argv[3]));
	if (!strcmp(argv[2], "gap"))
		return printf("%.1f\n", (double)h->gap_ns / 1e6) < 0;
	if (strcmp(argv[2], "reset"))
		return 2;
	h->reset = 1;
	return wait_zero(&h->reset, 0);
}
