/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has the POSIX message queue NAME open, which it has made where nobody had; NAME with "notify": and wants
 * to be told of messages, until a line comes. Says "there" then, and for each line how many there were.
 */
#include <err.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct mq_attr attr = { .mq_maxmsg = 2, .mq_msgsize = 8 };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGURG };
	mqd_t queue = argc > 1 ? mq_open(argv[1], O_RDWR | O_CREAT, 0600, &attr) : -1;
	char line[16];

	if (queue < 0 || (argc > 2 && mq_notify(queue, &event)))
		err(1, "queue");
	puts("there");
	fflush(stdout);
	for (int n = 1; fgets(line, sizeof(line), stdin); n++) {
		mq_notify(queue, NULL);
		printf("%d\n", n);
		fflush(stdout);
	}
	mq_unlink(argv[1]);
	return 0;
}
