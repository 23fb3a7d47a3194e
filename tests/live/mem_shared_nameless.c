/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A deleted file and a memfd, mapped by two processes, one of which has closed its descriptor: still the
 * same memory. (Python's multiprocessing shares values in this way.)
 */
#include "live.h"

static volatile int *map(int fd)
{
	void *at;

	LIVE_CHECK(!ftruncate(fd, 4096));
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	LIVE_CHECK(at != MAP_FAILED);
	return at;
}

int main(void)
{
	int fd = live_file("gone", 0, 0), mem = memfd_create("mem", MFD_CLOEXEC);
	volatile int *file = map(fd), *memory = map(mem);
	int line[2], status;
	char word = 0;
	pid_t pid;

	LIVE_CHECK(!unlink("gone") && !pipe(line));
	*file = *memory = 40;
	pid = fork();
	LIVE_CHECK(pid >= 0);
	if (!pid) {
		close(fd);
		close(mem);
		LIVE_EQUAL(read(line[0], &word, 1), 1);
		*file += 2;
		*memory += 3;
		_exit(0);
	}
	live_ready();
	LIVE_EQUAL(write(line[1], &word, 1), 1);
	LIVE_EQUAL(waitpid(pid, &status, 0), pid);
	LIVE_EQUAL(status, 0);
	LIVE_EQUAL(*file, 42);
	LIVE_EQUAL(*memory, 43);
	LIVE_EQUAL(pread(fd, &status, sizeof(status), 0), sizeof(status));
	LIVE_EQUAL(status, 42);
	return 0;
}
