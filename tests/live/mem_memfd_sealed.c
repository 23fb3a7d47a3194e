/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A memfd that lets nobody write (F_SEAL_FUTURE_WRITE) but one who has mapped it already; and its mode.
 * One that stays executable (F_SEAL_EXEC).
 */
#include "live.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20 /* Linux 6.3 */
#endif

static int executable(void)
{
	int fd = memfd_create("program", MFD_ALLOW_SEALING);

	LIVE_CHECK(fd >= 0 && !fchmod(fd, 0750));
	fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC | F_SEAL_GROW);
	return fd;
}

int main(void)
{
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING),
	    seals = F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
	int program = executable(), program_seals = fcntl(program, F_GET_SEALS);
	struct stat st;
	char *at, c;

	LIVE_CHECK(fd >= 0 && !ftruncate(fd, 4096) && !fchmod(fd, 0640));
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	LIVE_CHECK(at != MAP_FAILED);
	strcpy(at, "before");
	LIVE_CHECK(!fcntl(fd, F_ADD_SEALS, seals));
	live_ready();
	LIVE_EQUAL(fcntl(fd, F_GET_SEALS), seals);
	LIVE_CHECK(!strcmp(at, "before"));
	at[0] = 'B';
	LIVE_CHECK(pread(fd, &c, 1, 0) == 1 && c == 'B');
	LIVE_CHECK(pwrite(fd, &c, 1, 0) < 0 && errno == EPERM);
	LIVE_CHECK(!fstat(fd, &st));
	LIVE_EQUAL(st.st_mode & 07777, 0640);
	LIVE_EQUAL(fcntl(program, F_GET_SEALS), program_seals);
	LIVE_CHECK(!fstat(program, &st));
	LIVE_EQUAL(st.st_mode & 07777, 0750);
	return 0;
}
