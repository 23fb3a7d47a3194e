/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_urings that do nothing at the moment: one that has gone round several times, one with ends that
 * nobody has taken and requests that nobody has submitted, one without an array of indices, small and
 * large ones; and they go on as before.
 */
#include "uring.h"

#include <sys/epoll.h>

enum { UNTAKEN = 5, UNSENT = 3, HISTORY = 1003 };

static struct uring fresh, worn, waiting, single, large, plain, bare, crowded;

static void go_on(struct uring *u)
{
	unsigned int tail = u->tail, head = u->head;

	LIVE_EQUAL(*uring_at(u, u->p.sq_off.head), tail);
	LIVE_EQUAL(*uring_at(u, u->p.cq_off.tail), head);
	uring_history(u, 2 * u->p.cq_entries + 3);
	LIVE_EQUAL(*uring_at(u, u->p.sq_off.head), tail + 2 * u->p.cq_entries + 3);
	LIVE_EQUAL(*uring_at(u, u->p.sq_off.dropped), 0);
	LIVE_EQUAL(*uring_at(u, u->p.cq_off.overflow), 0);
}

static void fill(struct uring *u)
{
	for (uint64_t i = 0; i < UNTAKEN; i++)
		uring_nop(u, 100 + i);
	LIVE_EQUAL(uring_enter(u, UNTAKEN, 0), UNTAKEN);
	for (uint64_t i = 0; i < UNSENT; i++)
		uring_nop(u, 200 + i);
}

static void empty(struct uring *u)
{
	LIVE_EQUAL(uring_ready(u), UNTAKEN);
	for (unsigned int i = 0; i < UNTAKEN; i++)
		LIVE_EQUAL(uring_take(u).user_data, 100 + i);
	LIVE_EQUAL(uring_enter(u, UNSENT, UNSENT), UNSENT);
	LIVE_EQUAL(uring_ready(u), UNSENT);
	for (unsigned int i = 0; i < UNSENT; i++)
		LIVE_EQUAL(uring_take(u).user_data, 200 + i);
}

/* More ends than there is room for: those that wait to be taken stay what they are. */
static void crowd(struct uring *u)
{
	LIVE_EQUAL(uring_enter(u, UNSENT, 0), UNSENT);
	for (int i = 0; i < 2; i++) {
		for (unsigned int k = 0; k < u->p.sq_entries; k++)
			uring_nop(u, 300);
		LIVE_EQUAL(uring_enter(u, u->p.sq_entries, 0), u->p.sq_entries);
	}
	LIVE_EQUAL(uring_ready(u), u->p.cq_entries);
	for (unsigned int i = 0; i < UNTAKEN; i++)
		LIVE_EQUAL(uring_take(u).user_data, 100 + i);
	for (unsigned int i = 0; i < UNSENT; i++)
		LIVE_EQUAL(uring_take(u).user_data, 200 + i);
}

static bool has_no_array(void)
{
	struct io_uring_params p = { .flags = IORING_SETUP_NO_SQARRAY };
	int fd = (int)syscall(SYS_io_uring_setup, 1, &p);

	return fd >= 0 && close(fd) == 0;
}

int main(void)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 1 };
	bool no_array = has_no_array();
	int watcher;

	uring_setup(&fresh, 8, 0);
	uring_setup(&worn, 8, 0);
	uring_history(&worn, HISTORY);
	uring_setup(&waiting, 16, 0);
	uring_history(&waiting, 29);
	fill(&waiting);
	uring_setup(&crowded, 16, 0);
	uring_history(&crowded, 29);
	fill(&crowded);
	uring_setup(&single, 1, 0);
	uring_history(&single, 7);
	uring_setup(&large, 4096, 0);
	uring_history(&large, 5000);
	if (no_array) {
		uring_setup(&plain, 32, IORING_SETUP_NO_SQARRAY);
		uring_history(&plain, 77);
		fill(&plain);
		uring_setup(&bare, 4096, IORING_SETUP_NO_SQARRAY);
	}
	watcher = epoll_create1(EPOLL_CLOEXEC);
	LIVE_CHECK(!epoll_ctl(watcher, EPOLL_CTL_ADD, waiting.fd, &event));
	event.data.u64 = 2;
	LIVE_CHECK(!epoll_ctl(watcher, EPOLL_CTL_ADD, worn.fd, &event));
	live_ready();
	LIVE_EQUAL(epoll_wait(watcher, &event, 1, -1), 1); /* there is something to take */
	LIVE_EQUAL(event.data.u64, 1);
	empty(&waiting);
	LIVE_EQUAL(epoll_wait(watcher, &event, 1, 0), 0);
	crowd(&crowded);
	go_on(&fresh);
	go_on(&worn);
	go_on(&waiting);
	go_on(&single);
	go_on(&large);
	if (no_array) {
		empty(&plain);
		go_on(&plain);
		go_on(&bare);
	}
	return 0;
}
