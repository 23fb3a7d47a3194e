/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Says "got SIGNAL" for each signal it gets, and with an argument "read" also "got LINE" for each line.
 * Says "ready" when it is ready; ends at the end of its input, or never.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int heard[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };

static void say(int signo)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "got %s\n", sigabbrev_np(signo));

	if (write(STDOUT_FILENO, text, (size_t)n) < 0)
		_exit(1);
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = say };
	char line[256];
	ssize_t n;

	for (size_t i = 0; i < sizeof(heard) / sizeof(heard[0]); i++)
		sigaction(heard[i], &sa, NULL);
	puts("ready");
	fflush(stdout);
	while (argc < 2 || strcmp(argv[1], "read"))
		pause();
	while ((n = read(STDIN_FILENO, line, sizeof(line) - 1)) != 0) {
		if (n < 0 && errno != EINTR)
			return 1;
		if (n > 0)
			printf("got %.*s", (int)n, line);
		fflush(stdout);
	}
	return 0;
}
