/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System V shared memory: a keyed segment that parent and child have attached, a removed one that they still
 * have, and one that nobody has attached.
 */
#include "live_partner.h"

#include <sys/shm.h>

enum { SIZE = 100000 };

static int keyed, removed, alone;
static unsigned char *a, *b;

static void check_state(void)
{
	struct shmid_ds ds;

	LIVE_CHECK(!shmctl(keyed, IPC_STAT, &ds));
	LIVE_EQUAL(ds.shm_segsz, SIZE);
	LIVE_EQUAL(ds.shm_perm.mode & 0777, 0640);
	LIVE_EQUAL(ds.shm_nattch, 2);
	LIVE_CHECK(!shmctl(removed, IPC_STAT, &ds));
	LIVE_EQUAL(ds.shm_perm.mode & 01777, 01600);
	LIVE_EQUAL(ds.shm_nattch, 2);
	LIVE_CHECK(!shmctl(alone, IPC_STAT, &ds));
	LIVE_EQUAL(ds.shm_perm.mode & 01777, 0400);
	LIVE_EQUAL(ds.shm_nattch, 0);
}

/* Answers a byte in one segment with one in the other. */
static void answer(void)
{
	b[50000] = (unsigned char)(a[99999] + 1);
}

static void ask(const struct live_partner *other, unsigned char value)
{
	a[99999] = value;
	live_partner_ask(other);
	LIVE_EQUAL(b[50000], value + 1);
}

int main(void)
{
	key_t key = (key_t)getpid() | 0x5a000000;
	struct shmid_ds ds = {
		.shm_perm = { .uid = geteuid(), .gid = getegid(), .mode = 0400 },
	};
	struct live_partner other;
	char *at;

	keyed = shmget(key, SIZE, IPC_CREAT | IPC_EXCL | 0640);
	removed = shmget(IPC_PRIVATE, SIZE, 0600);
	alone = shmget(IPC_PRIVATE, SIZE, 0600);
	LIVE_CHECK(keyed >= 0 && removed >= 0 && alone >= 0);
	a = shmat(keyed, NULL, 0);
	b = shmat(removed, NULL, 0);
	at = shmat(alone, NULL, 0);
	LIVE_CHECK(a != (void *)-1 && b != (void *)-1 && at != (void *)-1);
	memset(a, 1, SIZE);
	memset(b, 2, SIZE);
	memset(at, 3, SIZE / 2);
	LIVE_CHECK(!shmdt(at));
	LIVE_CHECK(!shmctl(alone, IPC_SET, &ds));
	LIVE_CHECK(!shmctl(removed, IPC_RMID, NULL));
	live_partner_start(&other, answer);
	ask(&other, 10);
	check_state();
	live_ready();
	check_state();
	LIVE_EQUAL(a[0], 1);
	LIVE_EQUAL(b[0], 2);
	LIVE_EQUAL(a[99999], 10);
	ask(&other, 20);
	LIVE_EQUAL(shmget(key, SIZE, 0), keyed);
	at = shmat(alone, NULL, SHM_RDONLY);
	LIVE_CHECK(at != (void *)-1);
	LIVE_EQUAL(at[SIZE / 2 - 1], 3);
	LIVE_EQUAL(at[SIZE / 2], 0);
	live_partner_end(&other);
	LIVE_CHECK(!shmdt(a) && !shmdt(b));
	LIVE_CHECK(shmat(removed, NULL, 0) == (void *)-1);
	LIVE_CHECK(!shmctl(keyed, IPC_RMID, NULL) && !shmctl(alone, IPC_RMID, NULL));
	return 0;
}
