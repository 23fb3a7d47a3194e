/* SPDX-License-Identifier: Apache-2.0 */
#include "agent.h"

#include "cairn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { AGENT_PATIENCE_S = 5 };

static const char *agent_find(const char *at, const char *key);

static __thread char agent_message[512] = "no error";

int cairn_agent_say(int rc, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(agent_message, sizeof(agent_message), format, ap);
	va_end(ap);
	return rc;
}

int cairn_agent_not_enabled(void)
{
	return cairn_agent_say(CAIRN_NOT_ENABLED,
			       "not enabled: no agent of cairn has this process");
}

const char *cairn_error(void)
{
	return agent_message;
}

/* The first @size bytes of /proc/@pid/@name, with a NUL; "" where that cannot be read. @pid 0: our own. */
static void agent_read(pid_t pid, const char *name, char *text, size_t size)
{
	char path[48];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), pid ? "/proc/%2$d/%1$s" : "/proc/self/%1$s", name, pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
}

/* As /proc counts, which need not be as we count: in a container it may be that of another pid namespace. */
static pid_t agent_parent_of(pid_t pid)
{
	char text[512], *end;
	int parent = 0;

	agent_read(pid, "stat", text, sizeof(text));
	end = strrchr(text, ')'); /* the command's name may hold anything */
	return end && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

/* What /proc calls @pid: is it @peer to us? The last of its numbers is that of its own namespace. */
static int agent_is(pid_t pid, pid_t peer)
{
	char text[4096], *line, *end;

	if (pid == peer)
		return 1;
	agent_read(pid, "status", text, sizeof(text));
	line = strstr(text, "\nNSpid:");
	if (!line)
		return 0;
	line += strlen("\nNSpid:");
	line[strcspn(line, "\n")] = '\0';
	end = strrchr(line, '\t');
	return peer > 0 && end && atoi(end + 1) == peer;
}

/* Connect to the socket @path, if somebody listens there whom we may believe; and who that is. */
static int agent_connect(const char *path, pid_t *who)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	int fd;

	*who = 0;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -1;
	memcpy(sun.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (!connect(fd, (struct sockaddr *)&sun, sizeof(sun)) &&
	    !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
	    (peer.uid == geteuid() || peer.uid == 0)) {
		*who = peer.pid;
		return fd;
	}
	close(fd);
	return -1;
}

/* The same, if it is @agent. */
static int agent_try(const char *path, pid_t agent)
{
	pid_t who;
	int fd = agent_connect(path, &who);

	if (fd < 0 || agent_is(agent, who))
		return fd;
	close(fd);
	return -1;
}

/* Is one of the processes @top, "[1,2]", we or an ancestor of ours? */
static int agent_names_us(const char *top)
{
	char *end = (char *)(uintptr_t)top;

	while (*end == '[' || *end == ',') {
		long pid = strtol(end + 1, &end, 10);

		for (pid_t up = getpid(); up > 0; up = agent_parent_of(up))
			if (up == pid)
				return 1;
	}
	return 0;
}

/* The same, if whoever it is has this process in its computation. @unused: for all of agent_of_root. */
static int agent_try_stranger(const char *path, pid_t unused)
{
	const struct timeval patience = { .tv_sec = AGENT_PATIENCE_S };
	struct agent_line *line = malloc(sizeof(*line));
	const char *at, *top = NULL;

	(void)unused;
	if (!line)
		return -1;
	line->len = 0;
	line->fd = agent_connect(path, &(pid_t){ 0 });
	if (line->fd >= 0) {
		setsockopt(line->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		if (cairn_agent_send(line, "{\"command\": \"status\"}\n") >= 0 &&
		    cairn_agent_hear(line, &at) == AGENT_RESULT)
			top = agent_find(at, "top");
	}
	if (top && !agent_names_us(top))
		top = NULL;
	if (line->fd >= 0)
		close(line->fd);
	free(line);
	return top ? agent_connect(path, &(pid_t){ 0 }) : -1;
}

static int agent_is_rundir(const char *dir)
{
	char path[96];
	struct stat st;

	snprintf(path, sizeof(path), "%.64s/lock", dir);
	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return 0;
	snprintf(path, sizeof(path), "%.64s/control.sock", dir);
	return !stat(path, &st) && S_ISSOCK(st.st_mode);
}

/*
 * An agent keeps its run directory open. Through /proc it is found whatever the environment says, which
 * after a restart may be that of another machine.
 */
static int agent_of_descriptors(pid_t pid)
{
	char dir[32], path[64], name[96];
	struct dirent *d;
	int fd = -1;
	DIR *all;

	snprintf(dir, sizeof(dir), "/proc/%d/fd", pid);
	all = opendir(dir);
	while (all && fd < 0 && (d = readdir(all))) {
		snprintf(path, sizeof(path), "%s/%.10s", dir, d->d_name);
		if (*d->d_name == '.' || !agent_is_rundir(path))
			continue;
		snprintf(name, sizeof(name), "%s/control.sock", path);
		fd = agent_try(name, pid);
	}
	if (all)
		closedir(all);
	return fd;
}

typedef int agent_test(const char *path, pid_t pid);

/* All run directories below @root. */
static int agent_of_root(agent_test *try, pid_t pid, const char *root)
{
	char path[512];
	struct dirent *d;
	int fd = -1;
	DIR *all = opendir(root);

	while (all && fd < 0 && (d = readdir(all))) {
		if (*d->d_name == '.')
			continue;
		if (snprintf(path, sizeof(path), "%s/%s/control.sock", root, d->d_name) <
		    (int)sizeof(path))
			fd = try(path, pid);
	}
	if (all)
		closedir(all);
	return fd;
}

/* Where we may not look into the agent, or it is nobody above us. */
static int agent_of_roots(agent_test *try, pid_t pid)
{
	const char *own = getenv("CAIRN_RUNDIR"), *xdg = getenv("XDG_RUNTIME_DIR");
	char root[256];
	int fd = -1;

	if (own && *own)
		fd = agent_of_root(try, pid, own);
	if (fd < 0 && xdg && snprintf(root, sizeof(root), "%s/cairn", xdg) < (int)sizeof(root))
		fd = agent_of_root(try, pid, root);
	snprintf(root, sizeof(root), "/tmp/cairn-%u", geteuid());
	return fd >= 0 ? fd : agent_of_root(try, pid, root);
}

static int agent_of(pid_t pid)
{
	char name[32];
	int fd;

	agent_read(pid, "comm", name, sizeof(name));
	if (strncmp(name, "cairn", 5))
		return -1;
	fd = agent_of_descriptors(pid);
	return fd >= 0 ? fd : agent_of_roots(agent_try, pid);
}

struct agent_line *cairn_agent_open(void)
{
	struct agent_line *line = NULL;
	int fd = -1, saved = errno;

	for (pid_t pid = agent_parent_of(0); pid > 0 && fd < 0; pid = agent_parent_of(pid))
		fd = agent_of(pid);
	if (fd < 0)
		fd = agent_of_roots(agent_try_stranger, 0);
	if (fd >= 0)
		line = malloc(sizeof(*line));
	if (line) {
		line->fd = fd;
		line->len = 0;
	} else if (fd >= 0) {
		close(fd);
	}
	errno = saved;
	return line;
}

void cairn_agent_close(struct agent_line *line)
{
	if (line)
		close(line->fd);
	free(line);
}

int cairn_agent_send(struct agent_line *line, const char *format, ...)
{
	char text[1024];
	size_t done = 0, len;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		return cairn_agent_say(-E2BIG, "the request is too long");
	for (len = (size_t)n; done < len;) {
		ssize_t sent = send(line->fd, text + done, len - done, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return cairn_agent_say(-ECONNRESET, "the agent has gone: %s",
					       strerror(errno));
		done += (size_t)sent;
	}
	return 0;
}

/* What a line says is the first of these keys. Inside of strings quotes are escaped: they do not look so. */
static int agent_sort(const char *text, const char **at)
{
	static const char *const keys[] = { "\"error\":", "\"result\":", "\"progress\":" };
	int which = -1;

	for (int i = 0; i < 3; i++) {
		const char *p = strstr(text, keys[i]);

		if (p && (which < 0 || p < *at)) {
			*at = p;
			which = i;
		}
	}
	if (which < 0)
		return cairn_agent_say(-EPROTO, "the agent's answer makes no sense");
	return which;
}

static int agent_fill(struct agent_line *line)
{
	ssize_t n;

	if (line->len == sizeof(line->text) - 1)
		return cairn_agent_say(-EPROTO, "the agent's answer is too long");
	do
		n = recv(line->fd, line->text + line->len, sizeof(line->text) - 1 - line->len, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return cairn_agent_say(-ECONNRESET, "the agent has gone");
	line->len += (size_t)n;
	return 0;
}

int cairn_agent_hear(struct agent_line *line, const char **at)
{
	/* The line before has been read: it stands in front, ended by NUL. */
	size_t used = line->len ? strnlen(line->text, line->len) : 0;
	char message[400] = "the agent reports an error";
	char *end;
	int rc;

	if (line->len && used < line->len) {
		line->len -= used + 1;
		memmove(line->text, line->text + used + 1, line->len);
	}
	while (!(end = memchr(line->text, '\n', line->len))) {
		rc = agent_fill(line);
		if (rc < 0)
			return rc;
	}
	*end = '\0';
	rc = agent_sort(line->text, at);
	if (rc)
		return rc;
	cairn_agent_get_string(*at, "message", message, sizeof(message));
	rc = (int)cairn_agent_get_number(*at, "errno", EIO);
	return cairn_agent_say(rc > 0 ? -rc : -EIO, "%s", message);
}

static const char *agent_find(const char *at, const char *key)
{
	char quoted[64];
	const char *p;

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	p = strstr(at, quoted);
	return p ? p + strlen(quoted) : NULL;
}

/* \uNNNN as UTF-8; without surrogates, which no name of ours needs. */
static size_t agent_unescape(const char *hex, char *to)
{
	unsigned int c = 0;

	if (sscanf(hex, "%4x", &c) != 1)
		return 0;
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	to[0] = (char)(0xe0 | c >> 12);
	to[1] = (char)(0x80 | (c >> 6 & 0x3f));
	to[2] = (char)(0x80 | (c & 0x3f));
	return 3;
}

int cairn_agent_get_string(const char *at, const char *key, char *value, size_t size)
{
	static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
	const char *p = agent_find(at, key), *short_form;
	size_t n = 0;

	if (!p || *p++ != '"')
		return 0;
	for (; *p && *p != '"'; p++) {
		if (n + 4 > size)
			return -ENOSPC;
		if (*p != '\\') {
			value[n++] = *p;
			continue;
		}
		p++;
		short_form = *p ? strchr(from, *p) : NULL;
		if (*p == 'u' && strlen(p) > 4) {
			n += agent_unescape(p + 1, value + n);
			p += 4;
		} else if (short_form) {
			value[n++] = to[short_form - from];
		} else {
			value[n++] = *p;
		}
	}
	if (n >= size)
		return -ENOSPC;
	value[n] = '\0';
	return 1;
}

long long cairn_agent_get_number(const char *at, const char *key, long long otherwise)
{
	const char *p = agent_find(at, key);

	return p && (*p == '-' || (*p >= '0' && *p <= '9')) ? strtoll(p, NULL, 10) : otherwise;
}

void cairn_agent_get_word(const char *at, const char *key, char *word, size_t size)
{
	const char *p = agent_find(at, key);
	size_t n = p ? strcspn(p, ",}") : 0;

	if (n >= size)
		n = size - 1;
	memcpy(word, p ? p : "", n);
	word[n] = '\0';
}

void cairn_agent_identify(struct agent_identity *id, const char *at)
{
	cairn_agent_get_word(at, "started", id->started, sizeof(id->started));
	id->restarted = agent_find(at, "restarted_from") != NULL;
}

int cairn_agent_is_same(const struct agent_identity *a, const struct agent_identity *b)
{
	return !strcmp(a->started, b->started);
}
