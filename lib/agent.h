/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way from a program to its agent: find it, connect, exchange lines of JSON.
 *
 * The one rule: nothing is remembered about the agent between requests: after a restart it is another one.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

enum { AGENT_LINE_MAX = 16384 };

struct agent_line {
	int fd;
	size_t len;
	char text[AGENT_LINE_MAX];
};

/*
 * Connect to the agent of the calling process: the nearest ancestor that holds the run directory of a
 * computation, or, where there is none, one that has adopted us. NULL if there is none. errno stays.
 */
struct agent_line *cairn_agent_open(void);
void cairn_agent_close(struct agent_line *line);

int cairn_agent_send(struct agent_line *line, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

enum agent_said { AGENT_RESULT = 1, AGENT_PROGRESS = 2 };

/*
 * The next line, of which *@at is what it says, valid until the next call. An error of the agent's is noted
 * (cairn_agent_say) and its number returned; -ECONNRESET when the agent has gone.
 */
int cairn_agent_hear(struct agent_line *line, const char **at);

/* Values of @key in @at; strings are unescaped into @value. 1, or 0 if it is not there; -ENOSPC. */
int cairn_agent_get_string(const char *at, const char *key, char *value, size_t size);
/* As it stands there, to be compared. */
void cairn_agent_get_word(const char *at, const char *key, char *word, size_t size);
long long cairn_agent_get_number(const char *at, const char *key, long long otherwise);

/* Which agent, and whether it has restarted us. */
struct agent_identity {
	char started[32];
	int restarted;
};
void cairn_agent_identify(struct agent_identity *id, const char *at);
int cairn_agent_is_same(const struct agent_identity *a, const struct agent_identity *b);

/* What cairn_error() gives; returns @rc. */
int cairn_agent_say(int rc, const char *format, ...) __attribute__((format(printf, 2, 3)));
int cairn_agent_not_enabled(void);
