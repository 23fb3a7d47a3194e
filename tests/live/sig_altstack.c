/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpointed inside a handler on an alternate stack; the stack stays set, in use and then not. */
#include "live.h"

static char room[65536] __attribute__((aligned(16)));
static volatile int was_inside;

static void on_usr1(int sig)
{
	char local[256];
	stack_t now;

	(void)sig;
	memset(local, 'l', sizeof(local));
	live_ready();
	LIVE_EQUAL(local[255], 'l');
	LIVE_CHECK(&local[0] > &room[0] && local < room + sizeof(room));
	LIVE_CHECK(!sigaltstack(NULL, &now));
	LIVE_CHECK(now.ss_flags & SS_ONSTACK);
	was_inside = 1;
}

int main(void)
{
	stack_t set = { .ss_sp = room, .ss_size = sizeof(room) }, now;
	struct sigaction sa = { .sa_handler = on_usr1, .sa_flags = SA_ONSTACK };

	LIVE_CHECK(!sigaltstack(&set, NULL) && !sigaction(SIGUSR1, &sa, NULL));
	LIVE_CHECK(!raise(SIGUSR1));
	LIVE_EQUAL(was_inside, 1);
	LIVE_CHECK(!sigaltstack(NULL, &now));
	LIVE_CHECK(now.ss_sp == room && now.ss_size == sizeof(room) && !now.ss_flags);
	return 0;
}
