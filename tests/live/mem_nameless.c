/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mappings of files without a name, whatever descriptors are left of them: a private one follows the file
 * where it has not been written, a shared one can be written though only a reader is open.
 */
#include "live.h"

enum { LEN = 16384, PAGE = 4096 };

static volatile char *mapped(int fd, int how)
{
	char *at = mmap(NULL, LEN, PROT_READ | PROT_WRITE, how, fd, 0);

	LIVE_CHECK(at != MAP_FAILED);
	return at;
}

static int again(int fd, int how)
{
	char via[64];

	snprintf(via, sizeof(via), "/proc/self/fd/%d", fd);
	fd = open(via, how);
	LIVE_CHECK(fd >= 0);
	return fd;
}

static void put(int fd, int page, char what)
{
	LIVE_EQUAL(pwrite(fd, &what, 1, page * PAGE), 1);
}

/* The second page is the program's own by now. */
static void check_private(volatile char *at, int writer)
{
	LIVE_EQUAL(at[0], 'a');
	LIVE_EQUAL(at[PAGE], 'M');
	put(writer, 0, 'A');
	put(writer, 1, 'B');
	put(writer, 3, 'D');
	LIVE_EQUAL(at[0], 'A');
	LIVE_EQUAL(at[PAGE], 'M');
	LIVE_EQUAL(at[2 * PAGE], 'c');
	LIVE_EQUAL(at[3 * PAGE], 'D');
}

int main(void)
{
	int mem = memfd_create("mem", 0), file = live_file("file", LEN, 0), reader, writer;
	volatile char *shared, *own, *shared_file, *own_file;
	char c;

	LIVE_CHECK(mem >= 0 && !ftruncate(mem, LEN) && !unlink("file"));
	reader = again(mem, O_RDONLY);
	writer = again(file, O_WRONLY);
	for (int i = 0; i < 4; i++) {
		put(mem, i, (char)('a' + i));
		put(file, i, (char)('a' + i));
	}
	shared = mapped(mem, MAP_SHARED);
	own = mapped(mem, MAP_PRIVATE);
	shared_file = mapped(file, MAP_SHARED);
	own_file = mapped(file, MAP_PRIVATE);
	own[PAGE] = own_file[PAGE] = 'M';
	close(file);
	close(mem);
	live_ready();
	LIVE_EQUAL(own[0], 'a');
	LIVE_EQUAL(own[PAGE], 'M');
	shared[0] = 'A';
	shared[PAGE] = 'B';
	LIVE_EQUAL(own[0], 'A');
	LIVE_EQUAL(own[PAGE], 'M');
	check_private(own_file, writer);
	LIVE_EQUAL(shared_file[3 * PAGE], 'D');
	shared[1] = 's';
	LIVE_CHECK(pread(reader, &c, 1, 1) == 1 && c == 's');
	LIVE_CHECK(write(reader, &c, 1) < 0 && errno == EBADF);
	LIVE_EQUAL(fcntl(writer, F_GETFL) & O_ACCMODE, O_WRONLY);
	return 0;
}
