/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POSIX shared memory with a name and without, and a named semaphore, between parent and child. What is
 * written after the checkpoint is forgotten by the restart.
 */
#include "live_partner.h"

#include <semaphore.h>

enum { SIZE = 3 << 20 };

static char named_name[64], gone_name[64], sem_name[64];
static unsigned char *named, *gone;
static sem_t *sem;

static unsigned char *segment(const char *name, int *fd)
{
	unsigned char *at;

	*fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0640);
	LIVE_CHECK(*fd >= 0 && !ftruncate(*fd, SIZE));
	at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	LIVE_CHECK(at != MAP_FAILED);
	return at;
}

/* Adds one to both whenever the semaphore is up. */
static void add(void)
{
	LIVE_CHECK(!sem_wait(sem));
	named[SIZE - 1]++;
	gone[SIZE / 2]++;
}

int main(void)
{
	struct live_partner other;
	struct stat st, open_st;
	unsigned char last;
	int fd, value;

	snprintf(named_name, sizeof(named_name), "/live-named-%d", getpid());
	snprintf(gone_name, sizeof(gone_name), "/live-gone-%d", getpid());
	snprintf(sem_name, sizeof(sem_name), "/live-sem-%d", getpid());
	named = segment(named_name, &fd);
	close(fd);
	gone = segment(gone_name, &fd);
	LIVE_CHECK(!shm_unlink(gone_name));
	sem = sem_open(sem_name, O_CREAT | O_EXCL, 0600, 2);
	LIVE_CHECK(sem != SEM_FAILED);
	live_partner_start(&other, add);
	live_partner_ask(&other);
	live_ready();
	LIVE_EQUAL(named[SIZE - 1], 1);
	LIVE_EQUAL(gone[SIZE / 2], 1);
	LIVE_CHECK(!sem_getvalue(sem, &value));
	LIVE_EQUAL(value, 1);
	live_partner_ask(&other);
	LIVE_EQUAL(named[SIZE - 1], 2);
	LIVE_EQUAL(gone[SIZE / 2], 2);
	LIVE_CHECK(!fstat(fd, &st));
	LIVE_EQUAL(st.st_size, SIZE);
	close(fd);
	fd = shm_open(named_name, O_RDWR, 0);
	LIVE_CHECK(fd >= 0 && !fstat(fd, &open_st));
	LIVE_EQUAL(open_st.st_mode & 0777, 0640);
	LIVE_CHECK(pread(fd, &last, 1, SIZE - 1) == 1);
	LIVE_EQUAL(last, 2);
	live_partner_end(&other);
	LIVE_CHECK(!shm_unlink(named_name) && !sem_unlink(sem_name));
	return 0;
}
