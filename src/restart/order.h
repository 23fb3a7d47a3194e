/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is born when, where ids come one after the other (restart/cycle.h): all processes and threads of a
 * computation in one list, by id, but no child before its parent.
 *
 * The one rule: it lies in memory that all processes of a restart share, and only the one whose turn it is
 * makes anything.
 */
#pragma once

#include "base/err.h"
#include "image/reader.h"

#include <stdint.h>
#include <sys/types.h>

enum { ORDER_AGENT = -1, ORDER_NOBODY = -2 };

struct order_slot {
	pid_t id;
	int32_t maker; /* index of the process that makes it, or ORDER_AGENT */
	int32_t process; /* index of the process that it is, or is a thread of */
	uint32_t thread; /* index of the thread; 0: the process itself */
	uint32_t listed; /* while the list is made: it stands there already */
};

struct order;

/* For the images of one generation; their top processes are children of @agent. */
int order_create(struct order **order, struct image_reader *const *images, size_t n, pid_t agent,
		 struct err *err);
void order_destroy(struct order *order);

/* Wait until it is the turn of one of @maker's; NULL: there is none left. */
const struct order_slot *order_await(struct order *order, int32_t maker);

/* The id before that one's, for whose turn it is; 0: it is the first. */
pid_t order_last(const struct order *order);

/* It has been made: the next one's turn. */
void order_advance(struct order *order);
