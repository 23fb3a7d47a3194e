/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of the commands that become an agent: launch, run, restart, adopt.
 *
 * The one rule: each has an environment variable, and the option wins.
 */
#pragma once

#include "coord/agent.h"
#include "host/options.h"

struct agent_argp {
	struct options_common common;
	struct agent_options agent; /* name and ckpt_dir are left to the command */
	bool may_auto; /* set by a command that understands --interval auto */
	bool interval_auto;
	bool given; /* any of these stood on the command line (not -n) */
};

/*
 * The child parser (with -n and -d); its input is a struct agent_argp. Sets defaults and what the
 * environment says.
 */
extern const struct argp_child agent_argp_children[];
