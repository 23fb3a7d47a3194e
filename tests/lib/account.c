/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/account.h"

#include "lib/bytes.h"
#include "lib/command.h"

#include <err.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* True if it did; else what it said is shown. */
static bool did(const char *const *argv)
{
	struct bytes said = { 0 };
	int status = command_run(argv, NULL, 0, &said);

	if (status)
		warnx("%s: %s", argv[0], said.n ? said.at : "fails");
	bytes_done(&said);
	return !status;
}

static bool make_user(struct account *a)
{
	char *name = getpwnam("cairn-test") ? bytes_format("cairn-test-%d", getpid())
					    : bytes_format("cairn-test");
	const char *const argv[] = {
		"useradd", "-M", "-d", a->base, "-s", "/bin/bash", name, NULL
	};

	if (!did(argv)) {
		free(name);
		return false;
	}
	a->user = name;
	a->name = "user";
	return true;
}

static bool own(const struct account *a, const char *path)
{
	const struct passwd *entry = a->user ? getpwnam(a->user) : NULL;

	return !a->user || (entry && !chown(path, entry->pw_uid, entry->pw_gid));
}

static char *make_directory(const char *parent, const char *prefix)
{
	char *path = bytes_format("%s/%s-XXXXXX", parent, prefix);

	if (!mkdtemp(path))
		err(1, "%s", path);
	return path;
}

bool account_open(struct account *a, const char *top, const char *build, bool plain)
{
	const struct passwd *me = getpwuid(getuid());
	OWNED_TEXT char *copy = bytes_format("%s/tests/lib/copy-tree", top);

	*a = (struct account){ .name = me ? me->pw_name : "me", .top = top, .build = build };
	a->base = make_directory("/var/tmp", "cairn-tests");
	a->tree = bytes_format("%s/tree", a->base);
	if (getuid() == 0)
		a->name = "root";
	const char *const argv[] = { copy, top, build, a->base, NULL };

	return (!plain || make_user(a)) && did(argv) && own(a, a->base);
}

void account_close(struct account *a)
{
	const char *const argv[] = { "userdel", a->user, NULL };

	if (a->base)
		command_remove(a->base);
	if (a->user)
		command_run(argv, NULL, 0, NULL);
	free(a->user);
	free(a->base);
	free(a->tree);
	a->user = a->base = a->tree = NULL;
}

char *account_room(const struct account *a, const struct test *test)
{
	OWNED_TEXT char *prefix = bytes_format("%s", test->name);

	for (char *s = prefix; (s = strchr(s, '/'));)
		*s = '-';
	char *room = make_directory(a->base, prefix);

	if (!own(a, room))
		err(1, "%s", room);
	return room;
}

static bool is_ours(const char *variable)
{
	static const char *const prefixes[] = { "CAIRN_", "SLURM_", "XDG_", "PYENV", "OMP_" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(variable, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

static void set_path(const char *name, const char *parent, const char *rest)
{
	OWNED_TEXT char *path = bytes_format("%s%s", parent, rest);

	setenv(name, path, 1);
}

void account_environment(const struct account *a, const char *room)
{
	char **e = environ;

	while (*e) {
		OWNED_TEXT char *name = bytes_format("%.*s", (int)strcspn(*e, "="), *e);

		if (!is_ours(name) || unsetenv(name))
			e++;
	}
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("BUILD", a->build, 1);
	setenv("TMPDIR", room, 1);
	setenv("HOME", room, 1);
	set_path("CAIRN_RUNDIR", room, "/run");
	set_path("CAIRN", a->tree, "/build/cairn");
	set_path("TESTS", a->tree, "/tests");
	setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
	setenv("ASAN_OPTIONS", "detect_leaks=1", 1);
	setenv("OMP_NUM_THREADS", "2", 1);
	/* Threads that wait give way: several tests share the cores. */
	setenv("OMP_WAIT_POLICY", "passive", 1);
}
