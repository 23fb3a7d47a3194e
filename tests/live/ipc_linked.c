/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared memory that got its name by link(2) when it was ready, as sem_open(3) gives it: the process
 * that made it knows it by a name that is gone, another by the one that is there, and a third opens it
 * later.
 */
#include "live_partner.h"

enum { SIZE = 4096 };

static char passing[64], name[64], file[64];

static unsigned char *map(int fd)
{
	unsigned char *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	LIVE_CHECK(at != MAP_FAILED);
	return at;
}

static unsigned char *map_named(void)
{
	int fd = open(name, O_RDWR);

	LIVE_CHECK(fd >= 0);
	unsigned char *at = map(fd);

	close(fd);
	return at;
}

/* The other process, by a mapping of its own: one more. */
static void add(void)
{
	static unsigned char *at;

	if (!at)
		at = map_named();
	at[0]++;
}

static int make(const char *as)
{
	int fd = open(passing, O_RDWR | O_CREAT | O_EXCL, 0600);

	LIVE_CHECK(fd >= 0 && !ftruncate(fd, SIZE) && !link(passing, as) && !unlink(passing));
	return fd;
}

int main(void)
{
	struct live_partner other;
	struct stat held, named;
	unsigned char *at;
	int fd, open_fd;

	snprintf(passing, sizeof(passing), "/dev/shm/live-passing-%d", getpid());
	snprintf(name, sizeof(name), "/dev/shm/live-linked-%d", getpid());
	snprintf(file, sizeof(file), "live-linked-file-%d", getpid());
	fd = make(name);
	at = map(fd);
	close(fd);
	snprintf(passing, sizeof(passing), "live-passing-%d", getpid());
	open_fd = make(file);
	live_partner_start(&other, add);
	live_partner_ask(&other);
	LIVE_EQUAL(at[0], 1);
	live_ready();
	live_partner_ask(&other);
	LIVE_EQUAL(at[0], 2);
	at[0]++;
	LIVE_EQUAL(map_named()[0], 3);
	LIVE_CHECK(!fstat(open_fd, &held) && !stat(file, &named));
	LIVE_EQUAL(held.st_ino, named.st_ino);
	live_partner_end(&other);
	LIVE_CHECK(!unlink(name) && !unlink(file));
	return 0;
}
