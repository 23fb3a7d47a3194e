/* SPDX-License-Identifier: Apache-2.0 */
#include "host/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static atomic_int log_fd = -1;
static atomic_int log_copy_fd = -1;

void log_open(int fd)
{
	atomic_store(&log_fd, fd);
}

void log_copy(int fd)
{
	atomic_store(&log_copy_fd, fd);
}

static enum log_level log_level_named(const char *s, size_t len)
{
	if (len == 5 && !memcmp(s, "debug", 5))
		return LOG_LEVEL_DEBUG;
	if (len == 5 && !memcmp(s, "error", 5))
		return LOG_LEVEL_ERROR;
	return LOG_LEVEL_INFO;
}

/* What CAIRN_LOG says about @domain; the later entry wins, as on a command line. */
static enum log_level log_filter(const char *domain)
{
	enum log_level level = LOG_LEVEL_INFO;
	const char *p = getenv("CAIRN_LOG");

	while (p && *p) {
		size_t len = strcspn(p, ",");
		const char *colon = memchr(p, ':', len);

		if (!colon)
			level = log_level_named(p, len);
		else if ((size_t)(colon - p) == strlen(domain) &&
			 !memcmp(p, domain, strlen(domain)))
			level = log_level_named(colon + 1, len - (size_t)(colon + 1 - p));
		p += len + (p[len] == ',');
	}
	return level;
}

bool log_wanted(const char *domain, enum log_level level)
{
	return (atomic_load(&log_fd) >= 0 || atomic_load(&log_copy_fd) >= 0) &&
	       level <= log_filter(domain);
}

static void log_put(int fd, const char *line, size_t len)
{
	/* A log that cannot be written must not disturb the work it tells about. */
	if (fd >= 0 && write(fd, line, len) < 0)
		return;
}

static void __attribute__((format(printf, 3, 0)))
log_line(const char *domain, enum log_level level, const char *fmt, va_list ap)
{
	static const char *const words[] = { "error: ", "", "debug: " };
	char line[1024];
	struct timespec now;
	struct tm tm;
	size_t len;
	int n;

	if (!log_wanted(domain, level))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	len = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
	n = snprintf(line + len, sizeof(line) - len, ".%03ld [%d] %s: %s", now.tv_nsec / 1000000,
		     getpid(), domain, words[level]);
	len += (size_t)n;
	n = vsnprintf(line + len, sizeof(line) - len, fmt, ap);
	len += n < 0 ? 0 : (size_t)n;
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	log_put(atomic_load(&log_fd), line, len);
	if (level <= LOG_LEVEL_INFO)
		log_put(atomic_load(&log_copy_fd), line, len);
}

void log_error(const char *domain, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(domain, LOG_LEVEL_ERROR, fmt, ap);
	va_end(ap);
}

void log_info(const char *domain, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(domain, LOG_LEVEL_INFO, fmt, ap);
	va_end(ap);
}

void log_debug(const char *domain, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(domain, LOG_LEVEL_DEBUG, fmt, ap);
	va_end(ap);
}
