/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities that outlast a change of user: with secure bits that keep all of them in effect, and ambient
 * ones, after which no more can be made so.
 */
#include "live_who.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>

enum { OTHER = 4321 };

static const char *const lines[] = { "Uid:",	"Gid:",	   "Groups:", "CapInh:",
				     "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:" };

static void look_at(char text[4096], int *bits)
{
	live_read("/proc/self/status", text, 4096);
	*bits = prctl(PR_GET_SECUREBITS);
}

/* Say that we are there, and look again at the end. */
static void last(void)
{
	char before[4096], after[4096], c = 0;
	int bits, bits_after;

	look_at(before, &bits);
	close(end[1]);
	LIVE_EQUAL(write(born[1], &c, 1), 1);
	LIVE_EQUAL(read(end[0], &c, 1), 0);
	look_at(after, &bits_after);
	LIVE_EQUAL(bits_after, bits);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *was = strstr(before, lines[i]), *is = strstr(after, lines[i]);

		if (strncmp(was, is, strcspn(was, "\n") + 1))
			live_fail("%.*s, not %.*s", (int)strcspn(is, "\n"), is,
				  (int)strcspn(was, "\n"), was);
	}
	_exit(0);
}

static void change_user(void)
{
	const gid_t groups[] = { OTHER + 10, OTHER + 11 };

	LIVE_CHECK(!setgroups(2, groups));
	LIVE_CHECK(!setresgid(OTHER, OTHER + 1, OTHER + 2));
	LIVE_CHECK(!setresuid(OTHER, OTHER + 1, OTHER + 2));
}

static void keep_all(void)
{
	LIVE_CHECK(!prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_NOROOT));
	change_user();
	last();
}

static void keep_ambient(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	uint32_t some = 1u << CAP_NET_BIND_SERVICE | 1u << CAP_KILL;

	LIVE_CHECK(!prctl(PR_SET_KEEPCAPS, 1));
	change_user();
	data[0].effective = some | 1u << CAP_SETPCAP;
	data[0].permitted = some | 1u << CAP_SETPCAP;
	data[0].inheritable = some;
	LIVE_CHECK(!syscall(SYS_capset, &head, data));
	LIVE_CHECK(!prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0));
	LIVE_CHECK(!prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE));
	data[0].effective = 1u << CAP_KILL;
	data[0].permitted = some;
	LIVE_CHECK(!syscall(SYS_capset, &head, data));
	last();
}

int main(void)
{
	void (*const kinds[])(void) = { keep_all, keep_ambient };
	int status;
	char c;

	if (geteuid())
		live_skip("a plain user has no capabilities to keep");
	LIVE_CHECK(!pipe(end) && !pipe(born));
	for (int i = 0; i < 2; i++) {
		if (!fork())
			kinds[i]();
		LIVE_EQUAL(read(born[0], &c, 1), 1);
	}
	live_ready();
	close(end[1]);
	for (int i = 0; i < 2; i++) {
		LIVE_CHECK(wait(&status) > 0);
		LIVE_EQUAL(status, 0);
	}
	return 0;
}
