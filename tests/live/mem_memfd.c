/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A memfd: its descriptors and its mapping are still the same memory; size, seals, positions and flags
 * stay, also of one that is open for reading only, and of a path of it (O_PATH) that comes first.
 */
#include "live.h"

/* What stands at number @a at number @b, and the other way round. */
static void swap(int *a, int *b)
{
	int aside = dup(*a), number = *a;

	LIVE_CHECK(aside >= 0 && dup2(*b, *a) == *a && dup2(aside, *b) == *b);
	close(aside);
	*a = *b;
	*b = number;
}

int main(void)
{
	enum { LEN = 300000 };
	int fd = memfd_create("live", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char *p, c, via[64];
	int reader, path;
	struct stat st, same;

	LIVE_CHECK(fd >= 0 && !ftruncate(fd, LEN));
	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	LIVE_CHECK(p != MAP_FAILED);
	for (int i = 0; i < LEN; i++)
		p[i] = (char)(i * 3);
	LIVE_CHECK(!fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
	LIVE_EQUAL(lseek(fd, 1234, SEEK_SET), 1234);
	LIVE_CHECK(!fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK));
	snprintf(via, sizeof(via), "/proc/self/fd/%d", fd);
	reader = open(via, O_RDONLY);
	path = open(via, O_PATH);
	LIVE_CHECK(reader >= 0 && path >= 0);
	swap(&fd, &path);
	LIVE_EQUAL(lseek(reader, 77, SEEK_SET), 77);
	live_ready();
	LIVE_CHECK(path < fd && fcntl(path, F_GETFL) & O_PATH);
	LIVE_CHECK(!fstat(path, &st) && !fstat(fd, &same) && st.st_ino == same.st_ino);
	LIVE_EQUAL(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK),
		   O_RDWR | O_APPEND | O_NONBLOCK);
	LIVE_EQUAL(fcntl(reader, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK), O_RDONLY);
	LIVE_EQUAL(lseek(reader, 0, SEEK_CUR), 77);
	for (int i = 0; i < LEN; i++)
		LIVE_EQUAL(p[i], (char)(i * 3));
	LIVE_EQUAL(lseek(fd, 0, SEEK_CUR), 1234);
	p[1234] = 'x';
	LIVE_CHECK(read(fd, &c, 1) == 1 && c == 'x');
	LIVE_EQUAL(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW);
	LIVE_CHECK(ftruncate(fd, 1) == -1 && errno == EPERM);
	return 0;
}
