/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files whose name was removed, but that have another. A name given whole files only is given like that:
 * made under a passing name, linked, the passing name removed (sem_open(3) does so, for one); and the
 * process that made it knows it by the removed one for ever.
 */
#include "base/text.h"
#include "res/res.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static bool linked_entry(DIR *dir, const struct dirent *entry, dev_t dev, ino_t ino)
{
	struct stat st;

	return entry->d_ino == ino &&
	       fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_dev == dev && st.st_ino == ino;
}

bool res_linked_name(char *path, size_t size, dev_t dev, ino_t ino)
{
	char *name = strrchr(path, '/');
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	if (!name || name == path)
		return false;
	*name = '\0';
	dir = opendir(path);
	*name++ = '/';
	while (dir && !found && (entry = readdir(dir))) {
		if (!linked_entry(dir, entry, dev, ino))
			continue;
		found = strlen(entry->d_name) < size - (size_t)(name - path);
		if (found)
			strcpy(name, entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}
