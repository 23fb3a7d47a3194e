/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that all commands share, for argp: a child parser that a command names among its own.
 *
 * The one rule: every option has an environment variable of the same meaning (CAIRN_ and the
 * option's name), and the option wins.
 */
#pragma once

#include <argp.h>
#include <stdbool.h>

struct options_common {
	const char *name; /* -n, $CAIRN_NAME; NULL: not given */
	const char *ckpt_dir; /* -d, $CAIRN_CKPT_DIR; NULL: not given */
	bool json; /* --json, $CAIRN_JSON */
};

/*
 * Children for a command's struct argp. A parser that uses one hands a struct options_common to it in
 * ARGP_KEY_INIT: state->child_inputs[0] = &common.
 */
extern const struct argp_child options_with_name[]; /* -n -d */
extern const struct argp_child options_with_json[]; /* -n -d --json */

/*
 * Parse as argp_parse does, with our conventions: the program is called "cairn COMMAND" in messages, a
 * usage error ends the process with status 2. @flags: ARGP_IN_ORDER for commands that end in a
 * program's own arguments (their parser takes ARGP_KEY_ARGS).
 */
void options_parse(const struct argp *argp, int argc, char **argv, unsigned int flags, void *input);

/* The value of environment variable @name, or NULL where it is unset or empty. */
const char *options_env(const char *name);
bool options_env_bool(const char *name);

/* For parsers: the argument of @option as a whole number up to @max, else a usage error. */
unsigned int options_number(const struct argp_state *state, const char *option, const char *text,
			    unsigned int max);
/* Likewise seconds, with s, m, h, d. */
unsigned int options_seconds(const struct argp_state *state, const char *option, const char *text);
