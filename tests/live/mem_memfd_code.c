/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code in a memfd, made by a program that is careful to ask for it (MFD_EXEC), and a memfd that can never be
 * executed: mode, seals and mapping stay. Also run where vm.memfd_noexec makes all others so
 * (cli/memfd_noexec).
 */
#include "live.h"

#ifndef MFD_EXEC
#define MFD_NOEXEC_SEAL 8
#define MFD_EXEC 16
#endif

enum { LEN = 4096, ANSWER = 42 };

struct memfd {
	int fd, seals;
	mode_t mode;
};

static struct memfd make(const char *name, unsigned int how)
{
	struct memfd m = { .fd = memfd_create(name, how) };
	struct stat st;

	if (m.fd < 0)
		live_skip("this kernel does not tell memfds with code from others");
	LIVE_CHECK(!ftruncate(m.fd, LEN) && !fstat(m.fd, &st));
	m.seals = fcntl(m.fd, F_GET_SEALS);
	m.mode = st.st_mode;
	return m;
}

static void check(const struct memfd *m)
{
	struct stat st;

	LIVE_CHECK(!fstat(m->fd, &st));
	LIVE_EQUAL(st.st_mode, m->mode);
	LIVE_EQUAL(fcntl(m->fd, F_GET_SEALS), m->seals);
}

int main(void)
{
	static const unsigned char code[] = { 0xb8, ANSWER, 0, 0, 0, 0xc3 }; /* mov, ret */
	struct memfd with = make("code", MFD_EXEC), never = make("data", MFD_NOEXEC_SEAL);
	struct memfd any = make("any", 0);
	int (*run)(void);
	void *at;

	LIVE_EQUAL(pwrite(with.fd, code, sizeof(code), 0), sizeof(code));
	at = mmap(NULL, LEN, PROT_READ | PROT_EXEC, MAP_PRIVATE, with.fd, 0);
	LIVE_CHECK(at != MAP_FAILED);
	memcpy(&run, &at, sizeof(run));
	live_ready();
	LIVE_EQUAL(run(), ANSWER);
	check(&with);
	check(&never);
	check(&any);
	return 0;
}
