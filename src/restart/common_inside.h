/* SPDX-License-Identifier: Apache-2.0 */
/* What common.c and common_make.c share. */
#pragma once

#include "restart/common.h"

static inline const struct model *common_model(const struct common *c, size_t i)
{
	return image_reader_model(c->images[i]);
}

static inline uint64_t common_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline uint64_t common_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The first range of @list that ends behind @addr. */
size_t common_first(const common_ranges *list, uint64_t addr);
