/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who runs tests, where: a directory with a copy of what tests need, and perhaps a user made for them.
 *
 * The one rule: whatever account_open made, account_close takes away again.
 */
#pragma once

#include "lib/catalog.h"

#include <stdbool.h>

struct account {
	const char *name; /* as shown: "root", "user", or who we are */
	char *user; /* made here; NULL: tests run as we do */
	char *base; /* tests' directories are in here */
	char *tree; /* the copy, so that a plain user can reach it and a rebuild does not pull it away */
	const char *top, *build; /* borrowed: the originals */
};

/* @plain: make a user. False, after a word about it, if that cannot be done; close it all the same. */
bool account_open(struct account *a, const char *top, const char *build, bool plain);
void account_close(struct account *a);

/* A new directory for @test to work in; the caller removes and frees it. */
char *account_room(const struct account *a, const struct test *test);

/* In a child: set the environment of a test that works in @room. */
void account_environment(const struct account *a, const char *room);
