/* SPDX-License-Identifier: Apache-2.0 */
/*
 * headless FILE: puts itself into the background, where its first thread ends and another writes numbers
 * without a gap to FILE; FILE.pid is its process id.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static const char *file;

static void *write_numbers(void *arg)
{
	FILE *f = fopen(file, "w");

	(void)arg;
	for (int n = 1; f; n++) {
		fprintf(f, "%d\n", n);
		fflush(f);
		usleep(20000);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	char name[256];
	pthread_t t;
	FILE *f;

	if (argc < 2 || daemon(1, 0))
		return 1;
	file = argv[1];
	snprintf(name, sizeof(name), "%s.pid", file);
	f = fopen(name, "w");
	if (!f || pthread_create(&t, NULL, write_numbers, NULL))
		return 1;
	fprintf(f, "%d\n", getpid());
	fclose(f);
	pthread_exit(NULL);
}
