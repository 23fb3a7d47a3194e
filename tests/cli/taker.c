/* SPDX-License-Identifier: Apache-2.0 */
/* taker ID: a process with that id lives for a second. Exits 1 where somebody else has it. */
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	pid_t id = argc > 1 ? atoi(argv[1]) : 0;
	struct clone_args args = { .exit_signal = SIGCHLD,
				   .set_tid = (uintptr_t)&id,
				   .set_tid_size = 1 };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0) {
		nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
		_exit(0);
	}
	return pid < 0 || waitpid((pid_t)pid, NULL, 0) < 0;
}
