/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers each line with the value of the environment variable of that name, "-" where there is none; a
 * line NAME=VALUE is set first. With an argument it begins by setting one: the array then lies in the heap.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static size_t count(void)
{
	size_t n = 0;

	while (environ[n])
		n++;
	return n;
}

int main(int argc, char **argv)
{
	static char line[8192];
	char *value;

	(void)argv;
	if (argc > 1)
		setenv("OF_ITS_OWN", "set", 1);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (strchr(line, '='))
			putenv(strdup(line));
		line[strcspn(line, "=")] = '\0';
		value = getenv(line);
		printf("%zu =%s\n", count(), value ? value : "-");
		fflush(stdout);
	}
	return 0;
}
