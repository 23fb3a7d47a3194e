/* SPDX-License-Identifier: Apache-2.0 */
/* O_PATH of a file, links, a FIFO and a file without a name; a link and a directory that are removed. */
#include "live.h"

static char kind(int fd)
{
	struct stat st;

	LIVE_CHECK(!fstat(fd, &st));
	return S_ISREG(st.st_mode)    ? 'f'
	       : S_ISLNK(st.st_mode)  ? 'l'
	       : S_ISFIFO(st.st_mode) ? 'p'
	       : S_ISDIR(st.st_mode)  ? 'd'
				      : '?';
}

/* Where the link itself leads to. */
static void leads(int fd, const char *target)
{
	char text[64] = "";

	LIVE_CHECK(kind(fd) == 'l' && readlinkat(fd, "", text, sizeof(text) - 1) > 0);
	LIVE_CHECK(!strcmp(text, target));
}

int main(void)
{
	int dangling, lost;
	int file, link, fifo, nameless, removed, again;
	char via[64], c;
	struct stat st;

	close(live_file("file", 4, 'a'));
	close(live_file("gone", 4, 'g'));
	LIVE_CHECK(!symlink("file", "link") && !mkfifo("fifo", 0600) && !mkdir("dir", 0700));
	file = open("file", O_PATH);
	link = open("link", O_PATH | O_NOFOLLOW);
	LIVE_CHECK(!symlink("nowhere", "dangling") && !symlink("no place", "lost"));
	dangling = open("dangling", O_PATH | O_NOFOLLOW);
	lost = open("lost", O_PATH | O_NOFOLLOW);
	LIVE_CHECK(dangling >= 0 && lost >= 0 && !unlink("lost"));
	fifo = open("fifo", O_PATH);
	nameless = open("gone", O_PATH);
	removed = open("dir", O_RDONLY | O_DIRECTORY);
	LIVE_CHECK(file >= 0 && link >= 0 && fifo >= 0 && nameless >= 0 && removed >= 0);
	LIVE_CHECK(!unlink("gone") && !rmdir("dir"));

	live_ready();

	LIVE_CHECK(kind(file) == 'f' && kind(link) == 'l' && kind(fifo) == 'p');
	leads(link, "file");
	leads(dangling, "nowhere");
	leads(lost, "no place");
	LIVE_CHECK(lstat("lost", &st) < 0 && !lstat("dangling", &st) && !unlink("dangling"));
	LIVE_CHECK(read(file, &c, 1) < 0 && errno == EBADF);
	LIVE_CHECK(kind(nameless) == 'f' && read(nameless, &c, 1) < 0 && errno == EBADF);
	snprintf(via, sizeof(via), "/proc/self/fd/%d", nameless);
	again = open(via, O_RDONLY);
	LIVE_CHECK(again >= 0 && read(again, &c, 1) == 1 && c == 'g');
	LIVE_CHECK(kind(removed) == 'd' && stat("dir", &st) < 0);
	LIVE_CHECK(openat(removed, "x", O_CREAT | O_WRONLY, 0600) < 0 && errno == ENOENT);
	unlink("file");
	unlink("link");
	unlink("fifo");
	return 0;
}
